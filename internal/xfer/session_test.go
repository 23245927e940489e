package xfer_test

import (
	"testing"

	"example.com/uft/internal/xfer"
)

func TestModes(t *testing.T) {
	for _, test := range []struct {
		local, peer xfer.Mode
		together    bool
	}{
		{xfer.ModeService, xfer.ModeService, true},
		{xfer.ModeService, xfer.ModeOneWay, true},
		{xfer.ModeOneWay, xfer.ModeService, true},
		{xfer.ModeOneWay, xfer.ModeOneWay, true},
		{xfer.ModeBothWays, xfer.ModeBothWays, true},
		{xfer.ModeService, xfer.ModeBothWays, false},
		{xfer.ModeOneWay, xfer.ModeBothWays, false},
		{xfer.ModeBothWays, xfer.ModeOneWay, false},
		{xfer.ModeBothWays, xfer.ModeService, false},
		{xfer.ModeService, 3, false},
	} {
		s := &script{t: t, session: xfer.NewSession(xfer.Hello{Mode: test.local}, [16]byte{})}
		if !test.together {
			s.rejects(&xfer.Hello{Mode: test.peer}, xfer.CodeMode)
			continue
		}
		if event := s.hears(&xfer.Hello{Mode: test.peer, Program: "x"}); event.Hello == nil || s.session.Peer().Program != "x" {
			t.Errorf("%v and %v: %+v", test.local, test.peer, event)
		}
	}
}

func TestHelloIsFirstAndOnce(t *testing.T) {
	s := &script{t: t, session: xfer.NewSession(xfer.Hello{}, [16]byte{})}
	s.rejects(&xfer.Request{Name: "a"}, xfer.CodeProtocol)
	s = begin(t)
	s.rejects(&xfer.Hello{}, xfer.CodeProtocol)
}

func TestRequestAnswered(t *testing.T) {
	s := begin(t)
	id := s.session.Request("a", 8000, true)
	s.says(&xfer.Request{ID: id, Name: "a", Rate: 8000, Background: true})
	event := s.hears(&xfer.Offer{Answers: &id, Entries: []xfer.Entry{entry(0, "a", 1)}})
	if event.Answers == nil || *event.Answers != id || len(event.Incoming) != 1 {
		t.Errorf("event %+v", event)
	}
	// Once is enough.
	s.rejects(&xfer.Offer{Answers: &id, Entries: []xfer.Entry{entry(1, "a", 1)}}, xfer.CodeProtocol)
}

func TestRequestRefused(t *testing.T) {
	s := begin(t)
	id := s.session.Request("a", 0, false)
	event := s.hears(&xfer.Refuse{Request: &id, Code: xfer.CodeNotFound, Text: "no"})
	if event.Refused == nil || *event.Refused != id || event.Failure.Code != xfer.CodeNotFound || !event.Failure.Remote {
		t.Errorf("event %+v", event)
	}
	if s.session.Active() != 0 {
		t.Error("it still counts")
	}
	s.rejects(&xfer.Refuse{Request: &id}, xfer.CodeProtocol)
}

func TestAnswerRequests(t *testing.T) {
	s := begin(t)
	if event := s.hears(&xfer.Request{ID: 9, Name: "a"}); event.Request == nil || event.Request.ID != 9 {
		t.Fatalf("event %+v", event)
	}
	s.rejects(&xfer.Request{ID: 9, Name: "b"}, xfer.CodeProtocol)
	e := entry(0, "a", 1)
	s.session.Offer([]xfer.Entry{e}, pointer(uint64(9)))
	s.says(&xfer.Offer{ID: [16]byte{15: 0xff}, Answers: pointer(uint64(9)), Entries: []xfer.Entry{e}})
	s.hears(&xfer.Request{ID: 10, Name: "b"})
	s.session.RefuseRequest(10, xfer.CodeNotFound, "no")
	s.says(&xfer.Refuse{Request: pointer(uint64(10)), Code: xfer.CodeNotFound, Text: "no"})
	// A second offer has an id of its own.
	e = entry(1, "b", 1)
	s.session.Offer([]xfer.Entry{e}, nil)
	s.says(&xfer.Offer{ID: [16]byte{14: 1}, Entries: []xfer.Entry{e}})
}

func TestRequestsThatAreNotServed(t *testing.T) {
	s := begin(t)
	if event := s.hears(&xfer.Request{ID: 1, Name: "a", Target: pointer("a third host")}); event.Request != nil {
		t.Error("the target was overlooked")
	}
	refusal := s.session.NextMessage().(*xfer.Refuse)
	if *refusal.Request != 1 || refusal.Code != xfer.CodeUnsupported {
		t.Errorf("%+v", refusal)
	}
	for i := range 1000 {
		s.hears(&xfer.Request{ID: uint64(i), Name: "a"})
	}
	if busy, ok := s.session.NextMessage().(*xfer.Refuse); !ok || busy.Code != xfer.CodeBusy {
		t.Errorf("a thousand requests at once: %+v", busy)
	}
	deaf := &script{t: t, session: xfer.NewSession(xfer.Hello{}, [16]byte{})}
	deaf.says(&xfer.Hello{})
	deaf.hears(&xfer.Hello{})
	deaf.hears(&xfer.Request{ID: 1, Name: "a"})
	if refusal := deaf.session.NextMessage().(*xfer.Refuse); refusal.Code != xfer.CodeNotServed {
		t.Errorf("%+v", refusal)
	}
	deaf.hears(&xfer.Offer{Entries: []xfer.Entry{entry(0, "a", 1)}})
	if refusal := deaf.session.NextMessage().(*xfer.Refuse); *refusal.Transfer != 0 || refusal.Code != xfer.CodeNotServed {
		t.Errorf("%+v", refusal)
	}
	deaf.hears(chunk0of0) // was on its way
}

var chunk0of0 = &xfer.Chunk{}

func TestOffersThatAreRefused(t *testing.T) {
	s := begin(t)
	folder, hash := entry(0, "a", 1), entry(1, "b", 1)
	folder.Kind, hash.Hash = 1, 2
	if event := s.hears(&xfer.Offer{Entries: []xfer.Entry{folder, hash}}); len(event.Incoming) != 0 {
		t.Errorf("event %+v", event)
	}
	for range 2 {
		if refusal := s.session.NextMessage().(*xfer.Refuse); refusal.Code != xfer.CodeUnsupported {
			t.Errorf("%+v", refusal)
		}
	}
	s.rejects(&xfer.Offer{Entries: []xfer.Entry{entry(0, "a", 1)}}, xfer.CodeProtocol)
	s.rejects(&xfer.Offer{Entries: []xfer.Entry{entry(7, "a", 1), entry(7, "b", 1)}}, xfer.CodeProtocol)
	many := make([]xfer.Entry, 2000)
	for i := range many {
		many[i] = entry(uint16(100+i), "a", 1)
	}
	event := s.hears(&xfer.Offer{Entries: many})
	if n := len(event.Incoming); n == 0 || n == len(many) {
		t.Errorf("%d of %d files at once", n, len(many))
	}
	if refusal := s.session.NextMessage().(*xfer.Refuse); refusal.Code != xfer.CodeBusy {
		t.Errorf("%+v", refusal)
	}
}

// TestBothWaysSameNumbers: both sides number their transfers from 0, so every
// message has to find the right one of two.
func TestBothWaysSameNumbers(t *testing.T) {
	for _, peerFails := range []bool{true, false} {
		s := begin(t)
		sender := s.offers(entry(0, "mine", 1))
		receiver := s.isOffered(entry(0, "theirs", 1))
		receiver.Accept()
		s.says(&xfer.Accept{Transfer: 0})
		if peerFails {
			// The peer gives its own file up.
			s.hears(&xfer.Error{Transfer: 0, Code: xfer.CodeSourceChanged})
			wantFailure(t, receiver, xfer.CodeSourceChanged, true)
			wantRunning(t, sender)
		} else {
			// The peer gives ours up.
			s.hears(&xfer.Refuse{Transfer: pointer(uint16(0)), Code: xfer.CodeDisk})
			wantFailure(t, sender, xfer.CodeDisk, true)
			wantRunning(t, receiver)
		}
	}
}

// TestOwed: answers count as long as they are not taken, and what this side
// says of its own accord does not.
func TestOwed(t *testing.T) {
	s := begin(t)
	wantQueue := func(queued, owed int) {
		t.Helper()
		if s.session.Queued() != queued || s.session.Owed() != owed {
			t.Errorf("%d queued, %d of them owed, want %d and %d", s.session.Queued(), s.session.Owed(), queued, owed)
		}
	}
	wantQueue(0, 0)
	s.session.Request("mine", 0, false)
	sender := s.session.Offer([]xfer.Entry{entry(0, "mine", 2)}, nil)[0]
	sender.Chunk(scriptChunks[0], 2)
	sender.End()
	wantQueue(4, 0)
	event := s.hears(&xfer.Offer{Entries: []xfer.Entry{entry(0, "theirs", scriptSize), entry(1, "another", 1)}})
	event.Incoming[0].Status(xfer.ActivityReading, 1)
	event.Incoming[0].Hold(scriptChunks[0])
	event.Incoming[0].AcceptHolding(true)
	event.Incoming[1].Fail(xfer.CodeExists, "")
	wantQueue(8, 2)
	for id := range uint64(2) {
		s.hears(&xfer.Request{ID: id, Name: "a"})
	}
	s.session.Offer([]xfer.Entry{entry(1, "a", 1)}, pointer(uint64(0)))
	s.session.RefuseRequest(1, xfer.CodeNotFound, "")
	wantQueue(10, 4)
	for s.session.NextMessage() != nil {
	}
	wantQueue(0, 0)
}
