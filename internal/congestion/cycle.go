package congestion

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
)

// phase is what the controller is doing.
type phase uint8

const (
	startup  phase = iota // doubling the rate until the path delivers no more
	drain                 // emptying the queue that start-up has built
	cruise                // sending what the path delivers
	probeUp               // sending more, to see whether the path delivers that (step)
	probeDn               // sending a quarter less: drains the queue, measures base loss
	probeRTT              // keeping the queue empty, to measure the minimum round trip
)

// String returns the name of the phase.
func (p phase) String() string {
	return [...]string{"startup", "drain", "cruise", "probe-up", "probe-down", "probe-rtt"}[p]
}

const (
	upShare = 0.4 // of what a probe added, delivered, makes it go on

	// Where others use the path too, a probe adds the same share of the
	// capacity whatever this flow has of it, and congestion takes from each in
	// proportion to what it has: so the rates approach each other (Chiu and
	// Jain, 1989). Alone, a probe adds a quarter of the rate.
	aloneStep      = 0.25
	sharedStep     = 0.035
	mostOfIt       = 0.9 // a flow that has this share of the capacity is alone
	halfOfIt       = 0.5 // below that, loss is likely to be made by all together
	longestStep    = 1.0
	contendedPause = 300 * time.Millisecond // at least, between two probes: round trips differ
	cutPause       = 50 * time.Millisecond  // at least, between two cuts

	slowShare = 0.25 // what is not sent in a slow phase

	steepLoss  = 0.1   // loss beyond the base loss that ends a probe at once: half of what it added
	riseShare  = 4     // a queue has risen in a probe if by 1/riseShare of what makes one
	queueCut   = 0.85  // the deepest cut of the rate in one round for a queue or ECN marks
	deepestCut = 0.7   // the same for loss: a burst that takes a whole round may be chance
	lossless   = 0.005 // base loss that is hardly any

	// measureFrom is the round of a slow phase from which on base loss is
	// measured: by then all that was sent before it has been acknowledged or
	// declared lost.
	measureFrom = 2
	// A queue that stays for so many rounds, and so long, whatever is cut, may be
	// a path that has become longer: the minimum is measured anew.
	longestRounds = 12
	longestQueue  = time.Second
	// longestDrain ends a slow phase that does not empty the queue, because
	// others fill it.
	longestDrain = 6
)

// cycle is where the controller stands: the phase and what it waits for.
type cycle struct {
	phase  phase
	rounds int // round trips begun in this phase

	reached    int64         // bandwidth at the last growth, in startup and probeUp
	cruiseTill instant.Time  // a probe waits for this where others use the path
	contended  bool          // there was congestion since the last probe
	lossy      bool          // something was lost since the last slow phase
	cutAt      instant.Time  // the last time that the rate was reduced
	upGain     float64       // of the probe under way
	restingRTT time.Duration // the shortest round trip of the round before probeUp
	flat       int           // rounds of start-up without growth
	fullRounds int           // rounds of start-up that were not limited by the application
	restarted  bool          // start-up goes on from a rate known before
	cruiseFor  int           // rounds

	newest  [3]time.Duration // samples of the round trip
	cutOff  bool             // the last probe ended within a round, which has not ended yet
	drained bool             // the slow phase has emptied the queue, but its round goes on

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
		return b.upGain
	case probeDn:
		if !b.drained {
			return 1 - slowShare
		}
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
func (b *bbr) enter(now instant.Time, p phase) {
	if p == probeDn && b.matched {
		b.slowRate = int64((1 - slowShare) * float64(b.matchedRate()))
	}
	b.phase = p
	b.rounds = 0
	b.cutOff, b.drained = false, false
	switch p {
	case probeUp:
		if b.bound > 0 {
			// What the path delivered before the congestion is history.
			b.bandwidth.reset(b.delivered())
			b.bound = 0
		}
		b.reached = b.bandwidth.max()
		b.restingRTT = max(b.round.lowest, b.minRTT)
		b.upGain = 1 + b.step()
		b.contended = false
	case cruise:
		b.cruiseFor = 3 + b.random.IntN(4)
		b.cruiseTill = now.Add(time.Duration(float64(contendedPause) * (1 + b.random.Float64())))
	case probeDn:
		b.slowTo = b.came.mean()
	case probeRTT:
		b.emptyFrom = 0
	}
}

// step returns by what share of the rate a probe exceeds it. That a flow of few packets
// saw no congestion since the last one does not make it alone.
func (b *bbr) step() float64 {
	if !b.contended && !b.groping() {
		return aloneStep
	}
	return min(max(b.capacityStep()/b.share(), sharedStep), longestStep)
}

// share returns how much of the capacity this flow has, as far as that is known:
// 1 for a flow that never saw more than it has now. What start-up measured counts
// for at most twice what was ever delivered: behind a policer it is the rate of a
// line that nobody may fill.
func (b *bbr) share() float64 {
	return float64(max(b.delivered(), 1)) / float64(max(b.best, min(b.ceiling, 2*b.best), 1))
}

// moveOn runs at the end of every round trip.
func (b *bbr) moveOn(now instant.Time) {
	b.rounds++
	switch b.phase {
	case startup:
		b.searchPlateau(now)
	case drain, probeDn:
		b.slowDown(now)
	case cruise:
		b.holdRate(now)
	case probeUp:
		b.pushUp(now)
	case probeRTT:
		b.renewMinRTT(now)
	}
}

// slowDown ends a slow phase when the queue is gone and, on a path that loses
// packets, the base loss has been measured over a round without queue.
func (b *bbr) slowDown(now instant.Time) {
	if b.cutOff {
		b.cutOff, b.rounds = false, 0 // that was the rest of the probe's round
		return
	}
	if b.rounds == measureFrom {
		b.slowAt, b.slowRTT = now, b.round.lowest
	}
	if b.congested && b.rounds >= measureFrom {
		b.cut(now)
	}
	few := b.round.acked < baseLossTrust*b.cfg.Datagram // a round in which nothing was lost by luck
	lossy := b.round.lost > 0 || b.base.rate() > lossless || few && b.lossy
	if b.queued {
		b.base.end(false)
	}
	if (b.queued || lossy && !b.base.open) && b.rounds < longestDrain {
		if b.rounds >= measureFrom {
			b.base.begin()
		}
		return
	}
	if b.emptying() {
		return
	}
	if !lossy && !b.queued {
		// Nothing was lost even of what was sent before.
		b.base.begin()
		b.base.add(float64(b.round.acked)/float64(b.cfg.Datagram), 0)
	}
	b.base.end(true)
	if b.phase == probeDn {
		b.noteTaken(now)
	}
	b.slowAt = 0
	b.lossy = false
	b.enter(now, cruise)
}

// lossFree reports whether nothing is lost, as far as is known. Where something is,
// base loss is measured in slow phases: they take their rounds, and what precedes
// them too, or the path would be slowed down for longer than it was filled.
func (b *bbr) lossFree() bool {
	return !b.lossy && b.round.lost == 0 && b.base.rate() <= lossless
}

// emptying reports whether a flow that is alone still has more in flight than the
// path and a train need: that is a queue, and its own. What its packets have waited
// there tells later, and only whether the queue is one that others mind.
func (b *bbr) emptying() bool {
	if b.phase != probeDn || !b.lossFree() || b.share() < mostOfIt || b.jittery() || b.rounds >= longestDrain || b.round.lowest <= b.minRTT+b.tolerance()/riseShare {
		return false
	}
	rate := b.sendRate()
	return b.inflight > over(rate, b.minRTT)+max(over(rate, trainTime), b.cfg.Datagram)
}

// stopDraining ends slow sending, within a round, when a flow that is alone has no
// more in flight than the path holds: less would leave the path idle.
func (b *bbr) stopDraining() {
	if b.phase != probeDn || b.drained || !b.lossFree() || b.share() < mostOfIt {
		return
	}
	b.drained = b.inflight <= over(b.sendRate(), b.minRTT)
}

// holdRate keeps the rate, lowers it while there is congestion, and after a
// while begins a probe.
func (b *bbr) holdRate(now instant.Time) {
	if (b.congested || b.queued) && b.rounds > 1 {
		b.cut(now)
	}
	pause := b.contended || b.groping()
	due := b.rounds >= b.cruiseFor && !(pause && now.Before(b.cruiseTill))
	switch {
	case b.matched:
		// The round trip tells of others, and their loss is reckoned with. What
		// follows a probe is wanted, the slow phase.
		if due {
			b.enter(now, probeUp)
		}
	case now.Sub(b.minRTTAt) > minRTTLife || b.longRounds > longestRounds && now.Sub(b.longSince) > longestQueue:
		b.enter(now, probeRTT)
	case b.excess > 0 && b.rounds > 1:
		// Whether that loss is ours shows when we slow down.
		b.enter(now, probeDn)
	case due:
		b.enter(now, probeUp)
	}
}

// cut bounds the rate after a congested round: by what came through, which
// loss tells exactly and a queue does not. The first cut since the last probe
// goes below what was delivered, for others to have it; the later ones do not.
func (b *bbr) cut(now instant.Time) {
	first := !b.contended
	b.contended = true
	if b.round.rate == 0 || b.round.appLimited || now.Sub(b.cutAt) < cutPause {
		return
	}
	b.cutAt = now
	keep := max(1-2*b.excess, deepestCut)
	if b.excess == 0 {
		keep = queueCut
	}
	floor := b.mean
	if first && (b.share() < mostOfIt || b.excess > 0) {
		floor = int64(queueCut * float64(floor)) // somebody else can use it
	}
	b.bound = max(floor, int64(keep*float64(b.delivered())))
}

// pushUp goes on as long as the path delivers more, which shows from the
// second round on, and ends at the first sign of congestion.
func (b *bbr) pushUp(now instant.Time) {
	if b.round.marks > 0 || b.excess > steepLoss || b.risen() {
		b.enter(now, probeDn)
		return
	}
	if b.rounds < 2 {
		return
	}
	rate := b.bandwidth.max()
	if b.queued || b.congested || float64(rate) < (1+(b.upGain-1)*upShare)*float64(b.reached) {
		b.enter(now, probeDn)
		return
	}
	b.reached = rate
	b.rounds = 1
}

// risen reports whether the queue is longer than when the probe began. How long
// it is says nothing of this flow: others may have made it, and who has little
// of the path would never get more if it went by that.
func (b *bbr) risen() bool {
	if b.jittery() && b.round.samples < jitterSamples {
		return false
	}
	return b.minRTT > 0 && b.round.lowest > b.restingRTT+b.tolerance()/riseShare
}

// stopProbe ends a probe within a round when the newest samples show that the queue
// has risen: to wait for the end of the round, and send too much until then, would
// double that queue. Only of a flow that is alone: others that make queues of their
// own, in the background for one, would end its probes and take its place.
func (b *bbr) stopProbe(now instant.Time, rtt time.Duration) {
	b.newest = [...]time.Duration{rtt, b.newest[0], b.newest[1]}
	if b.phase != probeUp || b.rounds == 0 || b.share() < mostOfIt || !b.lossFree() || b.jittery() {
		return
	}
	if slices.Min(b.newest[:]) > b.restingRTT+b.tolerance()/riseShare {
		b.enter(now, probeDn)
		b.cutOff = true
	}
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
		b.longSince, b.longRounds = now, 0
		b.enter(now, cruise)
		if b.minRTT > before+before/2+queueFloor {
			b.restart()
		}
	}
}
