package congestion

import (
	"math"
	"slices"
	"time"

	"example.com/uft/internal/instant"
)

// Flows that share a full buffer too small to show as a queue all see the loss that
// they make together. When one of them slows down by a quarter that loss hardly
// falls: by a quarter of its share. Each would take what all make for base loss, make
// up for it, and so make more. A flow with less than half of the path therefore
//
//   - believes only in base loss that never went away of late (lossFloor),
//   - adds up what its rounds of few packets prove (excessDrift),
//   - does not take its luckiest sample for what the path delivers,
//   - and adds less to a path that loses packets, the less of it it has.

const (
	// halfFor and halfRounds are for how long a flow must have had half of the path
	// to be believed, for twice as long, not to share it.
	halfFor    = 2 * time.Second
	halfRounds = 16

	leastStep = 0.3 // of sharedStep
)

// crowd is what a flow with a small part of the path goes by.
type crowd struct {
	floor               lossFloor
	drift               excessDrift
	paced               [3]int64     // what would arrive of what was sent, in the last rounds
	halfFrom, halfUntil instant.Time // when it last had half of the path
}

// crowded reports whether others have most of the path. A flow that had half of it
// for a while, and lost that only a moment ago, is rather on a path that changed.
// Where a round trip is shorter than two trains, small queues lose what a train has
// too many, and that says nothing of others.
func (b *bbr) crowded() bool {
	if b.roundTrip() < 2*trainTime {
		return false
	}
	grace := max(halfFor, halfRounds*b.roundTrip())
	return b.share() < halfOfIt && (b.halfUntil.Sub(b.halfFrom) < grace || b.latest.Sub(b.halfUntil) > 2*grace)
}

// noteShare notes since when, and until when, this flow had half of the path.
func (b *bbr) noteShare(now instant.Time) {
	if b.phase == startup || b.share() < halfOfIt {
		return
	}
	if grace := max(halfFor, halfRounds*b.roundTrip()); now.Sub(b.halfUntil) > grace/8 {
		b.halfFrom = now // it came and went, as with flows that share
	}
	b.halfUntil = now
}

// baseLoss returns the loss that does not depend on our rate. A flow with a small
// part of the path goes by the least that it saw, too.
func (b *bbr) baseLoss() float64 {
	if !b.crowded() {
		return b.base.rate()
	}
	return min(b.base.rate(), b.floor.bound())
}

// credit returns the part of the base loss that is made up for by sending more.
func (b *bbr) credit() float64 {
	if !b.crowded() {
		return lossCredit * b.baseLoss()
	}
	return sharedLossCredit * b.baseLoss()
}

// drifting returns the excess loss that rounds prove together where each has too
// few packets: that of a crowded path whose queue is too short to show. The rounds
// of a probe do not count, since what it loses ends with it.
func (b *bbr) drifting() float64 {
	probing := b.phase == probeUp || b.phase == probeDn && b.rounds == 0
	if probing || b.phase == startup || b.queued || !b.crowded() {
		b.drift = excessDrift{}
		return 0
	}
	size := float64(b.cfg.Datagram)
	lost := float64(b.round.lost) / size
	p := b.baseLoss()
	slack := lossMargin + math.Sqrt(p*(1-p)/max(b.base.packets, 1))
	return b.drift.add(lost+float64(b.round.acked)/size, lost, p, slack)
}

// withoutLuck returns the delivery rate, but not more than what was sent leads
// one to expect. Of the many samples of a flow that has few packets in flight on a
// path with loss, the highest is the one that happened to lose nothing.
func (b *bbr) withoutLuck(rate int64) int64 {
	if b.phase == startup || !b.crowded() {
		return rate
	}
	return min(rate, slices.Max(b.paced[:]))
}

// capacityStep returns what a probe adds, as a share of the capacity. Where that is
// lost, it falls with the share that this flow has: so many flows would add so much
// that all cuts together could not take it away.
func (b *bbr) capacityStep() float64 {
	if !b.lossy || !b.crowded() {
		return sharedStep
	}
	return sharedStep * min(max(math.Sqrt(2*b.share()), leastStep), 1)
}
