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
//     and where no queue ever shows, so that nothing but loss tells of others,
//     in no more than the least that it saw, chance or not,
//   - adds up what its rounds of few packets prove (excessDrift),
//   - does not take its luckiest sample for what the path delivers,
//   - and adds less to a path that loses packets, the less of it it has.

const (
	// halfFor and halfRounds are for how long a flow must have had half of the path
	// to be believed, for twice as long, not to share it.
	halfFor    = 2 * time.Second
	halfRounds = 16

	leastStep = 0.3 // of sharedStep

	aloneSlowest  = 10 * time.Millisecond
	sharedSlowest = 50 * time.Millisecond

	// blindFor is how long a standing queue is remembered: as long as the least loss.
	blindFor = floorSlots * floorSlot

	// fewPackets in a round trip prove little.
	fewPackets = 32

	// blindMargin is lossMargin for a flow with a small part of the path where no
	// queue shows.
	blindMargin = 0.01
)

// crowd is what a flow with a small part of the path goes by.
type crowd struct {
	floor               lossFloor
	drift               excessDrift
	paced               [3]int64     // what would arrive of what was sent, in the last rounds
	halfFrom, halfUntil instant.Time // when it last had half of the path
	queuedAt            instant.Time // when a queue last stood
	came                meanRate     // what arrived, in the last rounds
	slowTo              int64        // the mean of that when the slow phase began
}

// meanRate is the mean of the rates of a few rounds.
type meanRate struct {
	rounds [4]int64 // bytes per second
	count  int
}

// add takes in a round.
func (m *meanRate) add(rate int64) {
	m.rounds[m.count%len(m.rounds)] = rate
	m.count++
}

// mean returns the mean, 0 before there were as many rounds as it takes.
func (m *meanRate) mean() int64 {
	if m.count < len(m.rounds) {
		return 0
	}
	var sum int64
	for _, rate := range m.rounds {
		sum += rate
	}
	return sum / int64(len(m.rounds))
}

// blind reports that no queue has stood of late. The path may have none that can be
// seen, as with a policer or a buffer of a tenth of the round trip. Where queues do
// show, loss without one beside it is not of our making. (Short round trips: crowded.)
func (b *bbr) blind() bool {
	if b.roundTrip() < 2*trainTime {
		return false
	}
	return !b.queuedAt.IsSet() || b.latest.Sub(b.queuedAt) > blindFor
}

// groping reports that congestion is hardly to be seen: nothing but loss tells of it,
// and a round has so few packets that it proves little.
func (b *bbr) groping() bool {
	return b.crowded() && b.blind() && over(b.sendRate(), b.roundTrip()) < fewPackets*b.cfg.Datagram
}

// noteMean notes what arrived in a round.
func (b *bbr) noteMean() {
	if b.mean > 0 && !b.round.appLimited {
		b.came.add(b.mean)
	}
}

// slowCeiling returns the most that is sent in a slow phase where nothing but loss tells
// of congestion; 0 is no limit. (Where nothing is lost, and the queue is drained, the
// phase sends what is delivered again.) The highest delivery rate of many samples lies so far
// above the mean where much is lost that three quarters of it may be all that the path
// carries: the measurement would then find again the loss that the flow itself makes.
func (b *bbr) slowCeiling() int64 {
	if b.phase != probeDn || b.drained || !b.blind() {
		return 0
	}
	return int64((1 - slowShare) * float64(b.slowTo) / (1 - b.credit()))
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

// slowestRound returns the round trip that a flow has at least when two datagrams in
// each are sent in any case: several flows on a path that carries only a few in a
// round trip would overrun it by these alone.
func (b *bbr) slowestRound() time.Duration {
	if b.crowded() {
		return sharedSlowest
	}
	return aloneSlowest
}

// baseLoss returns the loss that does not depend on our rate. A flow with a small
// part of the path goes by the least that it saw, too.
func (b *bbr) baseLoss() float64 {
	if !b.crowded() {
		return b.base.rate()
	}
	if b.blind() {
		return min(b.base.rate(), b.floor.least())
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
// few packets: that of a path whose queue is too short to show, or that is crowded.
// The rounds of a probe do not count, since what it loses ends with it. A flow that
// seems to be alone needs two rounds for it, as in judgeLoss: a burst proves nothing.
func (b *bbr) drifting() float64 {
	crowded := b.crowded()
	probing := b.phase == probeUp || b.phase == probeDn && b.rounds == 0
	if probing || b.phase == startup || b.queued || !crowded && !b.blind() {
		b.drift = excessDrift{}
		return 0
	}
	sent, lost := b.round.packets(b.cfg.Datagram)
	p := b.baseLoss()
	margin, least, most := lossMargin, float64(driftLeast), 1.0
	switch {
	case !crowded:
		most = 0.5
	case b.blind():
		margin, least = blindMargin, sharedDriftLeast
	}
	slack := margin + math.Sqrt(p*(1-p)/max(b.base.packets, 1))
	return b.drift.add(sent, lost, p, slack, least, most)
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
