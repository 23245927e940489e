package link

import "math/rand/v2"

// golden is 2⁶⁴ divided by the golden ratio, the step of the SplitMix64
// sequence.
const golden = 0x9e3779b97f4a7c15

// mix spreads every bit of x over the whole result (the output function of
// SplitMix64), so that neighbouring seeds give unrelated sequences.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A chance is a sequence of random numbers for one effect of a link. Every
// effect has its own, and draws once per datagram whether or not its outcome
// is needed. So changing one probability leaves the other effects as they
// were, and raising a probability only adds datagrams to those already hit:
// two runs can be compared datagram by datagram.
type chance struct{ source rand.PCG }

// newChance returns the sequence that belongs to an effect under a seed.
func newChance(seed, effect uint64) chance {
	var c chance
	c.source.Seed(mix(seed+golden), mix(seed^mix(effect+golden)))
	return c
}

// unit draws a number in [0, 1).
func (c *chance) unit() float64 { return float64(c.source.Uint64()>>11) / (1 << 53) }

// hits draws whether something of the given probability happens.
func (c *chance) hits(probability float64) bool { return c.unit() < probability }

// A lossModel decides which datagrams are lost. In its simple form each one
// is lost by itself. With bursts it is the model of Gilbert (1960), which
// Elliott (1963) extended: the path is in a good state, where everything
// arrives, or in a bad one, where everything is lost, and each datagram may
// change the state. The bad state is left with probability 1/Burst, so a
// visit lasts Burst datagrams on average, and entered with the probability
// that makes Loss the share of datagrams that find it.
type lossModel struct {
	chance chance
	loss   float64

	bursts     bool
	enter      float64 // probability of going from good to bad
	leave      float64 // probability of going from bad to good
	bad, begun bool
}

func newLossModel(c *Config, chance chance) lossModel {
	m := lossModel{chance: chance}
	m.change(c)
	return m
}

// change sets the probabilities of a configuration. The state stays: where it
// does not fit them, the next draws lead out of it.
func (m *lossModel) change(c *Config) {
	m.loss = c.Loss
	// A path that loses everything never leaves the bad state: no bursts.
	m.bursts = c.Burst > 1 && c.Loss < 1
	if m.bursts {
		m.leave = 1 / c.Burst
		m.enter = m.leave * c.Loss / (1 - c.Loss)
	}
}

// next draws the fate of the next datagram.
func (m *lossModel) next() (lost bool) {
	switch {
	case !m.bursts:
		return m.chance.hits(m.loss)
	case !m.begun:
		// The first state is drawn from the long-term shares, so the average
		// holds from the first datagram on.
		m.begun = true
		m.bad = m.chance.hits(m.loss)
	case m.bad:
		m.bad = !m.chance.hits(m.leave)
	default:
		m.bad = m.chance.hits(m.enter)
	}
	return m.bad
}
