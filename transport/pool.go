package transport

import (
	"sync"

	"example.com/uft/internal/udp"
)

// SlabSize is the size in bytes of the pieces in which the bytes of a transfer
// are handed over, in and out.
const SlabSize = 64 << 10

// smallTrain is the size up to which a train is copied out of its 64 KiB
// buffer, so that a queue of acknowledgements, or of single datagrams where
// the system does not join them, takes little memory.
const smallTrain = 2 << 10

// A slab buffer holds a train of datagrams as well as a slab of a transfer.
type (
	slabBuffer  [SlabSize]byte
	smallBuffer [smallTrain]byte
	pageBuffer  [pageSize]byte
)

var (
	slabBuffers  = sync.Pool{New: func() any { return new(slabBuffer) }}
	smallBuffers = sync.Pool{New: func() any { return new(smallBuffer) }}
	pageBuffers  = sync.Pool{New: func() any { return new(pageBuffer) }}
)

// The pools' buffers must hold any train.
var _ [SlabSize - udp.MaxTrain]struct{}

func takeSlab() *slabBuffer     { return slabBuffers.Get().(*slabBuffer) }
func giveSlab(slab *slabBuffer) { slabBuffers.Put(slab) }
func takePage() *pageBuffer     { return pageBuffers.Get().(*pageBuffer) }
func givePage(page *pageBuffer) { pageBuffers.Put(page) }

// giveSlabSlice gives back a slab of which only a slice is left. A slice that
// does not begin a slab, which only a caller's mistake can make, is left to
// the garbage collector.
func giveSlabSlice(buf []byte) {
	if cap(buf) == SlabSize {
		giveSlab((*slabBuffer)(buf[:SlabSize]))
	}
}

// A train is a run of datagrams on its way from the reader of the socket to
// the owner of a connection. Exactly one of the two buffers is set.
type train struct {
	large       *slabBuffer
	small       *smallBuffer
	length      int
	segmentSize int
	path        pathOfTrain
}

// bytes returns the datagrams.
func (t *train) bytes() []byte {
	if t.small != nil {
		return t.small[:t.length]
	}
	return t.large[:t.length]
}

// memory is how many bytes the train keeps occupied.
func (t *train) memory() int64 {
	if t.small != nil {
		return smallTrain
	}
	return SlabSize
}

// free gives the buffer back.
func (t *train) free() {
	if t.small != nil {
		smallBuffers.Put(t.small)
	} else {
		giveSlab(t.large)
	}
	t.small, t.large = nil, nil
}

// copyTrain makes a train of a copy of p, which has at most SlabSize bytes.
func copyTrain(p []byte, segmentSize int, path pathOfTrain) train {
	t := train{length: len(p), segmentSize: segmentSize, path: path}
	if len(p) <= smallTrain {
		t.small = smallBuffers.Get().(*smallBuffer)
	} else {
		t.large = takeSlab()
	}
	copy(t.bytes(), p)
	return t
}
