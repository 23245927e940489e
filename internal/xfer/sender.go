package xfer

// Sender is one file that this side offers (docs/protocol.md §10.3). Whoever
// reads the file tells it each chunk, in order, and then the end. It is over
// when the receiver has said DONE, or either side that it cannot be.
type Sender struct {
	ending

	id  uint16
	out *outbox

	size      uint64 // as offered
	sizeKnown bool

	chunks   []Hash // read so far
	read     uint64 // bytes of them
	held     map[uint64]Hash
	accepted bool
	ended    bool // END was sent
	root     Hash
	same     bool // the receiver had the file
	status   Status
}

func newSender(e *Entry, out *outbox) *Sender {
	s := &Sender{id: e.Transfer, out: out, held: map[uint64]Hash{}}
	if e.Size != nil {
		s.size, s.sizeKnown = *e.Size, true
	}
	return s
}

// ID returns the id of the transfer.
func (s *Sender) ID() uint16 { return s.id }

// Accepted reports whether the receiver has taken the offer.
func (s *Sender) Accepted() bool { return s.accepted }

// Ended reports whether END was sent: from there on the file may be committed
// at the other side without this one learning of it (docs/protocol.md §10.6).
func (s *Sender) Ended() bool { return s.ended }

// Root returns the root of the file, known once all is read.
func (s *Sender) Root() Hash { return s.root }

// Read returns how many bytes of the file were read.
func (s *Sender) Read() uint64 { return s.read }

// Same reports whether the receiver had the very same file already.
func (s *Sender) Same() bool { return s.same }

// Status returns what the receiver said last of its work; the Activity is 0
// where it said nothing.
func (s *Sender) Status() Status { return s.status }

// Holds reports whether the receiver has told the hash of chunk i, so that it
// pays to read the chunk to its end before its bytes are sent.
func (s *Sender) Holds(i uint64) bool {
	_, ok := s.held[i]
	return ok
}

// Chunk takes the next chunk that was read, of n bytes, and tells the receiver
// its hash. It reports whether the receiver has the chunk, so that its bytes
// need not travel.
func (s *Sender) Chunk(h Hash, n int) (held bool) {
	if s.over || s.ended {
		return true
	}
	i := uint64(len(s.chunks))
	s.chunks = append(s.chunks, h)
	s.read += uint64(n)
	s.out.put(&Chunk{Transfer: s.id, Index: i, Hash: h})
	other, ok := s.held[i]
	return ok && other == h
}

// End says that the last chunk was read and the file had not changed by then.
func (s *Sender) End() {
	if s.over || s.ended {
		return
	}
	if s.sizeKnown && s.read != s.size {
		s.Fail(CodeSourceChanged, "the file is not of the size that was offered")
		return
	}
	s.ended = true
	s.root = Root(s.read, s.chunks)
	s.out.put(&End{Transfer: s.id, Size: s.read, Root: s.root})
}

// Fail gives the transfer up and says so.
func (s *Sender) Fail(code Code, text string) {
	if s.over {
		return
	}
	s.end(&Failure{Code: code, Text: text})
	s.out.put(&Error{Transfer: s.id, Code: code, Text: ClipText(text)})
}

// handle takes a message of the receiver about this transfer.
func (s *Sender) handle(m Message) error {
	if s.over {
		return nil
	}
	switch m := m.(type) {
	case *Accept:
		if s.accepted {
			return broken("transfer %d is accepted twice", s.id)
		}
		s.accepted = true
	case *Held:
		return s.handleHeld(m)
	case *Status:
		s.status = *m
	case *Done:
		return s.handleDone(m)
	case *Refuse:
		s.end(remoteFailure(m.Code, m.Text))
	case *Error:
		s.end(remoteFailure(m.Code, m.Text))
	}
	return nil
}

// handleHeld remembers what the receiver has. The size that was offered bounds
// the memory that it takes.
func (s *Sender) handleHeld(m *Held) error {
	count, n := ChunkCount(s.size), uint64(len(m.Hashes))
	if !s.sizeKnown || s.accepted || m.First > count || n > count-m.First {
		return broken("chunks %d to %d of transfer %d cannot be held", m.First, m.First+n, s.id)
	}
	for i, h := range m.Hashes {
		s.held[m.First+uint64(i)] = h
	}
	return nil
}

// handleDone takes the receiver's word that the file is committed. A root that
// is not ours would mean that it committed something else.
func (s *Sender) handleDone(m *Done) error {
	switch {
	case !s.ended || !s.accepted:
		return broken("transfer %d is done before it ended", s.id)
	case m.Root != s.root:
		s.end(&Failure{Code: CodeIntegrity, Text: "the receiver confirmed other contents than were sent"})
	default:
		s.same = m.Same
		s.end(nil)
	}
	return nil
}
