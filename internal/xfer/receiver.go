package xfer

import "example.com/uft/internal/ranges"

const (
	// maxAhead is how many chunks a sender may announce ahead of the first one
	// that is not announced. So the list of hashes takes no more memory than
	// was sent for it.
	maxAhead = 1 << 16
	// heldPerMessage is how many hashes go into one HELD: 32 KiB of them.
	heldPerMessage = 1 << 10
)

// Plan is what becomes of the bytes of a chunk that arrive.
type Plan int

// The plans.
const (
	Wait Plan = iota // it is not decided yet
	Take             // hash and write them
	Drop             // they are not needed
)

// Receiver is one file that the peer offers (docs/protocol.md §10.3).
//
// It begins undecided: Fail refuses the file, Accept takes it. Where a file of
// the same name and size is there, Hold tells its chunks before that. From then
// on, Plan says what to do with the bytes of a chunk; whoever hashed a complete
// chunk reports it with Chunk. When Complete says so, the file is committed,
// and Committed tells the sender.
type Receiver struct {
	ending

	entry    Entry
	out      *outbox
	accepted bool

	held    []Hash // of the existing file
	holding bool   // there is an existing file to compare with
	replace bool   // which may be overwritten
	told    int    // of held, those that were sent
	differs bool   // some chunk is not that of the existing file
	toCopy  []uint64

	announced ranges.Set // chunks whose CHUNK has come
	hashes    []Hash     // of these, by index
	computed  map[uint64]Hash
	verified  ranges.Set

	size      uint64
	sizeKnown bool
	ended     bool // END has come, and its root is right
	root      Hash
	skips     []uint64 // for NextSkip
}

func newReceiver(e *Entry, out *outbox) *Receiver {
	r := &Receiver{entry: *e, out: out, computed: map[uint64]Hash{}}
	if e.Size != nil {
		r.size, r.sizeKnown = *e.Size, true
	}
	return r
}

// Entry returns what the sender said of the file.
func (r *Receiver) Entry() *Entry { return &r.entry }

// ID returns the id of the transfer.
func (r *Receiver) ID() uint16 { return r.entry.Transfer }

// Accepted reports whether the offer was taken.
func (r *Receiver) Accepted() bool { return r.accepted }

// Size returns the size of the file once it is known.
func (r *Receiver) Size() (size uint64, known bool) { return r.size, r.sizeKnown }

// Root returns the root of the file, known once the sender has read all of it.
func (r *Receiver) Root() Hash { return r.root }

// Hold tells the next chunk of the existing file, before Accept.
func (r *Receiver) Hold(h Hash) {
	if r.over || r.accepted {
		return
	}
	r.held = append(r.held, h)
	if len(r.held)-r.told == heldPerMessage {
		r.tellHeld()
	}
}

func (r *Receiver) tellHeld() {
	if r.told == len(r.held) {
		return
	}
	r.out.put(&Held{Transfer: r.ID(), First: uint64(r.told), Hashes: r.held[r.told:len(r.held):len(r.held)]})
	r.told = len(r.held)
}

// Accept takes the file.
func (r *Receiver) Accept() {
	if r.over || r.accepted {
		return
	}
	r.accepted = true
	r.out.put(&Accept{Transfer: r.ID()})
	// Everything announced meanwhile waited for this.
	for _, run := range append(ranges.Set(nil), r.announced...) {
		for i := run.Start; i < run.End && !r.over; i++ {
			r.settle(i)
		}
	}
	r.check()
}

// AcceptHolding takes the file where one of the same name and size exists,
// all of whose chunks were told by Hold. With replace it may be overwritten;
// otherwise it has to be the very same one.
func (r *Receiver) AcceptHolding(replace bool) {
	if r.over || r.accepted {
		return
	}
	r.holding, r.replace = true, replace
	r.tellHeld()
	r.Accept()
}

// Fail refuses the offer, or gives up the transfer that was accepted. Both are
// a REFUSE: see handleError.
func (r *Receiver) Fail(code Code, text string) {
	if r.over {
		return
	}
	r.end(&Failure{Code: code, Text: text})
	id := r.ID()
	r.out.put(&Refuse{Transfer: &id, Code: code, Text: ClipText(text)})
}

// Status says that the file is being worked on: to the sender, and to every
// machine between that would take silence for the end.
func (r *Receiver) Status(activity, bytes uint64) {
	if !r.over {
		r.out.put(&Status{Transfer: r.ID(), Activity: activity, Bytes: bytes})
	}
}

// Plan returns what becomes of the bytes of chunk i. Wait ends when the file
// is accepted or, where there is a chunk to compare with, when CHUNK comes.
func (r *Receiver) Plan(i uint64) Plan {
	switch {
	case r.over:
		return Drop
	case !r.accepted:
		return Wait
	case !r.holding || i >= uint64(len(r.held)):
		return Take
	case !r.announced.Contains(i):
		return Wait
	case r.hashes[i] == r.held[i]:
		return Drop
	}
	return Take
}

// NextSkip returns a chunk whose bytes need not come, once each, so that the
// transport does not wait for them.
func (r *Receiver) NextSkip() (i uint64, ok bool) {
	if len(r.skips) == 0 {
		return 0, false
	}
	i, r.skips = r.skips[0], r.skips[1:]
	return i, true
}

// NextCopy returns a chunk to be copied from the existing file into the new
// one, which is needed since some other chunk differs. Chunk reports it.
func (r *Receiver) NextCopy() (i uint64, ok bool) {
	if r.over || !r.differs || len(r.toCopy) == 0 {
		return 0, false
	}
	i, r.toCopy = r.toCopy[0], r.toCopy[1:]
	return i, true
}

// Chunk takes the hash of a chunk whose bytes are all there.
func (r *Receiver) Chunk(i uint64, h Hash) {
	if r.over || r.verified.Contains(i) {
		return
	}
	if !r.announced.Contains(i) {
		r.computed[i] = h
		return
	}
	r.verify(i, h)
}

// Verified reports whether the bytes of chunk i are those that the sender
// announced.
func (r *Receiver) Verified(i uint64) bool { return r.verified.Contains(i) }

// Complete reports whether every chunk is verified, and the whole: the file is
// to be committed.
func (r *Receiver) Complete() bool {
	return !r.over && r.accepted && r.ended && r.verified.ContainsRange(0, ChunkCount(r.size))
}

// Same reports whether nothing is to be written: the existing file is the very
// same one.
func (r *Receiver) Same() bool { return r.holding && !r.differs }

// Committed says that the file is durable under its name.
func (r *Receiver) Committed() {
	if !r.Complete() {
		return
	}
	r.out.put(&Done{Transfer: r.ID(), Root: r.root, Same: r.Same()})
	r.end(nil)
}

// handle takes a message of the sender about this transfer.
func (r *Receiver) handle(m Message) error {
	if r.over {
		return nil
	}
	switch m := m.(type) {
	case *Chunk:
		return r.handleChunk(m)
	case *End:
		return r.handleEnd(m)
	case *Error:
		r.end(remoteFailure(m.Code, m.Text))
	}
	return nil
}

func (r *Receiver) handleChunk(m *Chunk) error {
	first, _ := r.announced.FirstGap(0, m.Index)
	switch i := m.Index; {
	case r.ended, r.sizeKnown && i >= ChunkCount(r.size), i-first >= maxAhead, r.announced.Contains(i):
		return broken("chunk %d of transfer %d comes where it cannot", i, r.ID())
	default:
		for uint64(len(r.hashes)) <= i {
			r.hashes = append(r.hashes, Hash{})
		}
		r.announced.Add(i, i+1)
		r.hashes[i] = m.Hash
		r.settle(i)
	}
	return nil
}

// settle decides what follows for a chunk whose hash is announced.
func (r *Receiver) settle(i uint64) {
	switch h, computed := r.computed[i]; {
	case !r.accepted || r.verified.Contains(i):
	case computed:
		delete(r.computed, i)
		r.verify(i, h)
	case !r.holding || i >= uint64(len(r.held)):
	case r.hashes[i] == r.held[i] && r.replace:
		r.skips = append(r.skips, i)
		r.toCopy = append(r.toCopy, i)
		if !r.differs {
			r.verified.Add(i, i+1)
		}
	case r.hashes[i] == r.held[i]:
		r.skips = append(r.skips, i)
		r.verified.Add(i, i+1)
	case !r.replace:
		r.Fail(CodeExists, "a file of that name exists and is another one")
	case !r.differs:
		// What was the same so far is now to be copied, and verified by that.
		r.differs = true
		r.verified = nil
	}
}

// verify compares the hash of a chunk's bytes with what the sender announced.
func (r *Receiver) verify(i uint64, h Hash) {
	if h != r.hashes[i] {
		r.Fail(CodeIntegrity, "the bytes of a chunk are not those that the sender read")
		return
	}
	r.verified.Add(i, i+1)
}

// handleEnd takes the sender's word that all was read. Every CHUNK came before
// it on the same stream.
func (r *Receiver) handleEnd(m *End) error {
	count := ChunkCount(m.Size)
	switch {
	case r.ended:
		return broken("transfer %d ends twice", r.ID())
	case r.sizeKnown && m.Size != r.size:
		return broken("transfer %d ends with %d bytes, not %d", r.ID(), m.Size, r.size)
	case uint64(len(r.hashes)) != count || !r.announced.ContainsRange(0, count):
		return broken("transfer %d ends without all its chunks", r.ID())
	}
	r.size, r.sizeKnown = m.Size, true
	r.ended, r.root = true, m.Root
	r.check()
	return nil
}

// check compares the root, once END has come, with the chunks announced.
func (r *Receiver) check() {
	if r.ended && r.root != Root(r.size, r.hashes) {
		r.Fail(CodeIntegrity, "the root of the file is not that of its chunks")
	}
}
