package ranges

import (
	"testing"

	"example.com/uft/internal/alloctest"
)

// TestRepeatsDoNotAllocate: a short list that is added to at one end and taken
// from at the other keeps its memory, empty in between or not.
func TestRepeatsDoNotAllocate(t *testing.T) {
	for _, waiting := range []uint64{0, 1, 10} {
		s := withGaps(waiting)
		front, back := uint64(0), 2*waiting*block
		step := func() {
			s.Add(back, back+block)
			s.Remove(front, front+block)
			front, back = front+2*block, back+2*block
		}
		for range 100 {
			step()
		}
		if got := alloctest.Least(func() {
			for range 1000 {
				step()
			}
		}); got > 0 {
			t.Errorf("with %d blocks waiting: %v allocations for 1000 blocks, want none", waiting, got)
		}
		if uint64(len(s)) != waiting {
			t.Fatalf("%d blocks wait, not %d", len(s), waiting)
		}
	}
}
