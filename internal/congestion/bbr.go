package congestion

import (
	"math/rand/v2"
	"time"

	"example.com/uft/internal/instant"
)

// Constants of the specification (docs/protocol.md §8).
const (
	initialWindow = 64                     // datagrams of the first flight
	initialRTT    = 100 * time.Millisecond // assumed while nothing is known
	minWindow     = 4                      // datagrams that are always allowed

	minRTTLife   = 10 * time.Second       // how long a minimum round trip is believed
	probeRTTTime = 100 * time.Millisecond // how long the queue is kept empty to renew it

	// batchDelay is how long a receiver may take to notice a batch of
	// datagrams; without it in the window a local network would stall.
	batchDelay = 2 * time.Millisecond

	// minRound is the shortest round that is judged. On a local network losses
	// are found a reordering window of 1 ms and an acknowledgement interval of
	// 1 ms after the packets left, which is many round trips; a shorter round
	// would answer for the losses of another phase.
	minRound = 3 * time.Millisecond

	// A queue is one that adds a quarter of the minimum round trip, within
	// bounds: flows with short and with long round trips share queues, and who
	// tolerates ten times as much of it gets all of the path.
	queueShare   = 4
	queueFloor   = 5 * time.Millisecond
	queueCeiling = 20 * time.Millisecond

	// jitterSamples is of how many round trips the shortest tells of a queue
	// where there is jitter.
	jitterSamples = 24

	lossMargin   = 0.02 // loss above the base loss by this is congestion
	longestBurst = 0.4  // of a round trip; what loses more is no path to go on with
)

// Config sets up a BBR controller. The zero Config is usable.
type Config struct {
	Datagram   int           // gross bytes of a full datagram; 0 means 1092
	InitialRTT time.Duration // round trip known in advance; 0 if unknown
	// RememberedRate is what an earlier connection found that the path delivers,
	// in bytes per second, and RememberedLoss its base loss. Both serve only if
	// the round trip is still about InitialRTT.
	RememberedRate int64
	RememberedLoss float64
	Seed           uint64 // varies the length of probing cycles between flows
}

// bbr follows the shape of draft-ietf-ccwg-bbr: a model of the path made of
// the highest delivered rate and the lowest round trip decides pace and
// window, and a cycle of small probes keeps the model current. It departs from
// the draft in that loss which does not depend on the sending rate is measured
// (baseLoss) and made up for in the pace instead of being taken for congestion.
type bbr struct {
	cfg    Config
	first  int // what cfg.Datagram was at first: flights and trains grow no longer with it
	random *rand.Rand

	// The model of the path.
	bandwidth   maxFilter // delivered bytes per second
	bound       int64     // upper bound set by congestion since the last probe; 0 is none
	base        baseLoss
	minRTT      time.Duration // 0 before the first sample
	minRTTAt    instant.Time  // when a sample last came close to minRTT
	smoothed    time.Duration
	jitter      minFilter // variation of the round trip that is not a queue of ours
	ackInterval time.Duration
	room        receiverRoom

	// The round under way, and what the last one showed.
	round     roundStats
	roundAt   instant.Time // when it began
	mean      int64        // bytes per second that it delivered
	excess    float64      // share of packets lost beyond the base loss, if more than chance explains
	suspect   bool         // the last round lost as much, whether that counted or not
	congested bool         // excess loss, ECN marks
	queued    bool         // a standing queue
	earlier   roundStats   // round trips of rounds before, not judged yet
	// Since when, and for how many rounds, the round trip has been far longer
	// than its minimum.
	longSince  instant.Time
	longRounds int

	cycle
	start
	crowd
	rivals

	// What the bottleneck may be able to send: the most that was delivered, and
	// what start-up measured.
	best, ceiling int64

	latest instant.Time // of the last acknowledgement or sending

	// earlierBound is what bound was before the present round trip reduced it.
	earlierBound int64
	stalled      bool // a persistent timeout, and no acknowledgement since
	inflight     int
}

// roundStats is what happens in one round trip.
type roundStats struct {
	acked, lost int // bytes
	lowest      time.Duration
	samples     int           // of the round trip, from which lowest comes
	variation   time.Duration // mean deviation at its end
	rate        int64         // highest delivery rate
	marks       uint64
	appLimited  bool // some sample was
}

// packets returns how many of the round's packets met their fate, and how many of
// them were lost, in datagrams of size bytes.
func (r *roundStats) packets(size int) (sent, lost float64) {
	lost = float64(r.lost) / float64(size)
	return lost + float64(r.acked)/float64(size), lost
}

// NewBBR returns the default controller. It fills paths of 1 Mbit/s to
// 10 Gbit/s that lose up to about a third of all packets at random, with at
// most about a bandwidth-delay product of queue.
func NewBBR(now instant.Time, cfg Config) Controller {
	if cfg.Datagram == 0 {
		cfg.Datagram = 1092
	}
	return &bbr{
		cfg:      cfg,
		first:    cfg.Datagram,
		random:   rand.New(rand.NewPCG(cfg.Seed, 0)),
		minRTTAt: now,
	}
}

func (b *bbr) OnSent(now instant.Time, _, inflight int) {
	b.latest = now
	b.inflight = inflight
}

func (b *bbr) OnAck(now instant.Time, s AckSample) {
	b.latest = now
	b.inflight = s.Inflight
	if s.AckedBytes > 0 && b.stalled {
		b.stalled = false
		b.bandwidth.reset(b.bandwidth.max() / 2)
		b.restart()
	}
	if s.RoundStart && now.Sub(b.roundAt) >= minRound {
		b.mean = 0
		if b.roundAt.IsSet() {
			b.mean = int64(float64(b.round.acked) / now.Sub(b.roundAt).Seconds())
		}
		b.roundAt = now
		b.endRound(now)
		if !s.AppLimited {
			b.bandwidth.advance()
		}
	}
	b.observe(now, s)
}

// observe takes one sample into the model and into the round under way.
func (b *bbr) observe(now instant.Time, s AckSample) {
	b.smoothed = s.SmoothedRTT
	b.ackInterval = s.AckInterval
	b.round.variation = s.RTTVar
	if s.DeliveryRate > 0 && (!s.AppLimited || s.DeliveryRate > b.bandwidth.max()) {
		b.bandwidth.add(b.withoutLuck(s.DeliveryRate))
	}
	r := &b.round
	r.acked += s.AckedBytes
	r.lost += s.LostBytes
	r.rate = max(r.rate, s.DeliveryRate)
	r.marks += s.CE
	r.appLimited = r.appLimited || s.AppLimited
	if s.RTT > 0 {
		r.samples++
		if r.lowest == 0 || s.RTT < r.lowest {
			r.lowest = s.RTT
		}
		b.observeRTT(now, s.RTT)
		b.stopProbe(now, s.RTT)
	}
	b.stopDraining()
	b.learn(now, s)
	b.best = max(b.best, b.bandwidth.max())
	size := float64(b.cfg.Datagram)
	acked := float64(s.AckedBytes) / size
	if b.onlyLosses(now) {
		acked = 0
	}
	if s.SocketDrops > 0 {
		b.room.dropped(now, max(b.smoothed, minRound), s.PriorInflight-b.pathHolds(), b.leastRoom())
	}
	if b.room.cutAt.IsSet() && now.Sub(b.room.cutAt) <= minRound+2*b.smoothed {
		b.base.doubtful = true // the path did not lose all of it
	}
	b.base.add(acked, float64(s.LostBytes)/size)
}

// observeRTT keeps the minimum round trip. A sample near it is taken as proof
// that it still holds, which spares a flow without queue the probing.
func (b *bbr) observeRTT(now instant.Time, rtt time.Duration) {
	if b.minRTT == 0 || rtt < b.minRTT {
		b.minRTT = rtt
	}
	if rtt <= b.minRTT+max(b.minRTT/16, 100*time.Microsecond) {
		b.minRTTAt = now
	}
}

// endRound judges the round trip that has ended and moves the cycle on.
func (b *bbr) endRound(now instant.Time) {
	sent, lost := b.round.packets(b.cfg.Datagram)
	b.floor.add(now, sent, lost)
	b.judgeLoss()
	b.congested = b.round.marks > 0 || b.excess > 0
	b.jitter.add(b.round.variation)
	b.queued = b.judgeQueue()
	if b.queued {
		b.queuedAt = now
	}
	// A queue that is full loses packets; a path that has become longer does not.
	if b.minRTT == 0 || b.round.lost > 0 || b.round.lowest <= b.minRTT+2*b.tolerance() {
		b.longSince, b.longRounds = now, 0
	}
	b.longRounds++
	b.earlierBound = b.bound
	b.noteShare(now)
	b.noteMean()
	b.lossy = b.lossy || b.round.lost > 0
	b.matchRivals(now)
	b.moveOn(now)
	b.round = roundStats{}
	b.paced = [3]int64{int64(float64(b.PacingRate()) * (1 - b.credit())), b.paced[0], b.paced[1]}
}

// judgeQueue reports a standing queue: even the shortest round trip was long.
// With jitter that takes many samples, or a flow that is slow sees queues
// because it is slow, and becomes slower. So rounds of few are judged together.
func (b *bbr) judgeQueue() bool {
	seen := b.round
	if b.jittery() {
		if b.earlier.samples > 0 && (seen.samples == 0 || b.earlier.lowest < seen.lowest) {
			seen.lowest = b.earlier.lowest
		}
		seen.samples += b.earlier.samples
		if seen.samples < jitterSamples {
			b.earlier = seen
			return false
		}
	}
	b.earlier = roundStats{}
	return b.minRTT > 0 && seen.lowest > b.minRTT+b.tolerance()
}

// jittery reports whether it is jitter that decides what stands for a queue.
func (b *bbr) jittery() bool {
	return 2*b.jitter.min() > max(min(b.minRTT/queueShare, queueCeiling), queueFloor)
}

// tolerance is how much longer than the minimum even the shortest round trip of
// a round may be without standing for a queue. On a path with jitter the
// minimum is the luck of one packet, so its variation is allowed for.
func (b *bbr) tolerance() time.Duration {
	return max(min(b.minRTT/queueShare, queueCeiling), queueFloor, 2*b.jitter.min())
}

// judgeLoss decides whether the round's excess loss counts. Where losses come in
// bursts one round proves little: a flow that seems to be alone, and saw no
// queue, waits for a second one in a row. A buffer that is too small to show as
// a queue goes on losing, a burst has passed.
func (b *bbr) judgeLoss() {
	before := b.suspect
	b.excess = b.excessLoss()
	b.suspect = b.excess > 0
	empty := b.round.lowest <= b.minRTT+b.tolerance()/riseShare
	if !before && empty && b.excess < longestBurst && b.phase != probeUp && b.share() >= halfOfIt {
		b.excess = 0
	}
	b.excess = max(b.excess, b.drifting())
}

// excessLoss returns the share of packets that the round lost beyond the base
// loss, or 0 if that is within the margin or within chance: a packet and three
// standard deviations, of this round and of the estimate it is compared with.
func (b *bbr) excessLoss() float64 {
	if !b.base.trusted() {
		return 0
	}
	sent, lost := b.round.packets(b.cfg.Datagram)
	p := b.baseLoss()
	excess := lost - (p+lossMargin)*sent - 1
	variance := b.base.variance() * sent * (1 + sent/b.base.packets)
	if excess <= 0 || excess*excess <= 9*variance {
		return 0
	}
	return lost/sent - p
}

// OnSpuriousLoss takes the loss out of the round and of the measurement under
// way, and gives back what this round trip took from the rate because of it.
func (b *bbr) OnSpuriousLoss(_ instant.Time, bytes int) {
	b.round.lost = max(0, b.round.lost-bytes)
	b.base.add(0, -float64(bytes)/float64(b.cfg.Datagram))
	if b.bound != 0 {
		b.bound = b.earlierBound
	}
}

// OnPersistentTimeout restarts at half the rate, and searches anew, as soon as
// the path answers again. What was known of the path is otherwise kept: most
// outages end where they began.
func (b *bbr) OnPersistentTimeout(instant.Time) { b.stalled = true }

// SetDatagram changes the size in which losses are counted and trains are made.
func (b *bbr) SetDatagram(bytes int) { b.cfg.Datagram = bytes }

// delivered returns the bytes per second that the path is believed to deliver.
func (b *bbr) delivered() int64 {
	rate := b.bandwidth.max()
	if b.bound > 0 {
		rate = min(rate, b.bound)
	}
	return rate
}

// sendRate returns the rate at which to send for delivered to arrive.
func (b *bbr) sendRate() int64 {
	return int64(float64(b.delivered()) / (1 - b.credit()))
}

// roundTrip returns the minimum round trip, or the one to be assumed.
func (b *bbr) roundTrip() time.Duration {
	switch {
	case b.minRTT > 0:
		return b.minRTT
	case b.cfg.InitialRTT > 0:
		return b.cfg.InitialRTT
	}
	return initialRTT
}

// over returns the bytes that rate sends in d.
func over(rate int64, d time.Duration) int {
	return int(float64(rate) * d.Seconds())
}

// PacingRate returns the send rate times the gain of the phase. In start-up
// the first flight is spread over one round trip (startup.go).
func (b *bbr) PacingRate() int64 {
	size := int64(b.cfg.Datagram)
	rate := int64(float64(b.sendRate()) * b.pacingGain())
	switch {
	case b.phase == startup:
		rate = b.searchRate(rate)
	case b.matched && b.phase != probeRTT:
		rate = max(rate, b.matchedRate())
	}
	if slow := b.slowCeiling(); slow > 0 {
		rate = min(rate, slow)
	}
	// Two datagrams in a round trip go in any case, or a flow that has become
	// very slow would take very long to learn that it may be faster.
	slowest := float64(2*size) / max(b.smoothed, b.roundTrip(), b.slowestRound()).Seconds()
	return max(rate, int64(slowest))
}

// Window returns the cap on the bytes in flight: gain times the
// bandwidth-delay product, and what is in flight only because acknowledgements
// and receivers work in batches and we send in trains.
func (b *bbr) Window() int {
	size := b.cfg.Datagram
	rate := b.sendRate()
	// The mean of a round trip with jitter lies about three mean deviations
	// above its minimum.
	window := int(b.windowGain() * float64(over(rate, b.roundTrip()+3*b.jitter.min())))
	if b.phase != probeRTT {
		if b.matched {
			window = max(window, int(b.window.bytes))
		}
		window += over(rate, b.ackInterval+batchDelay)
		window += 2 * min(max(over(rate, trainTime), size), max(MaxTrain*b.first, size))
	}
	if b.firstFlight() {
		window = max(window, initialWindow*b.first)
	}
	if jump := b.jumping(b.latest); jump > 0 {
		window = max(window, over(jump, b.roundTrip()*3/2+b.ackInterval+batchDelay))
	}
	if room, limited := b.room.limit(b.latest); limited {
		window = min(window, b.pathHolds()+room)
	}
	return max(window, minWindow*size)
}

// pathHolds is what is in flight because it and its acknowledgements are on their
// way, and not because the receiver has not come to take it.
func (b *bbr) pathHolds() int {
	return over(b.sendRate(), b.roundTrip()+3*b.jitter.min()+b.ackInterval)
}

// leastRoom is what a drop leaves of the receiver's room in any case: on a long path
// a window of little more than what the path holds would not cover what is lost and
// not yet found to be, nor a round trip that is longer than the shortest.
func (b *bbr) leastRoom() int {
	return max(MaxTrain*b.first, over(b.sendRate(), b.roundTrip())/2)
}

// State describes the controller.
func (b *bbr) State() State {
	return State{
		Name:       "bbr",
		Phase:      b.phase.String(),
		Bandwidth:  b.delivered(),
		MinRTT:     b.minRTT,
		LossRate:   b.baseLoss(),
		Settled:    b.phase != startup,
		Congested:  b.congested || b.queued,
		Window:     b.Window(),
		PacingRate: b.PacingRate(),
	}
}
