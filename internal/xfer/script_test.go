package xfer_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/uft/internal/xfer"
)

// script is one side of a conversation; the test plays the other.
type script struct {
	t       *testing.T
	session *xfer.Session
}

// begin makes a session of a service that does everything, past the HELLOs.
func begin(t *testing.T) *script {
	t.Helper()
	local := xfer.Hello{Program: "here", Abilities: xfer.AbilityWrites | xfer.AbilitySends}
	s := &script{t: t, session: xfer.NewSession(local, [16]byte{15: 0xff})}
	s.says(&local)
	s.hears(&xfer.Hello{Program: "there"})
	return s
}

// hears gives the session a message of the peer.
func (s *script) hears(m xfer.Message) xfer.Event {
	s.t.Helper()
	event, err := s.session.Handle(m)
	if err != nil {
		s.t.Fatalf("%v: %v", m.Type(), err)
	}
	return event
}

// rejects gives the session a message that breaks the rules.
func (s *script) rejects(m xfer.Message, code xfer.Code) {
	s.t.Helper()
	event, err := s.session.Handle(m)
	var broken *xfer.ProtocolError
	if !errors.As(err, &broken) || broken.Code != code {
		s.t.Errorf("%v: %+v, %v, want an error of code %v", m.Type(), event, err, code)
	}
}

// says compares everything that the session has to say.
func (s *script) says(want ...xfer.Message) {
	s.t.Helper()
	var got []xfer.Message
	for m := s.session.NextMessage(); m != nil; m = s.session.NextMessage() {
		got = append(got, m)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// entry is a file of an offer.
func entry(transfer uint16, name string, size uint64) xfer.Entry {
	e := xfer.NewEntry(transfer, name)
	e.Size = &size
	return e
}

// offers offers a file and passes over the OFFER.
func (s *script) offers(e xfer.Entry) *xfer.Sender {
	s.t.Helper()
	sender := s.session.Offer([]xfer.Entry{e}, nil)[0]
	s.says(&xfer.Offer{ID: [16]byte{15: 0xff}, Entries: []xfer.Entry{e}})
	return sender
}

// isOffered offers a file to the session.
func (s *script) isOffered(e xfer.Entry) *xfer.Receiver {
	s.t.Helper()
	event := s.hears(&xfer.Offer{Entries: []xfer.Entry{e}})
	if len(event.Incoming) != 1 {
		s.t.Fatalf("the offer became %+v", event)
	}
	return event.Incoming[0]
}

// ending is what both machines tell of the end.
type ending interface {
	Over() bool
	Failure() *xfer.Failure
}

func wantRunning(t *testing.T, e ending) {
	t.Helper()
	if e.Over() {
		t.Errorf("over with %v, should go on", e.Failure())
	}
}

func wantDone(t *testing.T, e ending) {
	t.Helper()
	if !e.Over() || e.Failure() != nil {
		t.Errorf("over is %t, failure is %v, want done", e.Over(), e.Failure())
	}
}

func wantFailure(t *testing.T, e ending, code xfer.Code, remote bool) {
	t.Helper()
	if f := e.Failure(); !e.Over() || f == nil || f.Code != code || f.Remote != remote {
		t.Errorf("over is %t, failure is %v, want %v, remote %t", e.Over(), f, code, remote)
	}
}

// The chunks of the files of the scripts: two full ones and one byte.
const scriptSize = 2*xfer.ChunkSize + 1

var scriptChunks = []xfer.Hash{hashOf(0xa0), hashOf(0xa1), hashOf(0xa2)}

var scriptRoot = xfer.Root(scriptSize, scriptChunks)

// chunk is the CHUNK of the script's file.
func chunk(i int) *xfer.Chunk {
	return &xfer.Chunk{Transfer: 3, Index: uint64(i), Hash: scriptChunks[i]}
}

// theEnd is its END.
func theEnd() *xfer.End { return &xfer.End{Transfer: 3, Size: scriptSize, Root: scriptRoot} }
