package core

import "math/bits"

// idSet is a set of transfer ids. Its lowest member is found in a constant
// number of steps however many transfers there are, because every block asks
// for it; and it takes a bit for each id, so what is over can be remembered for
// the life of a connection: 8 KiB in all.
type idSet struct {
	words   []uint64   // bit i of word w: the id 64·w + i
	summary [16]uint64 // bit i of word w: words[64·w + i] is not zero
}

// put has the set hold id, or not.
func (s *idSet) put(id uint16, member bool) {
	w, bit := int(id/64), uint64(1)<<(id%64)
	if w >= len(s.words) {
		if !member {
			return
		}
		s.words = append(s.words, make([]uint64, w+1-len(s.words))...)
	}
	if member {
		s.words[w] |= bit
		s.summary[w/64] |= 1 << (w % 64)
		return
	}
	s.words[w] &^= bit
	if s.words[w] == 0 {
		s.summary[w/64] &^= 1 << (w % 64)
	}
}

// has reports whether the set holds id.
func (s *idSet) has(id uint16) bool {
	w := int(id / 64)
	return w < len(s.words) && s.words[w]&(1<<(id%64)) != 0
}

// first returns the lowest member; ok is false when there is none.
func (s *idSet) first() (id uint16, ok bool) {
	for i, word := range s.summary {
		if word != 0 {
			w := i*64 + bits.TrailingZeros64(word)
			return uint16(w*64 + bits.TrailingZeros64(s.words[w])), true
		}
	}
	return 0, false
}

// empty reports that the set has no member.
func (s *idSet) empty() bool {
	_, some := s.first()
	return !some
}

// all calls visit with every member, in ascending order. Visit may take
// members out.
func (s *idSet) all(visit func(id uint16)) {
	for w := range s.words {
		for word := s.words[w]; word != 0; word &= word - 1 {
			visit(uint16(w*64 + bits.TrailingZeros64(word)))
		}
	}
}
