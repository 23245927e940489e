package congestion

import (
	"math"
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
// remembered. What measurements of the moment agree on it sends in full: others
// suffer no more by it than by the last round trip of a search that doubles.
// Then the arrivals at the receiver confirm the rate, or they do not and the
// search goes on from what was delivered (the safe retreat of RFC 9959: nothing
// of the jump remains, since the rate is always a multiple of what has arrived).
// And the rate never goes beyond the bound while searching, which spares the
// path the overshoot of a factor of 2.77; a bound that is not certain is then
// probed at once.
const (
	startupGain = 2.77 // 4 ln 2: doubles the delivered rate each round trip
	growth      = 1.25 // less than this in a round of start-up is a plateau
	plateau     = 3    // rounds in a row that end start-up

	agreement    = 1.5      // of the measurements of the capacity, within this factor
	closeness    = 1.1      // of those that leave no doubt
	manySamples  = 4        // make them certain
	overtaking   = 4        // of so many packets no more than one may be overtaken for them to count
	atBound      = 0.95     // of the bound is as much as at it
	jumpShare    = 0.5      // of what is only remembered, or measured once
	firstTrain   = 32       // datagrams of the first train (docs/protocol.md §8.2)
	moreTrains   = 2        // as many fit in what a receiver acknowledges in fours
	maxJump      = 16 << 20 // bytes in flight that a jump may bring
	maxSureJump  = 64 << 20 // where measurements agree, and the receiver grants it
	jumpInflight = 8        // datagrams in flight that show that there is something to send
	slowEnough   = 0.75     // of the capacity: below, loss is not of our making
)

// A start is what the search for the rate goes by.
type start struct {
	capacity   int64     // gross bytes per second that the bottleneck can send at most; 0 is unknown
	seen       [32]int64 // the newest measurements of it
	lowest     int64     // of these
	samples    int       // how many there ever were
	goal       int64     // gross bytes per second of which a jump sends at least the half; 0 is none
	remembered int64     // the rate of an earlier connection, if it is believed
	jumpAt     instant.Time
	jumpEnd    instant.Time
	fastAt     instant.Time // when the rate first exceeded slowEnough of the capacity
	recalled   bool         // what is remembered was looked at
	measured   bool         // base loss was measured before that
	trains     int          // that left after the first
	overruns   int          // rounds in a row that lost more than any base loss
	train      bool         // another one is wanted
	certain    bool         // measurements of the capacity are many and alike
	arrived    int          // bytes acknowledged
	overtaken  int          // and of those the ones that had been overtaken
}

// learn takes in what an acknowledgement tells during start-up.
func (b *bbr) learn(now instant.Time, s AckSample) {
	if b.phase != startup {
		return
	}
	b.arrived += s.AckedBytes
	b.overtaken += s.OvertakenBytes
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
	b.beyond(now)
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
// lowest quarter, they bound the rate: now and then a receiver is late to look at
// its clock, and one such measurement must not be the end of the bound. Where they
// do not agree, or the packets did not even come in order, jitter or the packets of
// others have spread them rather than the bottleneck, and the lowest measurement
// still serves for a jump.
func (b *bbr) disperse(rate int64) {
	b.seen[b.samples%len(b.seen)] = rate
	b.samples++
	sorted := b.seen
	of := sorted[:min(b.samples, len(sorted))]
	slices.Sort(of)
	b.lowest = of[0]
	b.goal = max(b.lowest, b.remembered)
	odd := len(of) / 4
	if len(of) >= 3 {
		odd = max(odd, 1)
	}
	low, highest := of[odd], of[len(of)-1]
	b.certain = len(of) >= manySamples && float64(highest) <= closeness*float64(of[0])
	b.capacity = max(rate, low)
	if float64(highest) > agreement*float64(low) || b.overtaken > b.arrived/overtaking {
		b.capacity = 0
	}
}

// beyond goes on searching where the rate has come to a bound that is not
// certain: as a probe does, by a quarter in a round trip. To cruise until the
// next probe would take several round trips.
func (b *bbr) beyond(now instant.Time) {
	if b.certain || b.capacity == 0 || !b.measured || float64(b.sendRate()) < atBound*float64(b.gross(b.capacity)) {
		return
	}
	if b.round.lowest > b.minRTT+b.tolerance()/riseShare {
		return // the search ends where a queue stands
	}
	b.ceiling = max(b.ceiling, b.capacity)
	b.enter(now, probeUp)
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
	rate, most := int64(jumpShare*float64(b.goal)), maxJump
	if b.capacity > 0 && b.samples >= 2 {
		rate, most = max(rate, b.lowest), maxSureJump
	}
	return min(rate, int64(float64(most)/b.roundTrip().Seconds()))
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
	b.rivals = rivals{} // who was there before need not be there now
}

// Train asks for another train where the first told nothing: it was lost, or a
// receiver that was scheduled late looked at it as a whole.
func (b *bbr) Train() bool {
	wanted := b.train
	b.train = false
	return wanted
}

// trainAgain looks at that at the end of a round trip.
func (b *bbr) trainAgain() {
	flight := b.round.acked+b.round.lost >= firstTrain*b.first
	if b.samples == 0 && flight && b.trains < moreTrains && !b.restarted && b.remembered == 0 {
		b.trains++
		b.train = true
	}
}

// searchPlateau ends start-up when the delivered rate no longer grows: after
// three such rounds, after one in which a queue stood, or after one in which it
// came near the capacity. Loss does not end it, since on a path with base loss
// that would be at once.
func (b *bbr) searchPlateau(now instant.Time) {
	b.trainAgain()
	if b.round.appLimited || b.round.rate == 0 {
		return
	}
	b.fullRounds++
	if b.overrunning() {
		b.ceiling = max(b.ceiling, b.capacity)
		b.enter(now, drain)
		return
	}
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

// overrunning reports that two rounds in a row lost more than maxBaseLoss allows, but
// for bad luck of three standard deviations: that much is lost of what is sent beyond
// what the path carries, and of what others send there.
func (b *bbr) overrunning() bool {
	sent, lost := b.round.packets(b.cfg.Datagram)
	if lost-maxBaseLoss*sent <= 3*math.Sqrt(maxBaseLoss*(1-maxBaseLoss)*sent) {
		b.overruns = 0
		return false
	}
	b.overruns++
	return b.overruns >= 2
}
