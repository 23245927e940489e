package congestion

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
)

// Start-up doubles the delivered rate every round trip, from 64 datagrams on:
// that is how little is known of a path. At 600 ms and 50 Mbit/s it takes six
// round trips. Three things shorten it.
//
// The first datagrams leave as one train. Where they arrive further apart than
// they left, the bottleneck has spaced them, and their dispersion bounds what
// it can send. That bound, or the rate that this server was reached at before,
// justifies one jump: a round trip at half of it. Half, because others may use
// the path, and because RFC 9959 section 4.3 permits no more of what is only
// remembered. Then the arrivals at the receiver confirm the rate, or they do
// not and the search goes on from what was delivered (the safe retreat of RFC
// 9959: nothing of the jump remains, since the rate is always a multiple of
// what has arrived). And the rate never goes beyond the bound while searching,
// which spares the path the overshoot of a factor of 2.77.
const (
	startupGain = 2.77 // 4 ln 2: doubles the delivered rate each round trip
	growth      = 1.25 // less than this in a round of start-up is a plateau
	plateau     = 3    // rounds in a row that end start-up

	agreement    = 1.5      // of the measurements of the capacity, within this factor
	jumpShare    = 0.5      // of what the path is believed to bear
	maxJump      = 16 << 20 // bytes in flight that a jump may bring
	jumpInflight = 8        // datagrams in flight that show that there is something to send
	slowEnough   = 0.75     // of the capacity: below, loss is not of our making
)

// A start is what the search for the rate goes by.
type start struct {
	capacity   int64     // gross bytes per second that the bottleneck can send at most; 0 is unknown
	seen       [32]int64 // the newest measurements of it
	samples    int       // how many there ever were
	goal       int64     // gross bytes per second of which a jump sends the half; 0 is none
	remembered int64     // the rate of an earlier connection, if it is believed
	jumpAt     instant.Time
	jumpEnd    instant.Time
	fastAt     instant.Time // when the rate first exceeded slowEnough of the capacity
	recalled   bool         // what is remembered was looked at
	measured   bool         // base loss was measured before that
}

// learn takes in what an acknowledgement tells during start-up.
func (b *bbr) learn(now instant.Time, s AckSample) {
	if b.phase != startup {
		return
	}
	if s.ArrivalRate > 0 {
		b.bandwidth.add(s.ArrivalRate)
	}
	if s.Dispersion > 0 {
		b.disperse(s.Dispersion)
	}
	if b.minRTT == 0 {
		return
	}
	b.remember()
	if b.goal > 0 && !b.jumpAt.IsSet() && b.inflight >= jumpInflight*b.first {
		b.jumpAt, b.jumpEnd = now, now.Add(b.minRTT+b.minRTT/4+2*s.AckInterval+batchDelay)
	}
	b.measureEarly(now)
}

// remember begins with what is remembered of the path, once, if the first round
// trips are what they were (RFC 9959 section 4.2): else this is another path.
func (b *bbr) remember() {
	if b.recalled || b.restarted {
		return
	}
	b.recalled = true
	known := b.cfg.InitialRTT
	if b.cfg.RememberedRate <= 0 || b.minRTT < known/2 || b.minRTT > 2*known {
		return
	}
	b.remembered = b.cfg.RememberedRate
	b.goal = max(b.goal, b.remembered)
	b.base.assume(b.cfg.RememberedLoss)
}

// disperse takes in a measurement of the capacity. Where they agree, but for the
// lowest quarter, it bounds the rate: now and then a receiver is late to look at
// its clock, and one such measurement must not be the end of the bound. Where they
// do not agree, jitter or the packets of others have spread the packets rather than
// the bottleneck, and the lowest of them still serves for the jump.
func (b *bbr) disperse(rate int64) {
	b.seen[b.samples%len(b.seen)] = rate
	b.samples++
	sorted := b.seen
	of := sorted[:min(b.samples, len(sorted))]
	slices.Sort(of)
	b.goal = max(of[0], b.remembered)
	lowest, highest := of[len(of)/4], of[len(of)-1]
	switch {
	case float64(highest) > agreement*float64(lowest):
		b.capacity = 0
	case b.samples >= 2:
		b.capacity = max(rate, lowest)
	}
}

// measureEarly takes the loss of the time before the rate came near the
// capacity for base loss: it cannot be of our making.
func (b *bbr) measureEarly(now instant.Time) {
	if b.capacity == 0 || b.measured || b.restarted {
		return
	}
	if !b.jumpAt.IsSet() || now.Sub(b.jumpAt) < b.minRTT {
		return // the first train may have been too long for a queue on the way
	}
	if !b.fastAt.IsSet() {
		b.base.begin()
		if float64(b.PacingRate()) > slowEnough*float64(b.gross(b.capacity)) {
			b.fastAt = now
		}
		return
	}
	if now.Sub(b.fastAt) > b.minRTT+lossLag(b.minRTT) {
		b.measured = true
		b.base.end(!b.queued)
	}
}

// lossLag is how much later than its acknowledgement would have come a packet
// is found to be lost: the reordering window (docs/protocol.md §7.4).
func lossLag(minRTT time.Duration) time.Duration { return max(minRTT/4, time.Millisecond) }

// onlyLosses reports that what is acknowledged now was sent too late for the
// measurement of start-up, but what turns out lost now was not.
func (b *bbr) onlyLosses(now instant.Time) bool {
	return b.phase == startup && b.fastAt.IsSet() && now.Sub(b.fastAt) > b.minRTT
}

// jumping returns the rate of the jump, 0 outside of it.
func (b *bbr) jumping(now instant.Time) int64 {
	if !b.jumpAt.IsSet() || !now.Before(b.jumpEnd) {
		return 0
	}
	return min(int64(jumpShare*float64(b.goal)), int64(maxJump/b.roundTrip().Seconds()))
}

// searchRate returns the rate of start-up where the search alone would send
// at rate.
func (b *bbr) searchRate(rate int64) int64 {
	size := int64(b.first)
	if b.firstFlight() {
		rate = max(rate, int64(float64(initialWindow*size)/b.roundTrip().Seconds()))
	}
	if b.capacity > 0 {
		rate = min(rate, max(b.gross(b.capacity), b.sendRate()))
	}
	return max(rate, b.jumping(b.latest))
}

// gross returns the rate at which to send for rate to arrive.
func (b *bbr) gross(rate int64) int64 { return int64(float64(rate) / (1 - b.base.likely())) }

// firstFlight reports whether the controller still lives from its initial
// window: no flight has come back in full yet.
func (b *bbr) firstFlight() bool {
	return b.phase == startup && b.fullRounds < 2 && !b.restarted
}

// restart returns to start-up, but not to the initial window.
func (b *bbr) restart() {
	b.bound = 0
	b.cycle = cycle{restarted: true}
	b.start = start{}
}

// searchPlateau ends start-up when the delivered rate no longer grows: after
// three such rounds, after one in which a queue stood, or after one in which it
// came near the capacity. Loss does not end it, since on a path with base loss
// that would be at once.
func (b *bbr) searchPlateau(now instant.Time) {
	if b.round.appLimited || b.round.rate == 0 {
		return
	}
	b.fullRounds++
	rate := b.bandwidth.max()
	if float64(rate) >= growth*float64(b.reached) {
		if b.fullRounds >= 2 {
			b.reached = rate
		}
		b.flat = 0
		return
	}
	b.flat++
	b.ceiling = max(b.ceiling, b.capacity)
	switch {
	case b.queued:
		b.enter(now, drain)
	case b.capacity > 0 && float64(b.sendRate()) >= 0.8*float64(b.capacity) && b.measured:
		b.enter(now, cruise) // nothing was overrun, so there is nothing to drain
	case b.flat >= plateau:
		b.enter(now, drain)
	}
}
