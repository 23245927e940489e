package ranges

import "testing"

const block = 1024

// withGaps returns a set of that many blocks, each followed by a gap of one.
func withGaps(blocks uint64) (s Set) {
	for i := range blocks {
		s.Add(2*i*block, (2*i+1)*block)
	}
	return s
}

// BenchmarkAddInOrder is a file that arrives without loss.
func BenchmarkAddInOrder(b *testing.B) {
	var s Set
	at := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		s.Add(at, at+block)
		at += block
	}
}

// BenchmarkAddBehindGaps is one that arrives in order while that many earlier
// blocks are missing.
func BenchmarkAddBehindGaps(b *testing.B) {
	s := withGaps(1000)
	at := uint64(2000 * block)
	b.ReportAllocs()
	for b.Loop() {
		s.Add(at, at+block)
		at += block
	}
}

// BenchmarkFillGap adds a missing block among a thousand, and takes it out again.
func BenchmarkFillGap(b *testing.B) {
	s := withGaps(1000)
	at := uint64(block)
	b.ReportAllocs()
	for b.Loop() {
		s.Add(at, at+block)
		s.Remove(at, at+block)
		if at += 2 * block; at > 1990*block {
			at = block
		}
	}
}

// BenchmarkTakeFromFront is what is to be sent again: lost at one end, and sent
// from the other.
func BenchmarkTakeFromFront(b *testing.B) {
	for _, test := range []struct {
		name   string
		blocks uint64
	}{{"few", 10}, {"many", 1000}} {
		b.Run(test.name, func(b *testing.B) {
			s := withGaps(test.blocks)
			front, back := uint64(0), 2*test.blocks*block
			b.ReportAllocs()
			for b.Loop() {
				s.Remove(front, front+block)
				s.Add(back, back+block)
				front, back = front+2*block, back+2*block
			}
		})
	}
}

func BenchmarkContains(b *testing.B) {
	for _, test := range []struct {
		name   string
		blocks uint64
	}{{"in order", 1}, {"gaps", 1000}} {
		b.Run(test.name, func(b *testing.B) {
			s := withGaps(test.blocks)
			at := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				if !s.Contains(at) {
					b.Fatal(at)
				}
				if at += 2 * block; at >= 2*test.blocks*block {
					at = 0
				}
			}
		})
	}
}

func BenchmarkFirstGap(b *testing.B) {
	s := withGaps(1000)
	at := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		if gap, _ := s.FirstGap(at, 1<<62); gap != at+block {
			b.Fatal(gap)
		}
		if at += 2 * block; at >= 2000*block {
			at = 0
		}
	}
}
