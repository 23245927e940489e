package transfer

import (
	"fmt"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

const (
	// chunksAhead is how many chunks are put together at once for a writer: the
	// one that is next, and those after it.
	chunksAhead = 8

	slabsPerChunk = xfer.ChunkSize / transport.SlabSize
)

// orderedAssembly writes a file to a writer: chunk by chunk, in order, and only
// what is verified.
//
// The slabs of the next few chunks are kept, and their credit given back, so
// those never wait for credit, however little there is. Slabs further ahead
// keep their credit. A sender sends new bytes in order, and needs no credit to
// repeat lost ones, so what they wait for always comes.
type orderedAssembly struct {
	in     *incoming
	next   uint64            // chunk that is written next
	hasher *xfer.ChunkHasher // of that chunk
	ahead  [chunksAhead]orderedChunk
	beyond []transport.Slab
}

// orderedChunk is a chunk on its way to the writer. Its slabs are not copied
// together: a large buffer for each chunk is memory that the transport's pool
// of slabs does not get to use.
type orderedChunk struct {
	slabs  [slabsPerChunk]transport.Slab // by their place; without data where they have not come
	filled int                           // bytes of them
	hashed int                           // slabs, from the first on
}

func newOrderedAssembly(in *incoming) *orderedAssembly {
	return &orderedAssembly{in: in, hasher: xfer.NewChunkHasher()}
}

// chunk returns chunk i, which is one of the next few.
func (a *orderedAssembly) chunk(i uint64) *orderedChunk { return &a.ahead[i%chunksAhead] }

func (a *orderedAssembly) put(slab transport.Slab) error {
	if uint64(slab.Offset)/xfer.ChunkSize >= a.next+chunksAhead {
		a.beyond = append(a.beyond, slab)
		return nil
	}
	if err := a.keep(slab); err != nil {
		return err
	}
	return a.drain(false)
}

// keep puts a slab into its chunk. It never crosses the border of one, since
// chunks are a multiple of slabs.
func (a *orderedAssembly) keep(slab transport.Slab) error {
	i, at := uint64(slab.Offset)/xfer.ChunkSize, slab.Offset%xfer.ChunkSize
	place := &a.chunk(i).slabs[at/transport.SlabSize]
	if i < a.next || at%transport.SlabSize != 0 || place.Data != nil {
		a.in.bulk.Release(slab)
		return fmt.Errorf("bytes at %d come out of place", slab.Offset)
	}
	a.in.bulk.Keep(slab)
	*place = slab
	a.chunk(i).filled += len(slab.Data)
	return nil
}

// drain writes what is complete and next. ended says that the chunk at the end
// of a file of unknown size is complete too.
func (a *orderedAssembly) drain(ended bool) error {
	for {
		chunk := a.chunk(a.next)
		a.hash(chunk)
		if chunk.filled == 0 || chunk.filled < a.in.chunkLen(a.next) && !ended {
			return nil
		}
		if !a.verify(a.next, a.hasher.Sum()) {
			return nil
		}
		for i := range chunk.slabs {
			if err := a.write(&chunk.slabs[i]); err != nil {
				return err
			}
		}
		*chunk = orderedChunk{}
		a.next++
		if err := a.promote(); err != nil {
			return err
		}
	}
}

// hash hashes what has come of the next chunk without a gap, while it is warm
// in the processor's cache.
func (a *orderedAssembly) hash(chunk *orderedChunk) {
	for chunk.hashed < slabsPerChunk && chunk.slabs[chunk.hashed].Data != nil {
		a.hasher.Add(chunk.slabs[chunk.hashed].Data)
		chunk.hashed++
	}
}

// write writes a slab that was kept, and gives its memory back.
func (a *orderedAssembly) write(slab *transport.Slab) error {
	if slab.Data == nil {
		return nil
	}
	_, err := a.in.writer.Write(slab.Data)
	slab.Recycle()
	*slab = transport.Slab{}
	if err != nil {
		return &store.Error{Op: "write", Name: a.in.name, Kind: store.ErrDisk, Err: err}
	}
	return nil
}

// promote keeps the slabs that have come within reach.
func (a *orderedAssembly) promote() error {
	kept := a.beyond[:0]
	for i, slab := range a.beyond {
		if uint64(slab.Offset)/xfer.ChunkSize >= a.next+chunksAhead {
			kept = append(kept, slab)
		} else if err := a.keep(slab); err != nil {
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

// close gives back what was not written: to the other transfers of the
// connection the credit of the slabs that were too far ahead, and the memory of
// all.
func (a *orderedAssembly) close() {
	for _, slab := range a.beyond {
		a.in.bulk.Release(slab)
	}
	a.beyond = nil
	for i := range a.ahead {
		for _, slab := range a.ahead[i].slabs {
			slab.Recycle()
		}
		a.ahead[i] = orderedChunk{}
	}
}
