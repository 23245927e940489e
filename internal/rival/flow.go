package rival

import (
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/sim"
)

// Sizes of IPv4 packets with TCP timestamps, in bytes.
const (
	SegmentBytes = 1500
	PayloadBytes = 1448 // of a segment
	ackBytes     = 52
	udpHeaders   = 28 // which the links add to everything
)

// Constants of TCP as Linux has them.
const (
	duplicateThreshold = 3
	ackEvery           = 2 // segments
	delayedAck         = 40 * time.Millisecond
	minTimeout         = 200 * time.Millisecond
	firstTimeout       = time.Second
	maxTimeout         = 60 * time.Second
	initialWindow      = 10 // RFC 6928
)

// A Controller is the congestion control of a Flow. It counts in segments.
type Controller interface {
	onAck(s sample)
	onTimeout()
	// window is how many segments may be in flight.
	window() float64
	// pace is the rate in segments per second; 0: unpaced, by the clock of
	// the acknowledgements.
	pace() float64
}

// A sample is what one acknowledgement tells a controller.
type sample struct {
	now      instant.Time
	acked    int           // segments newly delivered
	lost     int           // segments newly found lost
	inflight int           // segments in flight after both
	rtt      time.Duration // of the newest segment; 0 without
	rate     float64       // segments per second delivered since that was sent
	round    bool          // a round trip has ended
	event    bool          // the losses are the first of their round trip
}

// A Flow is one bulk sender and its receiver. It exists in virtual time only.
type Flow struct {
	network *sim.Network
	control Controller
	extra   time.Duration // each way, on top of the link

	// The sender. Segments have the number of their transmission.
	next      int64
	sent      []transmission // those from first on
	first     int64
	inflight  int
	largest   int64 // acknowledged
	reordered bool  // something that had been taken for lost has come
	delivered int64
	recovery  int64 // transmissions below it belong to the last loss event
	roundEnd  int64 // the acknowledgement of this ends the round
	smoothed  time.Duration
	variation time.Duration
	minRTT    time.Duration
	backoff   int
	progress  instant.Time // of the last acknowledgement, or the first segment after idleness
	checking  bool         // a check of the timeout is on its way
	sendAt    instant.Time // pacing
	waking    bool
	stopped   bool

	// The receiver: what came, in its order, from number heardFrom on.
	heard     []int64
	heardFrom int64
	unacked   int
	highest   int64
	ackTimer  int64 // tells apart the delayed acknowledgements
	seen      int64 // of heard, how much the sender has taken
	arrived   int64
	cost      int64 // segments sent
}

// A transmission is a segment on its way.
type transmission struct {
	at          instant.Time
	delivered   int64
	deliveredAt instant.Time
	state       uint8
}

const (
	flying uint8 = iota
	done
	lost
)

// Start begins a flow that sends from now on, by the link towards the server,
// until Stop. Its way is longer than the link by extra in either direction.
func Start(n *sim.Network, control Controller, extra time.Duration) *Flow {
	f := &Flow{network: n, control: control, extra: extra, largest: -1, highest: -1}
	f.send()
	return f
}

// Stop ends the sending.
func (f *Flow) Stop() { f.stopped = true }

// Arrived returns how many bytes of IP packets have reached the receiver.
func (f *Flow) Arrived() uint64 { return uint64(f.arrived) * SegmentBytes }

// Sent returns how many bytes of IP packets were sent.
func (f *Flow) Sent() uint64 { return uint64(f.cost) * SegmentBytes }

// send puts segments on the way as window and pace allow.
func (f *Flow) send() {
	now := f.network.Now()
	for !f.stopped && float64(f.inflight) < f.control.window() {
		if pace := f.control.pace(); pace > 0 {
			if f.sendAt.After(now) {
				f.wake()
				break
			}
			f.sendAt = max(f.sendAt, now.Add(-time.Millisecond)).Add(time.Duration(float64(time.Second) / pace))
		}
		f.transmit(now)
	}
	f.watch()
}

// wake has the pace call send again.
func (f *Flow) wake() {
	if f.waking {
		return
	}
	f.waking = true
	f.network.Beside(f.sendAt, func() {
		f.waking = false
		f.send()
	})
}

func (f *Flow) transmit(now instant.Time) {
	if f.inflight == 0 {
		f.progress = now
	}
	number := f.next
	f.next++
	f.cost++
	f.inflight++
	f.sent = append(f.sent, transmission{at: now, delivered: f.delivered, deliveredAt: f.progress})
	f.network.Carry(sim.Up, SegmentBytes-udpHeaders, func() {
		f.later(f.extra, func() { f.receive(number) })
	})
}

// later calls do after a time, at once where that is none.
func (f *Flow) later(d time.Duration, do func()) {
	if d == 0 {
		do()
		return
	}
	f.network.Beside(f.network.Now().Add(d), do)
}

// receive is the receiver: it acknowledges every second segment, and at once
// what comes out of order.
func (f *Flow) receive(number int64) {
	f.arrived++
	f.heard = append(f.heard, number)
	inOrder := number == f.highest+1
	f.highest = max(f.highest, number)
	if f.unacked++; f.unacked >= ackEvery || !inOrder {
		f.acknowledge()
		return
	}
	timer := f.ackTimer
	f.network.Beside(f.network.Now().Add(delayedAck), func() {
		if timer == f.ackTimer {
			f.acknowledge()
		}
	})
}

// acknowledge tells the sender all that has come so far: selective
// acknowledgements repeat themselves, so one that is lost costs nothing.
func (f *Flow) acknowledge() {
	f.unacked = 0
	f.ackTimer++
	upTo := f.heardFrom + int64(len(f.heard))
	f.later(f.extra, func() {
		f.network.Carry(sim.Down, ackBytes-udpHeaders, func() { f.onAck(upTo) })
	})
}

// onAck is the sender again.
func (f *Flow) onAck(upTo int64) {
	now := f.network.Now()
	s := sample{now: now}
	var newest int64 = -1
	for ; f.seen < upTo; f.seen++ {
		number := f.heard[f.seen-f.heardFrom]
		if number < f.first {
			f.reordered = true
			continue
		}
		t := &f.sent[number-f.first]
		switch t.state {
		case flying:
			f.inflight--
			s.acked++
		case lost:
			f.reordered = true
			s.acked++
		}
		t.state = done
		newest = max(newest, number)
	}
	f.heard = f.heard[f.seen-f.heardFrom:]
	f.heardFrom = f.seen
	if newest < 0 {
		return
	}
	f.delivered += int64(s.acked)
	f.measure(&s, newest)
	f.progress, f.backoff = now, 0
	f.detect(&s)
	s.inflight = f.inflight
	f.control.onAck(s)
	f.send()
}

// measure takes the round-trip time, the delivery rate and the end of a round
// from the newest segment of an acknowledgement.
func (f *Flow) measure(s *sample, newest int64) {
	t := f.sent[newest-f.first]
	if newest > f.largest {
		f.largest = newest
		s.rtt = s.now.Sub(t.at)
		f.updateRTT(s.rtt)
	}
	if interval := s.now.Sub(t.deliveredAt); interval >= f.minRTT && interval > 0 {
		s.rate = float64(f.delivered-t.delivered) / interval.Seconds()
	}
	if newest >= f.roundEnd {
		s.round, f.roundEnd = true, f.next
	}
}

// updateRTT is RFC 6298 section 2.
func (f *Flow) updateRTT(rtt time.Duration) {
	if f.smoothed == 0 {
		f.smoothed, f.variation, f.minRTT = rtt, rtt/2, rtt
		return
	}
	f.variation += (max(f.smoothed-rtt, rtt-f.smoothed) - f.variation) / 4
	f.smoothed += (rtt - f.smoothed) / 8
	f.minRTT = min(f.minRTT, rtt)
}

// detect finds lost segments: those with three later ones delivered, or, once
// reordering was seen, those sent a quarter of a round trip before one that
// was delivered (RFC 8985 section 6.2).
func (f *Flow) detect(s *sample) {
	newest := f.sent[f.largest-f.first].at
	for i := range f.sent[:f.largest-f.first] {
		t := &f.sent[i]
		if t.state != flying {
			continue
		}
		late := newest.Sub(t.at) > f.minRTT/4
		number := f.first + int64(i)
		if !late && (f.reordered || f.largest-number < duplicateThreshold) {
			break // those after it were sent later
		}
		f.lose(t, number, s)
	}
	f.forget()
}

func (f *Flow) lose(t *transmission, number int64, s *sample) {
	t.state = lost
	f.inflight--
	s.lost++
	if number >= f.recovery {
		f.recovery, s.event = f.next, true
	}
}

// forget drops what has had its fate for a while from the front, but keeps
// the largest.
func (f *Flow) forget() {
	n := 0
	for n < len(f.sent) && f.sent[n].state != flying && f.first+int64(n) < f.largest {
		n++
	}
	f.sent = f.sent[n:]
	f.first += int64(n)
}

// timeout is RFC 6298 section 2, with the minimum of Linux.
func (f *Flow) timeout() time.Duration {
	d := firstTimeout
	if f.smoothed > 0 {
		d = max(minTimeout, f.smoothed+4*f.variation)
	}
	return min(d<<min(f.backoff, 8), maxTimeout)
}

// watch keeps one check of the retransmission timeout on its way.
func (f *Flow) watch() {
	if f.checking || f.inflight == 0 {
		return
	}
	f.checking = true
	f.network.Beside(f.progress.Add(f.timeout()), func() {
		f.checking = false
		now := f.network.Now()
		if f.inflight > 0 && !f.progress.Add(f.timeout()).After(now) {
			for i := range f.sent {
				if f.sent[i].state == flying {
					f.sent[i].state = lost
				}
			}
			f.inflight, f.progress, f.recovery = 0, now, f.next
			f.backoff++
			f.control.onTimeout()
			f.send()
			return
		}
		f.watch()
	})
}
