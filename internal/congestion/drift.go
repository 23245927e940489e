package congestion

// excessDrift adds up loss beyond the base loss over rounds that have too few
// packets to prove anything one by one (a CUSUM test, Page 1954).
type excessDrift struct {
	sum           float64 // packets lost beyond base loss and margin
	packets, lost float64 // since the sum was last 0
}

const (
	// driftLeast packets beyond what was expected prove something, sharedDriftLeast
	// where a flow with a small part of the path has nothing but loss to go by.
	driftLeast       = 3
	sharedDriftLeast = 2

	// driftVariance times the variance of one packet proves it where many are lost
	// anyway. With a slack of d the sum comes so far by chance once in
	// exp(2 d · driftVariance) times that it rises at all: d is 0.05 at a base loss
	// of 20 %, and that is 150.
	driftVariance = 50
)

// add takes in a round, in which loss beyond base and slack is excess, and returns
// the excess loss once it is proven, by least packets or more, else 0. One round is at
// most the share most of the proof.
func (d *excessDrift) add(packets, lost, base, slack, least, most float64) float64 {
	enough := max(least, driftVariance*base*(1-base))
	d.packets += packets
	d.lost += lost
	d.sum += min(lost-(base+slack)*packets, most*enough)
	if d.sum <= 0 {
		*d = excessDrift{}
		return 0
	}
	if d.sum < enough {
		return 0
	}
	excess := d.lost/d.packets - base
	*d = excessDrift{}
	return max(excess, 0)
}
