package medium

import (
	"sync"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/trace"
)

// traceInterval is what one record of a Trace stands for.
const traceInterval = 10 * time.Millisecond

// A Trace writes what the two directions of a relay or a tunnel do: a record
// for every 10 ms in which there was something, and on request one for every
// packet. docs/traces.md lists what they say. All counters count from the
// beginning, in bytes of IP packets.
type Trace struct{ up, down meter }

// NewTrace returns a Trace that writes to w. Its Close must come before that of
// w.
func NewTrace(w *trace.Writer, everyPacket bool) *Trace {
	return &Trace{
		up:   meter{to: w, name: "up", everyPacket: everyPacket},
		down: meter{to: w, name: "down", everyPacket: everyPacket},
	}
}

// Close writes the last records.
func (t *Trace) Close() {
	t.up.close()
	t.down.close()
}

// of returns the meter of a direction; nil has none.
func (t *Trace) of(upward bool) *meter {
	switch {
	case t == nil:
		return nil
	case upward:
		return &t.up
	}
	return &t.down
}

// A meter is the trace of one direction. A nil meter does nothing.
type meter struct {
	to          *trace.Writer
	name        string
	everyPacket bool

	mu        sync.Mutex
	end       time.Duration // of the interval; 0: nothing has entered yet
	link      link.Counters
	rate      int64
	headers   int // of each packet, below what is counted as its size
	bytesIn   uint64
	bytesOut  uint64
	out       uint64        // packets
	delays    time.Duration // sum of those in the queue, in the interval
	delayed   int
	mostDelay time.Duration
}

// entered takes in a packet that a link has admitted at now, and what became of
// it: the counters before, and its deliveries.
func (m *meter) entered(l *link.Link, now instant.Time, size int, before link.Counters, deliveries []link.Delivery) {
	if m == nil {
		return
	}
	at := time.Since(m.to.Epoch())
	c := l.Config()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(at)
	m.link, m.rate, m.headers = l.Counters(), c.Rate, c.HeaderBytes
	m.bytesIn += uint64(size + c.HeaderBytes)
	delay := time.Duration(0)
	if len(deliveries) > 0 {
		// What is not the way itself is the queue. Jitter is half the time less
		// than nothing, and is averaged out by being counted.
		delay = deliveries[0].At.Sub(now) - c.Delay
		m.delays += delay
		m.delayed++
		m.mostDelay = max(m.mostDelay, delay)
	}
	if m.everyPacket {
		e := m.to.Begin(at, m.name, "network:packet")
		e.Number("length", float64(size+c.HeaderBytes))
		if len(deliveries) > 0 {
			e.Number("delay", milliseconds(deliveries[0].At.Sub(now)))
		}
		if fate := causeOf(before, m.link); fate != "" {
			e.Text("fate", fate)
		}
		e.End()
	}
}

// left takes in a packet that is handed to the system.
func (m *meter) left(size int) {
	if m == nil {
		return
	}
	at := time.Since(m.to.Epoch())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.roll(at)
	m.out++
	m.bytesOut += uint64(size + m.headers)
}

// roll ends the interval that at no longer belongs to. After a pause it says
// that there was one.
func (m *meter) roll(at time.Duration) {
	if at < m.end {
		return
	}
	from := at.Truncate(traceInterval)
	if m.end > 0 {
		m.write(m.end)
	}
	m.delays, m.delayed, m.mostDelay = 0, 0, 0
	if m.end < from {
		m.write(from)
	}
	m.end = from + traceInterval
}

// write writes the record of an interval.
func (m *meter) write(at time.Duration) {
	e := m.to.Begin(at, m.name, "network:interval")
	e.Number("packets_in", float64(m.link.In))
	e.Number("bytes_in", float64(m.bytesIn))
	e.Number("packets_out", float64(m.out))
	e.Number("bytes_out", float64(m.bytesOut))
	if m.rate > 0 {
		e.Number("rate", float64(m.rate))
	}
	mean := time.Duration(0)
	if m.delayed > 0 {
		mean = max(0, m.delays/time.Duration(m.delayed))
	}
	e.Number("queue_delay", milliseconds(mean))
	e.Number("queue_delay_max", milliseconds(m.mostDelay))
	for _, count := range [...]struct {
		name  string
		value uint64
	}{
		{"lost", m.link.Lost},
		{"blacked_out", m.link.BlackedOut},
		{"policed", m.link.Policed},
		{"queue_drops", m.link.QueueDrops},
		{"duplicated", m.link.Duplicated},
		{"reordered", m.link.Reordered},
		{"corrupted", m.link.Corrupted},
		{"marked", m.link.Marked},
	} {
		e.Number(count.name, float64(count.value))
	}
	e.End()
}

// close writes the interval that has begun.
func (m *meter) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.end > 0 {
		m.write(m.end)
		m.end = 0
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
