// Package ranges keeps a set of integers as a sorted list of half-open
// intervals. Packet numbers received, stream bytes acknowledged and file
// blocks written are all kept this way.
package ranges

import (
	"fmt"
	"slices"
	"strings"
)

// Range is the half-open interval [Start, End).
type Range struct {
	Start, End uint64
}

// Len returns how many integers the range holds.
func (r Range) Len() uint64 { return r.End - r.Start }

// Set is a set of integers, held as disjoint ranges in ascending order that
// never touch each other. The zero Set is empty and ready to use. A Set is not
// safe for use by several goroutines at once.
type Set []Range

// Add puts [start, end) into the set and returns how many of its integers were
// not in the set before. An empty interval adds nothing.
//
// Adding at or beyond the end of the set, the common case for packet numbers
// and sequential bytes, takes constant time; elsewhere it takes the time of a
// binary search and of moving the tail of the list.
func (s *Set) Add(start, end uint64) (added uint64) {
	if start >= end {
		return 0
	}
	list := *s
	if n := len(list); n == 0 || list[n-1].End < start {
		*s = append(list, Range{start, end})
		return end - start
	} else if last := &list[n-1]; last.Start <= start {
		added = end - min(end, last.End)
		last.End = max(last.End, end)
		return added
	}
	// first is the first range that touches or follows [start, end).
	first, _ := slices.BinarySearchFunc(list, start, func(r Range, v uint64) int {
		if r.End < v {
			return -1
		}
		return 1
	})
	if list[first].Start > end {
		*s = slices.Insert(list, first, Range{start, end})
		return end - start
	}
	merged := Range{min(start, list[first].Start), end}
	var held uint64
	last := first
	for last < len(list) && list[last].Start <= end {
		r := list[last]
		held += overlap(r, Range{start, end})
		merged.End = max(merged.End, r.End)
		last++
	}
	list[first] = merged
	*s = slices.Delete(list, first+1, last)
	return end - start - held
}

// Remove takes [start, end) out of the set.
func (s *Set) Remove(start, end uint64) {
	if start >= end {
		return
	}
	list := *s
	first := list.search(start)
	last := first // [first, last) lies within [start, end) in full
	for last < len(list) && list[last].Start < end {
		r := list[last]
		switch {
		case r.Start < start && r.End > end:
			list[last].End = start
			*s = slices.Insert(list, last+1, Range{end, r.End})
			return
		case r.Start < start:
			list[last].End = start
			first++
		case r.End > end:
			list[last].Start = end
			*s = list.cut(first, last)
			return
		}
		last++
	}
	*s = list.cut(first, last)
}

// search returns the index of the first range that ends after v. Most questions
// are about the end of the set: whether the next number is new, say.
func (s Set) search(v uint64) int {
	n := len(s)
	switch {
	case n == 0 || s[n-1].End <= v:
		return n
	case s[n-1].Start <= v:
		return n - 1
	}
	i, _ := slices.BinarySearchFunc(s, v, func(r Range, v uint64) int {
		if r.End <= v {
			return -1
		}
		return 1
	})
	return i
}

// fewRanges is how many ranges are moved without a thought.
const fewRanges = 64

// cut drops the ranges [i, j). What is sent in order is taken from the front
// one range at a time, so there no long list is moved. A short one is: with the
// places in front, it would lose the memory for the ranges to come.
func (s Set) cut(i, j int) Set {
	if i == 0 && len(s) > fewRanges {
		return s[j:]
	}
	return slices.Delete(s, i, j)
}

// Contains reports whether v is in the set.
func (s Set) Contains(v uint64) bool {
	return s.ContainsRange(v, v+1)
}

// ContainsRange reports whether the whole of [start, end) is in the set.
func (s Set) ContainsRange(start, end uint64) bool {
	if start >= end {
		return true
	}
	i := s.search(start)
	return i < len(s) && s[i].Start <= start && s[i].End >= end
}

// FirstGap returns the lowest integer at or above from that is not in the set,
// and the end of the gap that starts there (the start of the next range, or
// limit). It returns limit, limit when [from, limit) is all in the set.
func (s Set) FirstGap(from, limit uint64) (start, end uint64) {
	i := s.search(from)
	// Ranges never touch, so what follows the range that holds from is a gap.
	if i < len(s) && s[i].Start <= from {
		from = s[i].End
		i++
	}
	if from >= limit {
		return limit, limit
	}
	if i < len(s) {
		return from, min(s[i].Start, limit)
	}
	return from, limit
}

// Min returns the lowest integer in the set; ok is false when it is empty.
func (s Set) Min() (v uint64, ok bool) {
	if len(s) == 0 {
		return 0, false
	}
	return s[0].Start, true
}

// Max returns the highest integer in the set; ok is false when it is empty.
func (s Set) Max() (v uint64, ok bool) {
	if len(s) == 0 {
		return 0, false
	}
	return s[len(s)-1].End - 1, true
}

// Size returns how many integers the set holds.
func (s Set) Size() (n uint64) {
	for _, r := range s {
		n += r.Len()
	}
	return n
}

// String prints the set as "[0,4) [7,9)".
func (s Set) String() string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "[%d,%d)", r.Start, r.End)
	}
	return b.String()
}

func overlap(a, b Range) uint64 {
	lo, hi := max(a.Start, b.Start), min(a.End, b.End)
	if lo >= hi {
		return 0
	}
	return hi - lo
}
