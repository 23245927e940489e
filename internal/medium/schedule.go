package medium

import (
	"sync"
	"time"

	"example.com/uft/internal/instant"
)

// A parcel is a datagram that waits for its time of delivery.
type parcel struct {
	at        instant.Time
	sequence  uint64
	flow      *flow
	direction *direction
	data      []byte // from copyOf
}

// before orders parcels by time and, where the time is the same, in the order
// in which they were put into the schedule.
func (p *parcel) before(q *parcel) bool {
	return p.at < q.at || p.at == q.at && p.sequence < q.sequence
}

// A schedule is a binary heap of parcels, the next one first. It is written
// out rather than built on container/heap, which would allocate for every
// parcel that passes through its interface.
type schedule struct {
	heap     []parcel
	sequence uint64
}

// next returns the time of the next delivery.
func (s *schedule) next() instant.Time {
	if len(s.heap) == 0 {
		return instant.Never
	}
	return s.heap[0].at
}

func (s *schedule) push(p parcel) {
	s.sequence++
	p.sequence = s.sequence
	s.heap = append(s.heap, p)
	h := s.heap
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(&h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (s *schedule) pop() parcel {
	h := s.heap
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h[last] = parcel{} // so that its buffer is not kept alive
	h = h[:last]
	s.heap = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return first
		}
		if right := child + 1; right < len(h) && h[right].before(&h[child]) {
			child = right
		}
		if !h[child].before(&h[i]) {
			return first
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// forward passes a datagram through the link of its direction: what is due
// is sent at once, what is delayed is copied into the schedule. It may change
// the bytes of p, and does not keep p.
func (r *Relay) forward(d *direction, f *flow, p []byte) {
	r.mu.Lock()
	now := r.now()
	// The blackouts of both directions count from the same datagram.
	r.up.link.Start(now)
	r.down.link.Start(now)
	f.lastUsed = now
	before := d.link.Counters()
	r.deliveries = d.link.Admit(now, len(p), r.deliveries[:0])
	if r.config.Capture != nil {
		r.captureIn(d, f, p, before)
	}
	d.meter.entered(d.link, now, len(p), before, r.deliveries)
	direct := -1
	for i, delivery := range r.deliveries {
		if direct < 0 && d.waiting == 0 && !delivery.At.After(now) {
			direct = i
			continue
		}
		size := bufferSize(len(p))
		if r.queued+size > r.config.MaxQueuedBytes {
			d.overflow++
			continue
		}
		data := copyOf(p)
		delivery.Damage(data)
		r.queued += size
		d.waiting++
		r.schedule.push(parcel{at: delivery.At, flow: f, direction: d, data: data})
	}
	if direct >= 0 {
		r.deliveries[direct].Damage(p)
	}
	wake := r.schedule.next().Before(r.alarm)
	if wake {
		r.alarm = 0
	}
	r.mu.Unlock()

	if direct >= 0 {
		r.send(d, f, p)
	}
	if wake {
		select {
		case r.wake <- struct{}{}:
		default: // it has been told already
		}
	}
}

// send hands one datagram to the system. Its refusal, say because the network
// is unreachable, is only counted: to the two ends it is one more loss.
func (r *Relay) send(d *direction, f *flow, p []byte) {
	var err error
	d.meter.left(len(p))
	switch {
	case !d.upward:
		_, err = r.socket.WriteToUDPAddrPort(p, f.client)
	case f.upstream != nil:
		_, err = f.upstream.Write(p)
	default:
		_, err = r.socket.WriteToUDPAddrPort(p, r.to)
	}
	switch {
	case err != nil:
		d.failed.Add(1)
	case r.config.Capture != nil:
		r.captureOut(d, f, p)
	}
}

// deliver sends the parcels of the schedule, each at its time, until Close.
func (r *Relay) deliver() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due []parcel
	for {
		var sleep time.Duration
		due, sleep = r.takeDue(due)
		if len(due) > 0 {
			for _, p := range due {
				r.send(p.direction, p.flow, p.data)
			}
			continue
		}
		timer.Reset(sleep)
		select {
		case <-r.done:
			return
		case <-timer.C:
		case <-r.wake:
		}
	}
}

// takeDue accounts for the parcels in sent, which the caller has sent, and
// puts into the same slice those that are due now. When there are none it
// returns how long there will be none, unless r.wake tells otherwise.
func (r *Relay) takeDue(sent []parcel) (due []parcel, sleep time.Duration) {
	// A batch bounds how long Close and the expiry of flows may have to wait.
	const batch = 256
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range sent {
		p.direction.waiting--
		r.queued -= bufferSize(len(p.data))
		release(p.data)
		sent[i] = parcel{}
	}
	due = sent[:0]
	if r.closed {
		return due, 0
	}
	now := r.now()
	if !r.nextExpiry.After(now) {
		r.expire(now)
	}
	for len(due) < batch && !r.schedule.next().After(now) {
		due = append(due, r.schedule.pop())
	}
	r.alarm = 0
	if len(due) == 0 {
		r.alarm = instant.Min(r.schedule.next(), r.nextExpiry)
		sleep = r.alarm.Sub(now)
	}
	return due, sleep
}

// smallBuffer is the size of the buffers that are used again: it holds any
// datagram that crosses an Ethernet in one piece.
const smallBuffer = 2048

var smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}

// bufferSize returns how much memory a copy of n bytes takes.
func bufferSize(n int) int { return max(n, smallBuffer) }

// copyOf returns a copy of p in a buffer of bufferSize(len(p)) bytes.
func copyOf(p []byte) []byte {
	if len(p) > smallBuffer {
		return append(make([]byte, 0, len(p)), p...)
	}
	buffer := smallBuffers.Get().(*[smallBuffer]byte)
	return buffer[:copy(buffer[:], p)]
}

// release gives the buffer of a copy back.
func release(p []byte) {
	if len(p) <= smallBuffer {
		smallBuffers.Put((*[smallBuffer]byte)(p[:smallBuffer]))
	}
}
