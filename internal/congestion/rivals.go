package congestion

import (
	"time"

	"example.com/uft/internal/instant"
)

// Beside flows that know no congestion but loss, who yields to a queue gets less
// and less: they fill it until it overflows, and take what we leave. A slow phase
// tells. When we send a quarter less, our own queue falls by what we do not send,
// and that of others who keep their rates, too. That of a flow with a window of its
// own in flight does not: its acknowledgements come sooner, and it sends more.
//
// A flow that sees this again and again does as those others do: it keeps in flight
// at least what CUBIC would (cubicWindow), and gets what one more flow of CUBIC would
// get. It may get more by its model: beside BBR, CUBIC would get next to nothing.
// Slow phases go on, and show when the others are gone: then the queue is our own,
// and falls. Copa switches its mode likewise (NSDI 2018).

const (
	// takenWeight is that of the newest slow phase. Three in a row begin it, since
	// the start-up of another flow lasts through two; two in a row end it.
	takenWeight = 1.0 / 3
	takenBegins = 0.7
	takenEnds   = 0.5

	// reduceRounds is how many rounds one event of congestion lasts: what was lost
	// before a reduction is found in the next round, too.
	reduceRounds = 3
)

// rivals is what a flow knows of others that fill the queue until it overflows.
type rivals struct {
	taken   float64 // share of the last slow phases in which others took what we left
	matched bool    // we do as they do
	window  cubicWindow
	since   int     // rounds since it was reduced
	flown   float64 // most bytes in flight since the last slow phase

	slowRate int64         // in the slow phase under way, while matched
	slowRTT  time.Duration // the shortest round trip when what was sent in it had begun to arrive
	slowAt   instant.Time  // that was
}

// noteTaken looks at a slow phase that has ended.
func (b *bbr) noteTaken(now instant.Time) {
	watched := b.slowAt.IsSet() && b.slowAt != now
	stood := watched && (b.queued || b.matched)
	if b.matched && !watched {
		return // there is no queue at all, which says nothing of whose it would be
	}
	taken := 0.0
	left := slowShare * b.share() * now.Sub(b.slowAt).Seconds()
	if stood && (b.slowRTT-b.round.lowest).Seconds() < left/2 {
		taken = 1
	}
	b.taken += takenWeight * (taken - b.taken)
	switch {
	case b.taken > takenBegins && !b.matched:
		b.matched = true
		b.window.begin(now, b.flown)
	case b.taken < takenEnds:
		b.matched = false
	}
	b.flown = 0
}

// matchRivals moves the window on at the end of a round. What is lost beyond the
// base loss is congestion here without a margin: a queue that overflows takes a
// packet or two of each.
func (b *bbr) matchRivals(now instant.Time) {
	b.flown = max(b.flown, float64(b.mean)*b.smoothed.Seconds())
	if !b.matched {
		return
	}
	sent, lost := b.round.packets(b.cfg.Datagram)
	p := b.baseLoss()
	excess := lost - p*sent
	b.since++
	congested := b.round.marks > 0 || excess > 0 && excess*excess > 9*p*(1-p)*sent
	switch {
	case congested && b.since >= reduceRounds:
		b.window.reduce(now)
		b.since = 0
	case congested:
	case b.round.appLimited:
		b.window.rest(now)
	default:
		b.window.grow(now, b.smoothed)
	}
}

// matchedRate returns the rate that keeps the window in flight: the least, while
// matched.
func (b *bbr) matchedRate() int64 {
	if b.phase == probeDn {
		// Fixed, or it would rise again as the queue falls.
		return b.slowRate
	}
	return int64(b.window.bytes / max(b.smoothed, b.roundTrip()).Seconds())
}
