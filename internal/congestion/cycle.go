package congestion

import "example.com/uft/internal/instant"

// phase is what the controller is doing.
type phase uint8

const (
	startup  phase = iota // doubling the rate until the path delivers no more
	drain                 // emptying the queue that start-up has built
	cruise                // sending what the path delivers
	probeUp               // sending a quarter more, to see whether it delivers that
	probeDn               // sending a quarter less: drains the queue, measures base loss
	probeRTT              // keeping the queue empty, to measure the minimum round trip
)

// String returns the name of the phase.
func (p phase) String() string {
	return [...]string{"startup", "drain", "cruise", "probe-up", "probe-down", "probe-rtt"}[p]
}

const (
	upGrowth = 1.10 // more than this in a probe makes it go on
	queueCut = 0.85 // the deepest cut of the rate in one round for a queue or ECN marks

	// measureFrom is the round of a slow phase from which on base loss is
	// measured: by then all that was sent before it has been acknowledged or
	// declared lost.
	measureFrom = 2
	// longestDrain ends a slow phase that does not empty the queue, because
	// others fill it.
	longestDrain = 6
)

// cycle is where the controller stands: the phase and what it waits for.
type cycle struct {
	phase  phase
	rounds int // round trips begun in this phase

	reached    int64 // bandwidth at the last growth, in startup and probeUp
	flat       int   // rounds of start-up without growth
	fullRounds int   // rounds of start-up that were not limited by the application
	restarted  bool  // start-up goes on from a rate known before
	cruiseFor  int   // rounds

	emptyFrom instant.Time // when probeRTT had emptied the queue
}

// pacingGain returns the multiple of the send rate at which to send.
func (b *bbr) pacingGain() float64 {
	switch b.phase {
	case startup:
		return startupGain
	case drain:
		return 0.5
	case probeUp:
		return 1.25
	case probeDn:
		return 0.75
	case cruise:
		if b.queued {
			return 0.9
		}
	}
	return 0.99
}

// windowGain returns the multiple of the bandwidth-delay product in flight.
func (b *bbr) windowGain() float64 {
	switch b.phase {
	case startup:
		return startupGain
	case probeRTT:
		return 0.5
	}
	return 2
}

// enter begins a phase.
func (b *bbr) enter(p phase) {
	b.phase = p
	b.rounds = 0
	switch p {
	case probeUp:
		if b.bound > 0 {
			// What the path delivered before the congestion is history.
			b.bandwidth.reset(b.delivered())
			b.bound = 0
		}
		b.reached = b.bandwidth.max()
	case cruise:
		b.cruiseFor = 3 + b.random.IntN(4)
	case probeRTT:
		b.emptyFrom = 0
	}
}

// moveOn runs at the end of every round trip.
func (b *bbr) moveOn(now instant.Time) {
	b.rounds++
	switch b.phase {
	case startup:
		b.searchPlateau()
	case drain, probeDn:
		b.slowDown()
	case cruise:
		b.holdRate(now)
	case probeUp:
		b.pushUp()
	case probeRTT:
		b.renewMinRTT(now)
	}
}

// slowDown ends a slow phase when the queue is gone and, on a path that loses
// packets, the base loss has been measured over a round without queue.
func (b *bbr) slowDown() {
	if b.congested && b.rounds >= measureFrom {
		b.cut()
	}
	lossy := b.round.lost > 0 || b.base.rate() > 0.005
	if b.queued {
		b.base.end(false)
	}
	if (b.queued || lossy && !b.base.open) && b.rounds < longestDrain {
		if b.rounds >= measureFrom {
			b.base.begin()
		}
		return
	}
	if !lossy && !b.queued {
		// Nothing was lost even of what was sent before.
		b.base.begin()
		b.base.add(float64(b.round.acked)/float64(b.cfg.Datagram), 0)
	}
	b.base.end(true)
	b.enter(cruise)
}

// holdRate keeps the rate, lowers it while there is congestion, and after a
// while begins a probe.
func (b *bbr) holdRate(now instant.Time) {
	if (b.congested || b.queued) && b.rounds > 1 {
		b.cut()
	}
	switch {
	case now.Sub(b.minRTTAt) > minRTTLife:
		b.enter(probeRTT)
	case b.excess > 0 && b.rounds > 1:
		// Whether that loss is ours shows when we slow down.
		b.enter(probeDn)
	case b.rounds >= b.cruiseFor:
		b.enter(probeUp)
	}
}

// cut bounds the rate after a congested round: by what came through, which
// loss tells exactly and a queue does not, but never below what was delivered.
func (b *bbr) cut() {
	if b.round.rate == 0 || b.round.appLimited {
		return
	}
	keep := 1 - b.excess
	if b.excess == 0 {
		keep = queueCut
	}
	b.bound = max(b.round.rate, int64(keep*float64(b.delivered())))
}

// pushUp goes on as long as the path delivers more, which shows from the
// second round on, and ends at the first sign of congestion.
func (b *bbr) pushUp() {
	if b.congested || b.queued {
		b.enter(probeDn)
		return
	}
	if b.rounds < 2 {
		return
	}
	rate := b.bandwidth.max()
	if float64(rate) < upGrowth*float64(b.reached) {
		b.enter(probeDn)
		return
	}
	b.reached = rate
	b.rounds = 1
}

// renewMinRTT waits until the queue has been empty for probeRTTTime and a
// round trip, then believes what was measured. A much longer round trip is
// another path, on which the old window has throttled the rate: the search
// begins anew.
func (b *bbr) renewMinRTT(now instant.Time) {
	switch {
	case b.emptyFrom == 0:
		if b.inflight <= b.Window() || b.rounds > longestDrain {
			b.emptyFrom = now
		}
	case now.Sub(b.emptyFrom) >= probeRTTTime:
		before := b.minRTT
		if b.round.lowest > 0 {
			b.minRTT = b.round.lowest
		}
		b.minRTTAt = now
		b.enter(cruise)
		if b.minRTT > before+before/2+queueFloor {
			b.restart()
		}
	}
}
