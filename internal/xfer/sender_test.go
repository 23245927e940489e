package xfer_test

import (
	"testing"

	"example.com/uft/internal/xfer"
)

// readAll tells a sender the script's file and returns the chunks that need not
// travel.
func readAll(sender *xfer.Sender) (held []int) {
	for i, n := range []int{xfer.ChunkSize, xfer.ChunkSize, 1} {
		if sender.Chunk(scriptChunks[i], n) {
			held = append(held, i)
		}
	}
	sender.End()
	return held
}

func TestSendWithoutTrouble(t *testing.T) {
	s := begin(t)
	sender := s.offers(entry(3, "a", scriptSize))
	if sender.Holds(0) {
		t.Error("chunk 0 is held before the receiver said anything")
	}
	if held := readAll(sender); held != nil {
		t.Errorf("chunks %v need not travel", held)
	}
	s.says(chunk(0), chunk(1), chunk(2), theEnd())
	if !sender.Ended() || sender.Accepted() || sender.Root() != scriptRoot || sender.Read() != scriptSize {
		t.Errorf("ended %t, accepted %t, root %v, %d bytes", sender.Ended(), sender.Accepted(), sender.Root(), sender.Read())
	}
	s.hears(&xfer.Accept{Transfer: 3})
	s.hears(&xfer.Status{Transfer: 3, Activity: xfer.ActivitySyncing, Bytes: 9})
	if status := sender.Status(); status.Activity != xfer.ActivitySyncing || status.Bytes != 9 {
		t.Errorf("status %+v", status)
	}
	wantRunning(t, sender)
	if event := s.hears(&xfer.Done{Transfer: 3, Root: scriptRoot}); event.Sender != sender {
		t.Errorf("event %+v", event)
	}
	wantDone(t, sender)
	if sender.Same() || s.session.Active() != 0 {
		t.Errorf("same %t, %d active", sender.Same(), s.session.Active())
	}
}

func TestSendWhatIsHeld(t *testing.T) {
	s := begin(t)
	sender := s.offers(entry(3, "a", scriptSize))
	s.hears(&xfer.Held{Transfer: 3, First: 0, Hashes: scriptChunks[:1]})
	s.hears(&xfer.Held{Transfer: 3, First: 1, Hashes: []xfer.Hash{hashOf(0xff), scriptChunks[2]}})
	s.hears(&xfer.Accept{Transfer: 3})
	if !sender.Holds(0) || !sender.Holds(2) || sender.Holds(3) {
		t.Error("other chunks are held than the receiver said")
	}
	if held := readAll(sender); len(held) != 2 || held[0] != 0 || held[1] != 2 {
		t.Errorf("chunks %v need not travel, want 0 and 2", held)
	}
	s.says(chunk(0), chunk(1), chunk(2), theEnd())
	s.hears(&xfer.Done{Transfer: 3, Root: scriptRoot, Same: true})
	wantDone(t, sender)
	if !sender.Same() {
		t.Error("the flag was lost")
	}
}

func TestSendRefused(t *testing.T) {
	for name, answer := range map[string]xfer.Message{
		"refused":              &xfer.Refuse{Transfer: pointer(uint16(3)), Code: xfer.CodeExists, Text: "no"},
		"given up":             &xfer.Error{Transfer: 3, Code: xfer.CodeExists, Text: "no"},
		"refused after ACCEPT": &xfer.Refuse{Transfer: pointer(uint16(3)), Code: xfer.CodeExists, Text: "no"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			sender := s.offers(entry(3, "a", scriptSize))
			if name == "refused after ACCEPT" {
				s.hears(&xfer.Accept{Transfer: 3})
			}
			s.hears(answer)
			wantFailure(t, sender, xfer.CodeExists, true)
			if sender.Failure().Text != "no" {
				t.Errorf("text %q", sender.Failure().Text)
			}
			// What is read after that is of no interest.
			readAll(sender)
			sender.Fail(xfer.CodeInternal, "late")
			s.says()
			wantFailure(t, sender, xfer.CodeExists, true)
			// Nor is what was on its way.
			s.hears(&xfer.Status{Transfer: 3, Activity: 1})
		})
	}
}

func TestSendOtherSizeThanOffered(t *testing.T) {
	s := begin(t)
	sender := s.offers(entry(3, "a", scriptSize+1))
	readAll(sender)
	wantFailure(t, sender, xfer.CodeSourceChanged, false)
	s.says(chunk(0), chunk(1), chunk(2), &xfer.Error{Transfer: 3, Code: xfer.CodeSourceChanged, Text: sender.Failure().Text})
}

func TestSendUnknownSize(t *testing.T) {
	s := begin(t)
	sender := s.offers(xfer.NewEntry(3, "a"))
	readAll(sender)
	s.says(chunk(0), chunk(1), chunk(2), theEnd())
	s.rejects(&xfer.Held{Transfer: 3, Hashes: scriptChunks[:1]}, xfer.CodeProtocol)
}

func TestSendGivenUp(t *testing.T) {
	s := begin(t)
	sender := s.offers(entry(3, "a", scriptSize))
	sender.Fail(xfer.CodeCancelled, "the user")
	wantFailure(t, sender, xfer.CodeCancelled, false)
	s.says(&xfer.Error{Transfer: 3, Code: xfer.CodeCancelled, Text: "the user"})
	s.session.Forget(sender, nil)
	s.hears(&xfer.Accept{Transfer: 3}) // it crossed our word
	if s.session.Active() != 0 {
		t.Error("it still counts")
	}
}

func TestSendBrokenAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		before []xfer.Message
		broken xfer.Message
	}{
		"never offered":     {nil, &xfer.Accept{Transfer: 4}},
		"accepted twice":    {[]xfer.Message{&xfer.Accept{Transfer: 3}}, &xfer.Accept{Transfer: 3}},
		"held after ACCEPT": {[]xfer.Message{&xfer.Accept{Transfer: 3}}, &xfer.Held{Transfer: 3, Hashes: scriptChunks}},
		"held too much":     {nil, &xfer.Held{Transfer: 3, First: 1, Hashes: scriptChunks}},
		"held too far":      {nil, &xfer.Held{Transfer: 3, First: 1<<62 - 1, Hashes: scriptChunks}},
		"done before END":   {[]xfer.Message{&xfer.Accept{Transfer: 3}}, &xfer.Done{Transfer: 3, Root: scriptRoot}},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.offers(entry(3, "a", scriptSize))
			for _, m := range test.before {
				s.hears(m)
			}
			s.rejects(test.broken, xfer.CodeProtocol)
		})
	}
}

func TestSendDoneWithAnotherRoot(t *testing.T) {
	s := begin(t)
	sender := s.offers(entry(3, "a", scriptSize))
	readAll(sender)
	s.hears(&xfer.Accept{Transfer: 3})
	s.hears(&xfer.Done{Transfer: 3, Root: hashOf(1)})
	wantFailure(t, sender, xfer.CodeIntegrity, false)
}
