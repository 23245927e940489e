package transfer

import (
	"fmt"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// chunksAhead is how many chunks are put together at once for a writer: the
// one that is next, and those after it.
const chunksAhead = 8

// orderedAssembly writes a file to a writer: chunk by chunk, in order, and only
// what is verified.
//
// The slabs of the next few chunks are copied, and their memory given back, so
// those never wait for credit, however little there is. Slabs further ahead
// keep their credit. A sender sends new bytes in order, and needs no credit to
// repeat lost ones, so what they wait for always comes.
type orderedAssembly struct {
	in     *incoming
	next   uint64 // chunk that is written next
	ahead  map[uint64]*orderedChunk
	beyond []transport.Slab
}

// orderedChunk is a chunk on its way to the writer.
type orderedChunk struct {
	data   []byte
	filled int
}

func (a *orderedAssembly) put(slab transport.Slab) error {
	if uint64(slab.Offset)/xfer.ChunkSize >= a.next+chunksAhead {
		a.beyond = append(a.beyond, slab)
		return nil
	}
	if err := a.copySlab(slab); err != nil {
		return err
	}
	return a.drain(false)
}

// copySlab copies a slab, which never crosses the border of a chunk, since
// chunks are a multiple of slabs.
func (a *orderedAssembly) copySlab(slab transport.Slab) error {
	defer a.in.bulk.Release(slab)
	i, at := uint64(slab.Offset)/xfer.ChunkSize, int(slab.Offset%xfer.ChunkSize)
	if i < a.next || at+len(slab.Data) > xfer.ChunkSize {
		return fmt.Errorf("bytes at %d come out of place", slab.Offset)
	}
	chunk := a.ahead[i]
	if chunk == nil {
		chunk = &orderedChunk{data: make([]byte, xfer.ChunkSize)}
		a.ahead[i] = chunk
	}
	chunk.filled += copy(chunk.data[at:], slab.Data)
	return nil
}

// drain writes what is complete and next. ended says that the chunk at the end
// of a file of unknown size is complete too.
func (a *orderedAssembly) drain(ended bool) error {
	for {
		chunk := a.ahead[a.next]
		if chunk == nil || chunk.filled < a.in.chunkLen(a.next) && !ended {
			return nil
		}
		data := chunk.data[:chunk.filled]
		h := xfer.HashChunk(data)
		if !a.verify(a.next, h) {
			return nil
		}
		if _, err := a.in.writer.Write(data); err != nil {
			return &store.Error{Op: "write", Name: a.in.name, Kind: store.ErrDisk, Err: err}
		}
		delete(a.ahead, a.next)
		a.next++
		if err := a.promote(); err != nil {
			return err
		}
	}
}

// promote copies the slabs that have come within reach.
func (a *orderedAssembly) promote() error {
	kept := a.beyond[:0]
	for i, slab := range a.beyond {
		if uint64(slab.Offset)/xfer.ChunkSize >= a.next+chunksAhead {
			kept = append(kept, slab)
		} else if err := a.copySlab(slab); err != nil {
			a.beyond = append(kept, a.beyond[i+1:]...)
			return err
		}
	}
	a.beyond = kept
	return nil
}

// verify waits until the sender has announced the chunk and reports whether it
// is the one. The sender announces a chunk when it has read it, and it has,
// for here are its bytes.
func (a *orderedAssembly) verify(i uint64, h xfer.Hash) bool {
	a.in.reportChunk(i, h)
	for {
		a.in.c.mu.Lock()
		verified := a.in.receiver.Verified(i)
		a.in.c.mu.Unlock()
		if verified {
			return true
		}
		select {
		case <-a.in.changed:
		case <-a.in.ctx.Done():
			return false
		}
	}
}

func (a *orderedAssembly) end() error { return a.drain(true) }

// close gives the credit of the slabs back that were too far ahead: the other
// transfers of the connection need it.
func (a *orderedAssembly) close() {
	for _, slab := range a.beyond {
		a.in.bulk.Release(slab)
	}
	a.beyond = nil
}
