package transport

import (
	"sync"
	"sync/atomic"

	"example.com/uft/internal/ranges"
	"example.com/uft/internal/wire"
)

// A sender pays with its credit for the bytes that it sends, but where it puts
// them is its own choice, and one byte in each slab would cost the receiver a
// slab each. A sender that goes through its transfers in order fills what it
// touches, whatever is lost on the way. So memory beside the bytes that have
// come is given out freely only up to a bound; beyond it a slab is made of
// small pages as bytes come for them, and costs one more copy in the end.

const (
	// pageSize is the size of the pieces of a slab that is not whole, in bytes.
	pageSize     = 4 << 10
	pagesPerSlab = SlabSize / pageSize

	// smallSlab is the size up to which a complete slab is moved out of its
	// 64 KiB buffer, so that many small files waiting take little memory.
	smallSlab = 48 << 10

	// pageAllowance is what a connection's transfers may take beside their
	// bytes and the spare memory: the page at the end of each of 1024 files.
	pageAllowance = 1024 * pageSize
)

// A partialSlab is a slab that has gaps. Its bytes are in whole or, where that
// is nil, in pages.
type partialSlab struct {
	whole  *slabBuffer
	pages  [pagesPerSlab]*pageBuffer
	got    ranges.Set // offsets in the transfer
	memory int64      // bytes of its buffers
}

// partialSlabs are empty ones, with the memory of their sets.
var partialSlabs = sync.Pool{New: func() any { return new(partialSlab) }}

// write puts p at an offset of the slab. It returns the bytes of memory that it
// had to take for that.
func (s *partialSlab) write(offset int64, p []byte) (taken int64) {
	if s.whole != nil {
		copy(s.whole[offset:], p)
		return 0
	}
	for len(p) > 0 {
		page := &s.pages[offset/pageSize]
		if *page == nil {
			*page = takePage()
			taken += pageSize
		}
		n := copy((*page)[offset%pageSize:], p)
		offset, p = offset+int64(n), p[n:]
	}
	s.memory += taken
	return taken
}

// read copies bytes of the slab, from an offset on, into p.
func (s *partialSlab) read(p []byte, offset int64) {
	if s.whole != nil {
		copy(p, s.whole[offset:])
		return
	}
	for len(p) > 0 {
		n := copy(p, s.pages[offset/pageSize][offset%pageSize:])
		offset, p = offset+int64(n), p[n:]
	}
}

// take moves a run of bytes of a complete slab into a buffer of its own, and
// returns the bytes of memory that this has. The last run of a whole slab takes
// the slab with it, unless it is small.
func (s *partialSlab) take(offset, n int64, last bool) (data []byte, memory int64) {
	switch {
	case n <= smallSlab:
		data, memory = make([]byte, n), n
	case s.whole != nil && last:
		data, s.whole = s.whole[offset:][:n], nil
		s.memory -= SlabSize
		return data, SlabSize
	default:
		data, memory = takeSlab()[:n], SlabSize
	}
	s.read(data, offset)
	return data, memory
}

// free gives the slab and its buffers back, and returns how many bytes of memory
// they were. The slab must not be used afterwards.
func (s *partialSlab) free() (given int64) {
	if s.whole != nil {
		giveSlab(s.whole)
		s.whole = nil
	}
	for i, page := range s.pages {
		if page != nil {
			givePage(page)
			s.pages[i] = nil
		}
	}
	if s.got = s.got[:0]; cap(s.got) > pagesPerSlab {
		s.got = nil // a peer may have sent it byte by byte
	}
	given, s.memory = s.memory, 0
	partialSlabs.Put(s)
	return given
}

// newPartialSlab makes an empty slab: a whole one where that leaves the memory
// beside the bytes that have come within its bound. c.mu is held.
func (c *Conn) newPartialSlab() *partialSlab {
	s := partialSlabs.Get().(*partialSlab)
	if c.slabMemory+SlabSize-c.backlog > c.spareMemory() {
		return s
	}
	c.occupy(SlabSize)
	s.whole, s.memory = takeSlab(), SlabSize
	return s
}

// spareMemory is how much memory beside the bytes that have come is given out
// freely: gaps at a high loss on a long path stay below it.
func (c *Conn) spareMemory() int64 { return max(c.cfg.BulkMemory/4, 16*SlabSize) }

// occupy counts memory of received transfers, and closes the connection of a
// peer that makes it too much: more than it has credit for, or, where all
// connections of the Listener together have too much, more than its share.
// c.mu is held.
func (c *Conn) occupy(bytes int64) {
	if !c.shares && c.budget != nil {
		c.shares = true
		c.budget.join()
	}
	c.slabMemory += bytes
	crowded := c.budget.use(bytes, c.slabMemory)
	if bytes <= 0 || c.closing || c.err != nil {
		return
	}
	switch {
	case c.slabMemory > c.cfg.BulkMemory+c.spareMemory()+pageAllowance:
		c.closing = true
		c.core.Close(c.socket.clock.now(), uint64(wire.CodeFlowControl), "transfers are spread over too much memory")
	case crowded:
		c.closing = true
		c.core.Close(c.socket.clock.now(), uint64(wire.CodeLimitExceeded), "the server has no more memory for transfers")
	}
}

// A memoryBudget is what the received transfers of all connections of a
// Listener may take together. A nil budget is without bound.
type memoryBudget struct {
	limit       int64 // bytes
	used        atomic.Int64
	connections atomic.Int64 // that share it: those that have received anything
}

// use counts bytes more, or less, of a connection that has own in all. It
// reports whether there is too much in use and this connection has more than
// its share of it. As the others grow no further than theirs, the limit is
// never passed by more than as much again.
func (b *memoryBudget) use(bytes, own int64) (crowded bool) {
	if b == nil {
		return false
	}
	return b.used.Add(bytes) > b.limit && own > b.limit/max(1, b.connections.Load())
}

// window is how much credit a connection, one that shares the budget already or not,
// may have at present: all of them together half of the limit. The other half is for
// gaps, and for what those had been granted that were here before there were as many.
func (b *memoryBudget) window(shares bool) uint64 {
	connections := b.connections.Load()
	if !shares {
		connections++
	}
	return uint64(b.limit / 2 / max(1, connections))
}

// join adds a connection, when the first bytes have come: hundreds that only send, or
// do nothing, must not leave one that receives without credit.
func (b *memoryBudget) join() { b.connections.Add(1) }

// leave takes a connection out with what it has in use. What the application
// still holds of it is no longer counted.
func (b *memoryBudget) leave(own int64) {
	b.connections.Add(-1)
	b.used.Add(-own)
}
