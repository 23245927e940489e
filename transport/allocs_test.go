package transport

import (
	"testing"

	"example.com/uft/internal/alloctest"
)

// TestSlabsAllocateNothing: a slab that is put together, handed over and
// released serves for the next one.
func TestSlabsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has sync.Pool lose what it holds")
	}
	const slabs = 1000
	next := slabReceiver(t)
	// A garbage collection in between may empty the pools once.
	if got := alloctest.Least(func() {
		for range slabs {
			next()
		}
	}); got > slabs/100 {
		t.Errorf("%v allocations in %d slabs", got, slabs)
	}
}
