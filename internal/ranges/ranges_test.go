package ranges

import (
	"testing"

	"pgregory.net/rapid"
)

// universe is small, so that random ranges meet each other often.
const universe = 40

// model is a set the obvious way.
type model map[uint64]bool

func (m model) firstGap(from, limit uint64) (start, end uint64) {
	for start = from; start < limit && m[start]; start++ {
		continue
	}
	if start >= limit {
		return limit, limit
	}
	for end = start; end < limit && !m[end]; end++ {
		continue
	}
	return start, end
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Set
		m := model{}
		number := rapid.Uint64Range(0, universe)
		t.Repeat(map[string]func(*rapid.T){
			"Add": func(t *rapid.T) {
				start, end := number.Draw(t, "start"), number.Draw(t, "end")
				var want uint64
				for v := start; v < end; v++ {
					if !m[v] {
						want++
					}
					m[v] = true
				}
				if got := s.Add(start, end); got != want {
					t.Fatalf("Add(%d, %d) added %d, want %d", start, end, got, want)
				}
			},
			"Remove": func(t *rapid.T) {
				start, end := number.Draw(t, "start"), number.Draw(t, "end")
				for v := start; v < end; v++ {
					delete(m, v)
				}
				s.Remove(start, end)
			},
			"FirstGap": func(t *rapid.T) {
				from, limit := number.Draw(t, "from"), number.Draw(t, "limit")
				start, end := s.FirstGap(from, limit)
				if wantStart, wantEnd := m.firstGap(from, limit); start != wantStart || end != wantEnd {
					t.Fatalf("FirstGap(%d, %d) of %v = %d, %d, want %d, %d", from, limit, s, start, end, wantStart, wantEnd)
				}
			},
			"ContainsRange": func(t *rapid.T) {
				start, end := number.Draw(t, "start"), number.Draw(t, "end")
				want := true
				for v := start; v < end; v++ {
					want = want && m[v]
				}
				if got := s.ContainsRange(start, end); got != want {
					t.Fatalf("ContainsRange(%d, %d) of %v = %v", start, end, s, got)
				}
			},
			"": func(t *rapid.T) { m.check(t, s) },
		})
	})
}

// check compares everything else, and that the ranges are sorted and apart.
func (m model) check(t *rapid.T, s Set) {
	if got, want := s.Size(), uint64(len(m)); got != want {
		t.Fatalf("Size of %v = %d, want %d", s, got, want)
	}
	lowest, highest, some := uint64(0), uint64(0), false
	for v := range uint64(universe + 1) {
		if s.Contains(v) != m[v] {
			t.Fatalf("Contains(%d) of %v = %v", v, s, !m[v])
		}
		if m[v] {
			if !some {
				lowest = v
			}
			highest, some = v, true
		}
	}
	if v, ok := s.Min(); ok != some || v != lowest {
		t.Fatalf("Min of %v = %d, %v", s, v, ok)
	}
	if v, ok := s.Max(); ok != some || v != highest {
		t.Fatalf("Max of %v = %d, %v", s, v, ok)
	}
	for i, r := range s {
		if r.Start >= r.End || i > 0 && s[i-1].End >= r.Start {
			t.Fatalf("ranges %v", s)
		}
	}
}

func TestString(t *testing.T) {
	var s Set
	if got := s.String(); got != "" {
		t.Errorf("empty set: %q", got)
	}
	s.Add(7, 9)
	s.Add(0, 4)
	if got := s.String(); got != "[0,4) [7,9)" {
		t.Errorf("got %q", got)
	}
}

// TestLargestIntegers is about sums that could wrap.
func TestLargestIntegers(t *testing.T) {
	const top = 1<<64 - 1
	var s Set
	s.Add(top-5, top)
	if start, end := s.FirstGap(0, top); start != 0 || end != top-5 {
		t.Errorf("gap %d, %d", start, end)
	}
	if start, end := s.FirstGap(top-3, top); start != top || end != top {
		t.Errorf("gap %d, %d", start, end)
	}
	s.Remove(top-3, top)
	if got := s.Size(); got != 2 {
		t.Errorf("size %d", got)
	}
}

// TestTakenFromTheFront has the usual life of a list of lost blocks: filled at
// the end, emptied from the front, again and again.
func TestTakenFromTheFront(t *testing.T) {
	var s Set
	next := uint64(0)
	for v := uint64(0); v < 3000; v += 3 {
		s.Add(v, v+1)
		if len(s) > 10 {
			first, _ := s.Min()
			if first != next {
				t.Fatalf("lowest is %d, want %d", first, next)
			}
			s.Remove(first, first+1)
			next += 3
		}
	}
	if cap(s) > 100 {
		t.Errorf("ten ranges keep room for %d", cap(s))
	}
}
