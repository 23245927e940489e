package transport

import (
	"bytes"
	"testing"
)

// TestPagedSlab fills slabs without whole buffers from the back.
func TestPagedSlab(t *testing.T) {
	p := random(SlabSize, 8)
	var s partialSlab
	taken := s.write(40_000, p[40_000:40_001])
	if taken != pageSize {
		t.Errorf("one byte takes %d bytes of memory", taken)
	}
	for at := SlabSize - 1000; at > -1000; at -= 1000 {
		from := max(at, 0)
		taken += s.write(int64(from), p[from:at+1000])
	}
	data, memory := s.take(0, SlabSize, true)
	if !bytes.Equal(data, p) || memory != SlabSize || taken != SlabSize {
		t.Errorf("equal %v, %d bytes of memory, %d taken", bytes.Equal(data, p), memory, taken)
	}
	if given := s.free(); given != taken {
		t.Errorf("%d bytes of memory were taken, %d given back", taken, given)
	}
}
