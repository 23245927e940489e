package xfer

import (
	"testing"

	"example.com/uft/internal/alloctest"
)

// TestHashingAllocatesNothing: hashing a chunk that comes in slabs does not.
func TestHashingAllocatesNothing(t *testing.T) {
	hasher, slab := NewChunkHasher(), make([]byte, slabSize)
	if got := alloctest.Least(func() { hashSlabs(hasher, slab) }); got > 0 {
		t.Errorf("%v allocations a chunk, want none", got)
	}
}
