package transfer

import (
	"io"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// assembly puts the slabs of a file together and hashes its chunks.
type assembly interface {
	// put takes a slab, and gives its memory back sooner or later.
	put(slab transport.Slab) error
	// end says that the last slab has come.
	end() error
	// close gives back the memory of what was not put in its place.
	close()
}

func (in *incoming) newAssembly() assembly {
	if in.target == nil {
		return newOrderedAssembly(in)
	}
	return &fileAssembly{in: in, chunks: map[uint64]*fileChunk{}}
}

// reportChunk tells the receiver the hash of a chunk whose bytes are complete.
func (in *incoming) reportChunk(i uint64, h xfer.Hash) {
	in.update(func() { in.receiver.Chunk(i, h) })
}

// chunkLen returns the length of chunk i as far as it is known: before the size
// is, a chunk is taken for a full one.
func (in *incoming) chunkLen(i uint64) int {
	in.c.mu.Lock()
	defer in.c.mu.Unlock()
	if size, known := in.receiver.Size(); known {
		return xfer.ChunkLen(size, i)
	}
	return xfer.ChunkSize
}

// fileAssembly writes each slab to the file at once and gives its memory back,
// so that nothing ever waits for memory. The bytes of a chunk are hashed in
// order: those that come in order on their way to the file, the others when
// their turn comes, read back from there.
//
// So unverified bytes are in the part file. It has no name that means anything
// until all of it is verified, and holding a chunk of 1 MiB back from it would
// stop a transfer whose credit is smaller.
type fileAssembly struct {
	in      *incoming
	chunks  map[uint64]*fileChunk
	spare   []*fileChunk // complete ones: a hasher is too large to make one for each chunk
	scratch []byte
}

// fileChunk is a chunk that is not complete.
type fileChunk struct {
	hasher  *xfer.ChunkHasher
	hashed  int         // bytes, from its start on
	waiting map[int]int // bytes in the file beyond hashed: their offset in the chunk, and how many
}

func (a *fileAssembly) put(slab transport.Slab) error {
	defer a.in.bulk.Release(slab)
	offset, data := slab.Offset, slab.Data
	for len(data) > 0 {
		i := uint64(offset) / xfer.ChunkSize
		at := int(offset % xfer.ChunkSize)
		n := min(len(data), xfer.ChunkSize-at)
		if a.in.plan(i) == xfer.Take {
			if err := a.take(i, at, data[:n]); err != nil {
				return err
			}
		}
		offset, data = offset+int64(n), data[n:]
	}
	return nil
}

// take hashes and writes bytes of chunk i, which stand at offset at in it.
func (a *fileAssembly) take(i uint64, at int, data []byte) error {
	sink, err := a.in.open()
	if err != nil {
		return err
	}
	chunk := a.chunks[i]
	if chunk == nil {
		chunk = a.newChunk()
		a.chunks[i] = chunk
	}
	if at == chunk.hashed {
		chunk.hasher.Add(data)
		chunk.hashed += len(data)
	} else {
		if chunk.waiting == nil {
			chunk.waiting = map[int]int{}
		}
		chunk.waiting[at] = len(data)
	}
	if _, err := sink.WriteAt(data, int64(i)*xfer.ChunkSize+int64(at)); err != nil {
		return err
	}
	if err := a.catchUp(i, chunk, sink); err != nil {
		return err
	}
	if chunk.hashed == a.in.chunkLen(i) {
		a.complete(i, chunk)
	}
	return nil
}

// newChunk returns a chunk of which nothing has come.
func (a *fileAssembly) newChunk() *fileChunk {
	last := len(a.spare) - 1
	if last < 0 {
		return &fileChunk{hasher: xfer.NewChunkHasher()}
	}
	chunk := a.spare[last]
	a.spare = a.spare[:last]
	return chunk
}

// catchUp hashes what waits in the file and has its turn now.
func (a *fileAssembly) catchUp(i uint64, chunk *fileChunk, sink io.ReaderAt) error {
	for {
		n, ok := chunk.waiting[chunk.hashed]
		if !ok {
			return nil
		}
		delete(chunk.waiting, chunk.hashed)
		if a.scratch == nil {
			a.scratch = make([]byte, transport.SlabSize)
		}
		if _, err := sink.ReadAt(a.scratch[:n], int64(i)*xfer.ChunkSize+int64(chunk.hashed)); err != nil && err != io.EOF {
			return err
		}
		chunk.hasher.Add(a.scratch[:n])
		chunk.hashed += n
	}
}

func (a *fileAssembly) complete(i uint64, chunk *fileChunk) {
	delete(a.chunks, i)
	a.in.reportChunk(i, chunk.hasher.Sum())
	chunk.hashed = 0
	clear(chunk.waiting)
	a.spare = append(a.spare, chunk)
}

// end completes the last chunk of a file whose size was not known when the
// bytes came. Whatever else is incomplete stays unverified, and END will show
// that.
func (a *fileAssembly) end() error {
	size, _ := a.in.bulk.Size()
	i := uint64(size) / xfer.ChunkSize
	if chunk := a.chunks[i]; chunk != nil && chunk.hashed == int(size%xfer.ChunkSize) {
		a.complete(i, chunk)
	}
	return nil
}

// close has nothing to do: put keeps no slab.
func (a *fileAssembly) close() {}
