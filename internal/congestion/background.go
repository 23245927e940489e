package congestion

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
)

// Constants of the background mode (docs/protocol.md §8.8).
const (
	// The target is the queueing delay that the flow brings about at most: small
	// beside the round trip, and at most half of what the default mode takes for a
	// queue, or the two would share the path like equals. RFC 6817 allows 100 ms, LEDBAT++
	// 60 ms: in shorter queues either is an ordinary flow.
	targetShare   = 10
	targetFloor   = 1500 * time.Microsecond
	targetCeiling = 10 * time.Millisecond

	leastBackground = 2    // datagrams that are in flight in any case
	climb           = 0.06 // growth of the window in a round without queue, at least one datagram
	carefulClimb    = 0.15 // of a datagram; the same, after loss without delay
	carefulFor      = time.Minute
	steepness       = 2    // decrease of the window, as a multiple of the share of the round trip above the target
	halving         = 0.5  // the deepest cut in a round
	nearTarget      = 0.75 // of the target: slow start ends

	// A slowdown leaves so many round trips almost empty. What it costs bounds how
	// often there is one (LEDBAT++ section 4.4: a tenth of the time).
	slowdownRounds = 2
	slowdownShare  = 15 // the pause after one, in multiples of how long it took
	slowdownPause  = 10 * time.Second
	resumeShare    = 4 // it begins again with 1/resumeShare of the window

	lossSettle  = 2      // rounds from a cut until what is lost belongs to the smaller window
	lossMeasure = 6      // rounds for which that is measured
	rareLoss    = 0.0005 // where the path loses less by itself, any loss is congestion
)

// background yields to everybody: a scavenger in the manner of LEDBAT (RFC 6817)
// and LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus). It takes the growth of the
// round trip above its minimum, the base delay, for the queue of the bottleneck,
// grows while that is below a target and shrinks when others make it longer. The
// round trip stands for the one-way delay of RFC 6817, as in LEDBAT++: no clocks
// are compared, at the price of yielding to what others send the other way.
//
// Loss that comes with a queue above the target is congestion. For other loss see
// excessive.
type background struct {
	datagram int // gross bytes of a full one

	phase       backgroundPhase
	window      float64       // bytes
	threshold   float64       // slow start goes on up to this window, bytes; 0: until there is a queue
	rounds      int           // begun in this phase
	beganAt     instant.Time  // the slowdown under way, or the last one
	slowdownAt  instant.Time  // the next one
	bandwidth   int64         // delivered in the last round, bytes per second
	smoothed    time.Duration // round trip
	base        baseDelay
	recent      [8]time.Duration // the newest samples: CURRENT_FILTER of RFC 6817
	samples     int
	jitter      minFilter
	round       roundStats
	roundAt     instant.Time
	congested   bool
	own         baseLoss     // loss that does not depend on our window
	sinceCut    int          // rounds since the last cut for loss without delay
	carefulTill instant.Time // growth is slow until then
	uncut       float64      // the window before the last cut for loss, in this round or the one before
	uncutRounds int
}

// backgroundPhase is what the controller is doing.
type backgroundPhase uint8

const (
	slowStart backgroundPhase = iota // doubling the window up to the threshold, or until there is a queue
	steady                           // keeping the queue at the target
	slowdown                         // almost silent, so that the base delay shows
)

// String returns the name of the phase.
func (p backgroundPhase) String() string {
	return [...]string{"slow-start", "steady", "slowdown"}[p]
}

// NewBackground returns the controller behind `--mode background`. Datagram is the
// gross size of a full one in bytes, and smoothed the round trip as far as it is
// known.
func NewBackground(datagram int, smoothed time.Duration) Controller {
	return &background{
		datagram: datagram, window: float64(leastBackground * datagram),
		smoothed: smoothed, sinceCut: lossSettle + lossMeasure,
	}
}

func (b *background) OnSent(instant.Time, int, int) {}

func (b *background) OnAck(now instant.Time, s AckSample) {
	b.smoothed = s.SmoothedRTT
	if s.RTT > 0 {
		rtt := s.RTT - s.AckDelay // on a slow path as much as the target
		b.base.add(now, rtt)
		b.recent[b.samples%len(b.recent)] = rtt
		b.samples++
	}
	r := &b.round
	r.acked += s.AckedBytes
	r.lost += s.LostBytes
	r.marks += s.CE
	r.rate = max(r.rate, s.DeliveryRate)
	r.variation = s.RTTVar
	r.appLimited = r.appLimited || s.AppLimited
	size := float64(b.datagram)
	b.own.add(float64(s.AckedBytes)/size, float64(s.LostBytes)/size)
	if b.phase == slowStart && b.queueing() > b.part(nearTarget) {
		b.endSlowStart(now)
	}
	if s.RoundStart && now.Sub(b.roundAt) >= minRound {
		b.endRound(now)
	}
}

// queueing is the queueing delay: the least of the newest samples, which late
// acknowledgements and jitter disturb least, above the base delay.
func (b *background) queueing() time.Duration {
	if b.samples < len(b.recent) {
		return 0
	}
	return slices.Min(b.recent[:]) - b.base.min()
}

// target is the queueing delay that is aimed at. The base delay of a path with
// jitter is the luck of one packet, so its variation is allowed for.
func (b *background) target() time.Duration {
	return min(max(b.base.min()/targetShare, targetFloor), targetCeiling) + 2*b.jitter.min()
}

func (b *background) part(share float64) time.Duration {
	return time.Duration(share * float64(b.target()))
}

// endRound judges the round trip that has ended.
func (b *background) endRound(now instant.Time) {
	r := b.round
	if b.roundAt.IsSet() && !r.appLimited {
		b.bandwidth = int64(float64(r.acked) / now.Sub(b.roundAt).Seconds())
	}
	b.roundAt, b.round = now, roundStats{}
	b.jitter.add(r.variation)
	b.rounds++
	b.measureLoss()
	delay := b.queueing()
	b.congested = r.marks > 0 || delay > b.target()
	if b.uncutRounds++; b.uncutRounds > 1 {
		b.uncut = 0
	}
	switch {
	case b.phase == slowdown:
		b.endSlowdown(now)
	case r.marks > 0 || delay > b.target() && b.excessive(r):
		b.cut(halving)
		b.enter(steady)
	case b.sinceCut >= lossSettle+lossMeasure && b.excessive(r):
		b.cut(halving)
		b.sinceCut, b.carefulTill = 0, now.Add(carefulFor)
		b.enter(steady)
	case b.phase == slowStart:
		b.doubleWindow(r)
	case !b.slowdownAt.IsSet() || !now.Before(b.slowdownAt):
		b.beginSlowdown(now, b.window)
	default:
		b.follow(now, delay, r.appLimited)
	}
}

func (b *background) enter(p backgroundPhase) { b.phase, b.rounds = p, 0 }

// cut reduces the window to a share of it, which OnSpuriousLoss takes back.
func (b *background) cut(share float64) {
	b.uncut, b.uncutRounds = b.window, 0
	b.setWindow(share * b.window)
}

func (b *background) setWindow(bytes float64) {
	b.window = max(bytes, float64(leastBackground*b.datagram))
}

// follow keeps the queue at the target. The decrease is a multiple of what would
// take the flow's own part out of the queue, so that it gives way to others, whose
// part it is otherwise.
func (b *background) follow(now instant.Time, delay time.Duration, idle bool) {
	target := b.target()
	if delay > target {
		above := float64(delay-target) / float64(b.base.min()+target)
		b.setWindow(b.window * max(1-steepness*above, halving))
		return
	}
	if idle {
		return // what was not used says nothing about more
	}
	switch {
	case now.Before(b.carefulTill):
		b.window += carefulClimb * float64(b.datagram)
	case delay > b.part(nearTarget):
		b.window += float64(b.datagram) // the same for all, so that their windows approach each other
	default:
		b.window += max(climb*b.window, float64(b.datagram))
	}
}

// doubleWindow is a round of slow start.
func (b *background) doubleWindow(r roundStats) {
	if r.appLimited {
		return
	}
	b.window *= 2
	if b.threshold > 0 && b.window >= b.threshold {
		b.window = b.threshold
		b.enter(steady)
	}
}

// endSlowStart goes back to what the path has delivered. The first time the base
// delay may hold the queue of others, and what was sent too much stands in front
// of the bottleneck: a slowdown follows at once, as in LEDBAT++.
func (b *background) endSlowStart(now instant.Time) {
	fits := b.window / 2
	if b.round.rate > 0 {
		fits = min(float64(over(b.round.rate, b.base.min())), b.window)
	}
	if !b.slowdownAt.IsSet() {
		b.beginSlowdown(now, fits)
		return
	}
	b.setWindow(max(fits, halving*b.window))
	b.enter(steady)
}

// beginSlowdown leaves the path to itself for a while; window is what to come
// back to.
func (b *background) beginSlowdown(now instant.Time, window float64) {
	b.threshold, b.beganAt = window, now
	b.slowdownAt = now.Add(slowdownPause)
	b.setWindow(0)
	b.enter(slowdown)
}

// endSlowdown begins again when the base delay has been seen. The first round is
// that in which what was in flight arrives.
func (b *background) endSlowdown(now instant.Time) {
	if b.rounds <= slowdownRounds {
		return
	}
	took := now.Sub(b.beganAt)
	b.slowdownAt = now.Add(max(slowdownPause, slowdownShare*took))
	b.setWindow(b.threshold / resumeShare)
	b.samples = 0
	b.enter(slowStart)
}

// excessive reports whether the loss of a round is to be taken for congestion: of a
// full queue, or of a shallow buffer or a policer, which show no delay. It is unless
// the path was found to lose as much at a smaller window. Until that is known, or
// where the path loses next to nothing by itself, any loss is.
func (b *background) excessive(r roundStats) bool {
	p := b.own.rate()
	if !b.own.trusted() || p < rareLoss {
		return r.lost > 0
	}
	lost := float64(r.lost) / float64(b.datagram)
	sent := lost + float64(r.acked)/float64(b.datagram)
	excess := lost - p*sent - 1
	return excess > 0 && excess*excess > 9*p*(1-p)*sent*(1+sent/b.own.packets)
}

// measureLoss finds out, after a cut, what the path loses at the smaller window.
// With a queue it would be what others bring about.
func (b *background) measureLoss() {
	b.sinceCut++
	switch {
	case b.sinceCut == lossSettle:
		b.own.begin()
	case b.own.open && b.queueing() > b.target():
		b.own.end(false)
	case b.own.open && b.sinceCut >= lossSettle+lossMeasure:
		b.own.end(true)
		if b.own.rate() >= rareLoss {
			b.carefulTill = 0 // it was no congestion
		}
	}
}

// OnSpuriousLoss takes back what the loss has brought about.
func (b *background) OnSpuriousLoss(_ instant.Time, bytes int) {
	b.round.lost = max(0, b.round.lost-bytes)
	b.own.add(0, -float64(bytes)/float64(b.datagram))
	if b.uncut > b.window {
		b.window, b.carefulTill = b.uncut, 0
	}
}

// OnPersistentTimeout begins anew, up to half of what there was.
func (b *background) OnPersistentTimeout(instant.Time) {
	b.threshold = max(b.window, b.threshold) / 2
	b.setWindow(0)
	b.enter(slowStart)
}

func (b *background) SetDatagram(bytes int) {
	b.datagram = bytes
	b.setWindow(b.window)
}

func (b *background) Window() int { return int(b.window) }

// Train asks for none: in the background nothing is in a hurry.
func (b *background) Train() bool { return false }

// PacingRate spreads the window over the round trip, a little faster than that so
// that it is the window which decides.
func (b *background) PacingRate() int64 {
	gain := 1.1
	if b.phase == slowStart {
		gain = 2
	}
	rtt := max(b.smoothed, b.base.min())
	if rtt == 0 {
		rtt = initialRTT
	}
	return max(1, int64(gain*b.window/rtt.Seconds()))
}

func (b *background) State() State {
	return State{
		Name:       "background",
		Phase:      b.phase.String(),
		Bandwidth:  b.bandwidth,
		MinRTT:     b.base.min(),
		LossRate:   b.own.rate(),
		Settled:    b.slowdownAt.IsSet(),
		Congested:  b.congested,
		Window:     b.Window(),
		PacingRate: b.PacingRate(),
	}
}

// baseMinutes is how long a base delay is believed (BASE_HISTORY of RFC 6817,
// which has 10): so long a path that has become longer is taken for a queue.
const baseMinutes = 4

// baseDelay keeps the lowest round trip of each of the last minutes.
type baseDelay struct {
	minutes [baseMinutes]time.Duration // the present one first; 0: no sample
	since   instant.Time               // when the present one began
}

// add takes in a sample.
func (d *baseDelay) add(now instant.Time, rtt time.Duration) {
	if now.Sub(d.since) >= time.Minute {
		copy(d.minutes[1:], d.minutes[:])
		d.minutes[0], d.since = 0, now
	}
	if d.minutes[0] == 0 || rtt < d.minutes[0] {
		d.minutes[0] = rtt
	}
}

// min returns the base delay, 0 before the first sample.
func (d *baseDelay) min() (least time.Duration) {
	for _, m := range d.minutes {
		if m > 0 && (least == 0 || m < least) {
			least = m
		}
	}
	return least
}
