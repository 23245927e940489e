package store

import (
	"testing"

	"example.com/uft/internal/alloctest"
)

// TestSlabsAllocateNothing: what is allocated does not grow with the bytes that
// are read and written, apart from a look at the free space now and then.
func TestSlabsAllocateNothing(t *testing.T) {
	for _, test := range []struct {
		name    string
		at      func([]byte, int64) (int, error)
		allowed float64 // in a pass over the file
	}{
		{"Source.ReadAt", benchmarkSource(t).ReadAt, 0},
		{"Part.WriteAt", benchmarkPart(t).WriteAt, 10 * benchmarkFile / spaceCheckInterval},
	} {
		next := inSlabs(t, test.at)
		if got := alloctest.Least(func() {
			for range benchmarkFile / benchmarkSlab {
				next()
			}
		}); got > test.allowed {
			t.Errorf("%s: %v allocations in %d slabs, want %v", test.name, got, benchmarkFile/benchmarkSlab, test.allowed)
		}
	}
}
