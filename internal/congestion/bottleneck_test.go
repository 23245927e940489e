package congestion_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/recovery"
)

const (
	payload  = 1064
	overhead = 28
	gross    = payload + overhead
)

// A bottleneck is a path as simple as will do: a queue that drains at a rate,
// a delay each way, random loss each way behind the queue.
type bottleneck struct {
	rate   float64       // bits per second
	rtt    time.Duration // without queue
	loss   float64       // share of packets lost each way, 0 to 1
	buffer float64       // in bandwidth-delay products; 0 means 4
	late   time.Duration // the sender's timer comes late by up to this
	seed   uint64
}

func (b bottleneck) String() string {
	return fmt.Sprintf("%.4g Mbit/s, RTT %v, loss %.0f %%, buffer %.2g BDP, late %v, seed %d", b.rate/1e6, b.rtt, 100*b.loss, b.buffer, b.late, b.seed)
}

// A run is one sender with endless data, one receiver, and the path between.
type run struct {
	bottleneck
	now      instant.Time
	random   *rand.Rand
	control  congestion.Controller
	pacer    *congestion.Pacer
	recovery *recovery.Recovery
	received *recovery.Received
	fates    recovery.Fates
	ack      recovery.Ack

	number    uint64
	busyUntil instant.Time
	data      []datagram // under way to the receiver, in order of arrival
	acks      []answer   // under way to the sender
	pruneAt   instant.Time
	wake      instant.Time
	wakeFor   instant.Time

	outage bool

	sent, dropped, delivered int // gross bytes since mark
	queueMax                 time.Duration
	queueSum                 float64 // seconds times datagrams
	queued                   int
}

type datagram struct {
	at     instant.Time
	number uint64
}

type answer struct {
	at      instant.Time
	largest uint64
	delay   time.Duration
	numbers ranges.Set
}

func newRun(b bottleneck, control func(now instant.Time) congestion.Controller) *run {
	if b.buffer == 0 {
		b.buffer = 4
	}
	r := &run{
		bottleneck: b,
		now:        instant.Time(time.Second),
		random:     rand.New(rand.NewPCG(b.seed, 1)),
		pacer:      congestion.NewPacer(gross, 16),
		recovery:   recovery.New(recovery.Config{Overhead: overhead}),
		received:   recovery.NewReceived(b.rtt),
	}
	r.recovery.SetHandshakeConfirmed()
	r.control = control(r.now)
	r.busyUntil = r.now
	return r
}

// play lets d pass.
func (r *run) play(d time.Duration) {
	end := r.now.Add(d)
	for {
		next := instant.Min(r.sendAt(), r.recovery.Deadline(), r.received.Deadline())
		if len(r.data) > 0 {
			next = instant.Min(next, r.data[0].at)
		}
		if len(r.acks) > 0 {
			next = instant.Min(next, r.acks[0].at)
		}
		if next.After(end) {
			r.now = end
			return
		}
		r.now = max(r.now, next)
		r.step()
	}
}

// mark starts the counters from zero.
func (r *run) mark() {
	r.sent, r.dropped, r.delivered = 0, 0, 0
	r.queueMax, r.queueSum, r.queued = 0, 0, 0
}

func (r *run) step() {
	for len(r.data) > 0 && !r.data[0].at.After(r.now) {
		if !r.received.OnPacket(r.now, r.data[0].number, true, payload, false) {
			r.delivered += gross
		}
		r.data = r.data[1:]
	}
	if r.received.AckNow(r.now) {
		r.answer()
	}
	for len(r.acks) > 0 && !r.acks[0].at.After(r.now) {
		a := r.acks[0]
		r.acks = r.acks[1:]
		r.ack = recovery.Ack{Largest: a.largest, Delay: a.delay, Ranges: a.numbers}
		if err := r.recovery.OnAck(r.now, recovery.Application, &r.ack, &r.fates); err != nil {
			panic(err)
		}
		r.report()
	}
	if !r.recovery.Deadline().After(r.now) {
		probe, _ := r.recovery.OnTimeout(r.now, &r.fates)
		r.report()
		if r.recovery.ProbeCount() >= recovery.PersistentProbes {
			r.control.OnPersistentTimeout(r.now)
		}
		if probe {
			r.send()
			r.send()
		}
	}
	for range r.pacer.Quantum() {
		if r.sendAt().After(r.now) {
			break
		}
		r.send()
	}
}

// report hands what recovery found to the controller.
func (r *run) report() {
	for _, p := range r.fates.Spurious {
		r.control.OnSpuriousLoss(r.now, p.Size+overhead)
	}
	r.control.OnAck(r.now, r.fates.Sample)
	r.pacer.SetRate(r.control.PacingRate(), congestion.AdaptiveBurst)
}

// answer sends an acknowledgement of the newest ranges.
func (r *run) answer() {
	largest, delay, numbers := r.received.Frame(r.now)
	r.received.OnAckSent(r.now)
	if r.random.Float64() < r.loss || r.outage {
		return
	}
	numbers = slices.Clone(numbers[max(0, len(numbers)-1024):])
	r.acks = append(r.acks, answer{r.now.Add(r.rtt / 2), largest, delay, numbers})
	if r.now.After(r.pruneAt) {
		r.pruneAt = r.now.Add(r.rtt)
		r.received.OnAckOfAck(largest)
	}
}

// sendAt returns when the next datagram may go.
func (r *run) sendAt() instant.Time {
	if r.recovery.Inflight()+gross > r.control.Window() {
		return instant.Never
	}
	at := r.pacer.Next(r.now, gross)
	if r.late == 0 || !at.After(r.now) {
		return at
	}
	// A timer is set once for each moment, and then comes late.
	if r.wakeFor != at {
		r.wakeFor = at
		r.wake = at.Add(time.Duration(r.random.Int64N(int64(r.late))))
	}
	return r.wake
}

// send puts one datagram on the path.
func (r *run) send() {
	if r.number == 0 {
		r.pacer.SetRate(r.control.PacingRate(), congestion.AdaptiveBurst)
	}
	p := recovery.Packet{Number: r.number, SentAt: r.now, Size: payload, AckEliciting: true, InFlight: true}
	r.number++
	r.recovery.OnSent(recovery.Application, &p, false)
	r.control.OnSent(r.now, gross, r.recovery.Inflight())
	r.pacer.OnSent(r.now, gross)
	r.sent += gross

	took := func(bytes float64) time.Duration { return time.Duration(bytes * 8 / r.rate * 1e9) }
	queue := max(r.busyUntil.Sub(r.now), 0)
	limit := max(time.Duration(r.buffer*float64(r.rtt)), took(16*gross), time.Millisecond)
	if queue+took(gross) > limit {
		r.dropped += gross
		return
	}
	r.queueMax = max(r.queueMax, queue)
	r.queueSum += queue.Seconds()
	r.queued++
	r.busyUntil = max(r.busyUntil, r.now).Add(took(gross))
	if r.random.Float64() >= r.loss && !r.outage {
		r.data = append(r.data, datagram{r.busyUntil.Add(r.rtt / 2), p.Number})
	}
}

// utilisation returns the share of what the path could have delivered in d.
func (r *run) utilisation(d time.Duration) float64 {
	return float64(r.delivered*8) / (r.rate * (1 - r.loss) * d.Seconds())
}

// overflow returns the share of datagrams that the full queue dropped.
func (r *run) overflow() float64 { return float64(r.dropped) / float64(max(r.sent, 1)) }

// queueMean returns the mean queueing delay.
func (r *run) queueMean() time.Duration {
	return time.Duration(r.queueSum / float64(max(r.queued, 1)) * 1e9)
}

// summary describes the last d.
func (r *run) summary(d time.Duration) string {
	s := r.control.State()
	return fmt.Sprintf("used %.0f %%, overflow %.1f %%, queue mean %v max %v; %s, %.3g Mbit/s delivered, RTT %v, base loss %.1f %%",
		100*r.utilisation(d), 100*r.overflow(), r.queueMean().Round(time.Microsecond), r.queueMax.Round(time.Microsecond),
		s.Phase, float64(s.Bandwidth)*8/1e6, s.MinRTT.Round(time.Microsecond), 100*s.LossRate)
}
