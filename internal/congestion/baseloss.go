package congestion

const (
	// maxBaseLoss caps the loss that may be compensated by sending more, so
	// that neither a mistake here nor a hostile receiver can make a flow
	// ignore a congested path.
	maxBaseLoss = 0.35

	// baseLossMemory is how many packets of earlier measurements weigh
	// against a new one: enough to average the few packets per round trip of
	// a slow path, little beside the thousands of a fast one.
	baseLossMemory = 192

	// lossCredit is the share of the estimate that is made up for by sending
	// more, sharedLossCredit that of a flow with a small part of the path.
	lossCredit       = 0.92
	sharedLossCredit = 0.85

	// contradiction is by how many standard deviations a measurement lies below an
	// estimate that it proves wrong.
	contradiction = 2.5

	// baseLossTrust is the number of packets from which on the estimate is
	// good enough to judge other loss by.
	baseLossTrust = 48
)

// baseLoss estimates the share of packets that the path loses however slowly
// we send, as radio links and damaged cables do.
//
// Only what is lost while sending well below the delivered rate counts. An
// estimate that is too high makes the flow overrun its bottleneck, and then
// part of the loss seen while cruising is of its own making and would confirm
// the estimate. Slowed to the share g of its pace, the flow overruns by less:
// a true loss of 0 taken for p is next measured as 1 - (1-p)/g, which is
// less than p for every g < 1, so the mistake shrinks from cycle to cycle.
type baseLoss struct {
	packets, lost float64 // weighted packets of accepted measurements

	open                bool // a measurement is under way
	doubtful            bool // some of what it counts was lost by the receiver
	newPackets, newLost float64
}

// assume begins with what an earlier connection found, which weighs as little as
// can be trusted.
func (e *baseLoss) assume(rate float64) {
	if e.packets == 0 {
		e.packets, e.lost = baseLossTrust, baseLossTrust*min(max(rate, 0), maxBaseLoss)
	}
}

// begin starts a measurement, unless one is under way.
func (e *baseLoss) begin() {
	if !e.open {
		e.open, e.doubtful, e.newPackets, e.newLost = true, false, 0, 0
	}
}

// add takes in packets delivered and lost during a measurement.
func (e *baseLoss) add(delivered, lost float64) {
	if e.open {
		e.newPackets += delivered + lost
		e.newLost += lost
	}
}

// end closes a measurement. Clean says that there was no queue while it
// lasted; otherwise the loss may have been a full buffer, and is only believed
// where it is lower than the estimate. So is that of which the receiver dropped a
// part: without the loss beside it, what was delivered would say that the path
// loses nothing.
func (e *baseLoss) end(clean bool) {
	if !e.open {
		return
	}
	e.open = false
	e.newLost = max(e.newLost, 0) // some of what was lost before may have come after all
	if e.newPackets <= 0 || (!clean || e.doubtful) && e.newLost > e.rate()*e.newPackets {
		return
	}
	if mostLoss(e.newPackets, e.newLost, contradiction) < e.rate() {
		e.packets, e.lost = 0, 0 // what does not depend on the rate would not be gone
	}
	if e.packets > baseLossMemory {
		e.lost *= baseLossMemory / e.packets
		e.packets = baseLossMemory
	}
	e.packets += e.newPackets
	e.lost += e.newLost
}

// rate returns the estimate, between 0 and maxBaseLoss.
func (e *baseLoss) rate() float64 {
	if e.packets == 0 {
		return 0
	}
	return min(max(e.lost/e.packets, 0), maxBaseLoss)
}

// variance returns that of the fate of one packet. That nothing was lost of a few
// packets does not prove that nothing ever is (Laplace's rule of succession).
func (e *baseLoss) variance() float64 {
	p := min((e.lost+1)/(e.packets+2), maxBaseLoss)
	return p * (1 - p)
}

// likely returns the estimate, or while there is none what the measurement under
// way shows by now.
func (e *baseLoss) likely() float64 {
	if e.packets == 0 && e.open && e.newPackets >= baseLossTrust {
		return min(max(e.newLost/e.newPackets, 0), maxBaseLoss)
	}
	return e.rate()
}

// trusted reports whether enough has been seen to call other loss excessive.
func (e *baseLoss) trusted() bool { return e.packets >= baseLossTrust }
