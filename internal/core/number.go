package core

import "math/rand/v2"

// A numberSkipper leaves out an Application packet number now and then, at
// random: a peer that acknowledges packets before they have come, so that we
// send faster, cannot know which ones, and gives itself away (docs/protocol.md
// §3.7, RFC 9000 §21.4).
type numberSkipper struct {
	random *rand.Rand
	skip   uint64 // the next number that is left out
}

// Between two numbers that are left out lie at least minSkip, and fewer than
// minSkip + skipSpan others: few enough to be met within a window, and so many
// that the gaps do not lengthen acknowledgements.
const (
	minSkip  = 64
	skipSpan = 448
)

func newNumberSkipper(seed uint64) numberSkipper {
	s := numberSkipper{random: rand.New(rand.NewPCG(seed, 0))}
	s.plan(0)
	return s
}

// plan draws which number is left out after number.
func (s *numberSkipper) plan(number uint64) {
	s.skip = number + 1 + minSkip + s.random.Uint64N(skipSpan)
}

// after returns the number of the packet that follows number.
func (s *numberSkipper) after(number uint64) uint64 {
	next := number + 1
	if next < s.skip {
		return next
	}
	s.plan(next)
	return next + 1
}
