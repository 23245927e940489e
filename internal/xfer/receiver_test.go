package xfer_test

import (
	"testing"

	"pgregory.net/rapid"

	"example.com/uft/internal/xfer"
)

func TestReceiveWithoutTrouble(t *testing.T) {
	s := begin(t)
	r := s.isOffered(entry(3, "a", scriptSize))
	if r.Plan(0) != xfer.Wait {
		t.Error("bytes are taken before the file is accepted")
	}
	r.Accept()
	s.says(&xfer.Accept{Transfer: 3})
	if r.Plan(0) != xfer.Take {
		t.Error("bytes are not taken")
	}
	r.Chunk(1, scriptChunks[1]) // the bytes come before the CHUNK
	if r.Verified(1) {
		t.Error("chunk 1 is verified before it was announced")
	}
	s.hears(chunk(0))
	s.hears(chunk(1))
	s.hears(chunk(2))
	r.Chunk(2, scriptChunks[2])
	s.hears(theEnd())
	if !r.Verified(1) || r.Complete() {
		t.Errorf("chunk 1 verified: %t, complete: %t", r.Verified(1), r.Complete())
	}
	r.Committed() // too early, and of no effect
	r.Chunk(0, scriptChunks[0])
	if !r.Complete() || r.Same() {
		t.Errorf("complete: %t, same: %t", r.Complete(), r.Same())
	}
	r.Status(xfer.ActivitySyncing, scriptSize)
	wantRunning(t, r)
	r.Committed()
	s.says(&xfer.Status{Transfer: 3, Activity: xfer.ActivitySyncing, Bytes: scriptSize}, &xfer.Done{Transfer: 3, Root: scriptRoot})
	wantDone(t, r)
	s.session.Forget(nil, r)
	if s.session.Active() != 0 || !s.session.Received(3) {
		t.Error("it still counts")
	}
}

func TestReceiveEmptyFile(t *testing.T) {
	s := begin(t)
	r := s.isOffered(entry(3, "a", 0))
	root := xfer.Root(0, nil)
	s.hears(&xfer.End{Transfer: 3, Size: 0, Root: root})
	if r.Complete() {
		t.Error("complete before it was accepted")
	}
	r.Accept()
	if !r.Complete() {
		t.Error("nothing is missing")
	}
	r.Committed()
	s.says(&xfer.Accept{Transfer: 3}, &xfer.Done{Transfer: 3, Root: root})
}

func TestReceiveUnknownSize(t *testing.T) {
	s := begin(t)
	r := s.isOffered(xfer.NewEntry(3, "a"))
	r.Accept()
	for i := range scriptChunks {
		s.hears(chunk(i))
		r.Chunk(uint64(i), scriptChunks[i])
	}
	if _, known := r.Size(); known || r.Complete() {
		t.Error("the end is known before END")
	}
	s.hears(theEnd())
	if size, known := r.Size(); !known || size != scriptSize || !r.Complete() || r.Root() != scriptRoot {
		t.Errorf("size %d, %t, complete %t", size, known, r.Complete())
	}
}

func TestReceiveMismatch(t *testing.T) {
	for name, play := range map[string]func(s *script, r *xfer.Receiver){
		"bytes before CHUNK": func(s *script, r *xfer.Receiver) {
			r.Chunk(0, hashOf(1))
			s.hears(chunk(0))
		},
		"bytes after CHUNK": func(s *script, r *xfer.Receiver) {
			s.hears(chunk(0))
			r.Chunk(0, hashOf(1))
		},
		"root": func(s *script, r *xfer.Receiver) {
			for i := range scriptChunks {
				s.hears(chunk(i))
			}
			s.hears(&xfer.End{Transfer: 3, Size: scriptSize, Root: hashOf(1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			r := s.isOffered(entry(3, "a", scriptSize))
			r.Accept()
			s.says(&xfer.Accept{Transfer: 3})
			play(s, r)
			wantFailure(t, r, xfer.CodeIntegrity, false)
			if r.Complete() || r.Plan(0) != xfer.Drop {
				t.Error("it goes on")
			}
			s.says(&xfer.Refuse{Transfer: pointer(uint16(3)), Code: xfer.CodeIntegrity, Text: r.Failure().Text})
			s.hears(&xfer.End{Transfer: 3, Size: scriptSize}) // on its way, and of no interest
		})
	}
}

// holdAll tells the session that the existing file has these chunks.
func holdAll(s *script, r *xfer.Receiver, replace bool, chunks ...xfer.Hash) {
	s.t.Helper()
	for _, h := range chunks {
		r.Hold(h)
	}
	r.AcceptHolding(replace)
	s.says(&xfer.Held{Transfer: 3, Hashes: chunks}, &xfer.Accept{Transfer: 3})
}

// skips returns the chunks that need not come.
func skips(r *xfer.Receiver) (list []uint64) {
	for i, ok := r.NextSkip(); ok; i, ok = r.NextSkip() {
		list = append(list, i)
	}
	return list
}

func TestReceiveTheVerySame(t *testing.T) {
	for _, replace := range []bool{false, true} {
		s := begin(t)
		r := s.isOffered(entry(3, "a", scriptSize))
		s.hears(chunk(0)) // comes before the decision
		holdAll(s, r, replace, scriptChunks...)
		if r.Plan(0) != xfer.Drop || r.Plan(1) != xfer.Wait {
			t.Errorf("plans %v, %v", r.Plan(0), r.Plan(1))
		}
		s.hears(chunk(1))
		s.hears(chunk(2))
		s.hears(theEnd())
		if got := skips(r); len(got) != 3 {
			t.Errorf("chunks %v need not come", got)
		}
		if _, ok := r.NextCopy(); ok || !r.Complete() || !r.Same() {
			t.Errorf("copy %t, complete %t, same %t", ok, r.Complete(), r.Same())
		}
		r.Committed()
		s.says(&xfer.Done{Transfer: 3, Root: scriptRoot, Same: true})
	}
}

func TestReceiveAnotherOfTheName(t *testing.T) {
	s := begin(t)
	r := s.isOffered(entry(3, "a", scriptSize))
	holdAll(s, r, false, scriptChunks[0], hashOf(1), scriptChunks[2])
	s.hears(chunk(0))
	wantRunning(t, r)
	s.hears(chunk(1))
	wantFailure(t, r, xfer.CodeExists, false)
	s.says(&xfer.Refuse{Transfer: pointer(uint16(3)), Code: xfer.CodeExists, Text: r.Failure().Text})
}

func TestReceiveOverAnother(t *testing.T) {
	s := begin(t)
	r := s.isOffered(entry(3, "a", scriptSize))
	holdAll(s, r, true, scriptChunks[0], hashOf(1), scriptChunks[2])
	s.hears(chunk(0))
	if _, ok := r.NextCopy(); ok {
		t.Error("something is copied before anything differs")
	}
	s.hears(chunk(1))
	s.hears(chunk(2))
	s.hears(theEnd())
	if r.Plan(0) != xfer.Drop || r.Plan(1) != xfer.Take || r.Plan(2) != xfer.Drop {
		t.Errorf("plans %v %v %v", r.Plan(0), r.Plan(1), r.Plan(2))
	}
	var copied []uint64
	for i, ok := r.NextCopy(); ok; i, ok = r.NextCopy() {
		copied = append(copied, i)
		if r.Complete() {
			t.Error("complete before everything is copied")
		}
		r.Chunk(i, scriptChunks[i])
	}
	if len(copied) != 2 || copied[0] != 0 || copied[1] != 2 {
		t.Errorf("copied %v, want 0 and 2", copied)
	}
	r.Chunk(1, scriptChunks[1])
	if !r.Complete() || r.Same() {
		t.Errorf("complete %t, same %t", r.Complete(), r.Same())
	}
}

// TestReceiveOldFileChanges: what is copied is verified like everything else.
func TestReceiveOldFileChanges(t *testing.T) {
	s := begin(t)
	r := s.isOffered(entry(3, "a", scriptSize))
	holdAll(s, r, true, scriptChunks[0], hashOf(1), scriptChunks[2])
	s.hears(chunk(0))
	s.hears(chunk(1))
	i, ok := r.NextCopy()
	if !ok || i != 0 {
		t.Fatalf("copy %d, %t", i, ok)
	}
	r.Chunk(0, hashOf(9))
	wantFailure(t, r, xfer.CodeIntegrity, false)
}

// TestReceiveLongList: the hashes of a large file leave as they are known, in
// several messages.
func TestReceiveLongList(t *testing.T) {
	s := begin(t)
	const chunks = 2500
	r := s.isOffered(entry(3, "a", chunks*xfer.ChunkSize))
	for range chunks {
		r.Hold(hashOf(1))
	}
	told := 0
	for m := s.session.NextMessage(); m != nil; m = s.session.NextMessage() {
		held := m.(*xfer.Held)
		if held.First != uint64(told) {
			t.Errorf("a list begins at %d, want %d", held.First, told)
		}
		told += len(held.Hashes)
	}
	if told == 0 || told == chunks {
		t.Errorf("%d hashes were told before the last", told)
	}
	r.AcceptHolding(false)
	held, ok := s.session.NextMessage().(*xfer.Held)
	if !ok || int(held.First) != told || told+len(held.Hashes) != chunks {
		t.Errorf("the rest is %+v after %d", held, told)
	}
}

func TestReceiveBrokenMessages(t *testing.T) {
	size := uint64(scriptSize)
	for name, messages := range map[string][]xfer.Message{
		"chunk beyond the end": {&xfer.Chunk{Transfer: 3, Index: 3}},
		"chunk twice":          {chunk(0), chunk(0)},
		"never offered":        {&xfer.Chunk{Transfer: 4}},
		"end without chunks":   {chunk(0), chunk(2), theEnd()},
		"end with other size":  {&xfer.End{Transfer: 3, Size: size - 1}},
		"end twice":            {chunk(0), chunk(1), chunk(2), theEnd(), theEnd()},
		"chunk after the end":  {chunk(0), chunk(1), chunk(2), theEnd(), &xfer.Chunk{Transfer: 3, Index: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.isOffered(entry(3, "a", size)).Accept()
			last := len(messages) - 1
			for _, m := range messages[:last] {
				s.hears(m)
			}
			s.rejects(messages[last], xfer.CodeProtocol)
		})
	}
	t.Run("chunk far ahead", func(t *testing.T) {
		s := begin(t)
		s.isOffered(xfer.NewEntry(3, "a")).Accept()
		s.rejects(&xfer.Chunk{Transfer: 3, Index: 1 << 40}, xfer.CodeProtocol)
	})
}

// TestReceiveInAnyOrder: whatever the order of messages, of bytes and of
// copies, the file is complete exactly when everything was verified.
func TestReceiveInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		count := rapid.IntRange(1, 6).Draw(rt, "chunks")
		size := uint64(count) * xfer.ChunkSize
		hashes := make([]xfer.Hash, count)
		old := make([]xfer.Hash, count)
		holding := rapid.Bool().Draw(rt, "holding")
		for i := range hashes {
			hashes[i] = hashOf(byte(i))
			old[i] = hashes[i]
			if rapid.Bool().Draw(rt, "differs") {
				old[i] = hashOf(0xff)
			}
		}
		s := begin(t)
		r := s.isOffered(entry(3, "a", size))
		announced, done := 0, map[uint64]bool{}
		accept := func() {
			if !holding {
				r.Accept()
				return
			}
			for _, h := range old {
				r.Hold(h)
			}
			r.AcceptHolding(true)
		}
		early := rapid.IntRange(0, count).Draw(rt, "announced before the decision")
		announce := func() {
			s.hears(&xfer.Chunk{Transfer: 3, Index: uint64(announced), Hash: hashes[announced]})
			if announced++; announced == count {
				s.hears(&xfer.End{Transfer: 3, Size: size, Root: xfer.Root(size, hashes)})
			}
		}
		for range early {
			announce()
		}
		accept()
		for step := 0; !r.Complete(); step++ {
			if step > 1000 {
				rt.Fatal("it never gets complete")
			}
			i := uint64(rapid.IntRange(0, count-1).Draw(rt, "chunk"))
			switch {
			case announced < count && rapid.Bool().Draw(rt, "announce"):
				announce()
			case r.Plan(i) == xfer.Take && !done[i]:
				r.Chunk(i, hashes[i])
				done[i] = true
			default:
				if i, ok := r.NextCopy(); ok {
					r.Chunk(i, old[i])
					done[i] = true
				}
			}
			if r.Over() {
				rt.Fatalf("it failed: %v", r.Failure())
			}
		}
		if !r.Same() && len(done) != count {
			rt.Fatalf("complete with %d of %d chunks written", len(done), count)
		}
		if r.Same() && len(done) != 0 {
			rt.Fatal("something was written of the very same file")
		}
	})
}
