package link

import (
	"math"
	"math/bits"
	"time"

	"example.com/uft/internal/instant"
)

// Bounds of the queue where the Config names none: long enough for the
// trains of a sender that paces itself, short enough that delay and loss
// tell a sender that does not. CoDel keeps the delay short by itself, so its
// queue only has to be finite; and a trace has gaps of hundreds of
// milliseconds, so its queue is bounded by bytes.
const (
	defaultQueueDelay      = 100 * time.Millisecond
	defaultQueueBytes      = 16 * 1500
	defaultCoDelQueueDelay = time.Second
	defaultTraceQueueBytes = 256 << 10
)

// A bottleneck sends one datagram after the other, with a queue in front. It
// holds no datagrams, only the time at which it will have sent all it
// accepted: in a queue served in order, with service that is known in
// advance, the fate of a datagram depends only on those before it.
type bottleneck struct {
	line  line
	cells cells // in use where it has a trace
	codel codel // in use where it has a target

	// The queue is bounded by the wait of a datagram before it is sent
	// (maxWait), by the wait and its own sending together (maxBacklog), or,
	// with a trace, by bytes (maxBytes).
	maxWait    time.Duration
	maxBacklog time.Duration
	maxBytes   int
}

func newBottleneck(c *Config) bottleneck {
	var b bottleneck
	b.change(0, c)
	return b
}

// change puts the bottleneck of another configuration in place. What was
// accepted leaves as it was promised; what comes later queues behind it.
func (b *bottleneck) change(now instant.Time, c *Config) {
	b.line.setRate(c.Rate)
	if b.cells.trace != c.Trace {
		busy := max(b.line.free, b.cells.free())
		b.line.wait(busy)
		b.cells = newCells(c.Trace, now, busy)
	}
	if b.codel.config != c.CoDel {
		b.codel = codel{config: c.CoDel}
	}
	b.maxWait, b.maxBacklog, b.maxBytes = math.MaxInt64, math.MaxInt64, math.MaxInt
	switch {
	case c.Rate == 0 && c.Trace == nil:
	case c.QueueBytes > 0 && c.Trace != nil:
		b.maxBytes = c.QueueBytes
	case c.QueueBytes > 0:
		b.maxBacklog = sendingTime(c.QueueBytes, c.Rate)
	case c.QueueDelay > 0:
		b.maxWait = c.QueueDelay
	case c.Trace != nil:
		b.maxBytes = defaultTraceQueueBytes
	case c.CoDel.Target > 0:
		b.maxWait = max(defaultCoDelQueueDelay, sendingTime(defaultQueueBytes, c.Rate))
	default:
		b.maxWait = max(defaultQueueDelay, sendingTime(defaultQueueBytes, c.Rate))
	}
}

// start sets the time that a trace counts from.
func (b *bottleneck) start(now instant.Time) { b.cells.epoch = now }

// A passage is what a bottleneck does to one datagram.
type passage struct {
	sent     instant.Time // when its last bit leaves
	accepted bool         // false: the queue had no room for it, or CoDel drops it
	marked   bool         // CoDel marks it instead of dropping it
}

// send decides the passage of a datagram of size bytes that arrives at now. A
// bottleneck with nothing to send accepts a datagram of any size.
func (b *bottleneck) send(now instant.Time, size int, markable bool) passage {
	if b.cells.trace != nil {
		return b.sendInCells(now, size, markable)
	}
	wait := max(0, b.line.free.Sub(now))
	if wait > 0 && (wait > b.maxWait || wait+b.line.sending(size) > b.maxBacklog) {
		return passage{}
	}
	verdict := pass
	if b.codel.config.Target > 0 && b.line.rate > 0 {
		standing := wait > sendingTime(b.codel.largest(size), b.line.rate)
		verdict = b.codel.next(now, now.Add(wait), standing, markable)
	}
	if verdict == drop {
		return passage{}
	}
	return passage{sent: b.line.send(now, size), accepted: true, marked: verdict == mark}
}

func (b *bottleneck) sendInCells(now instant.Time, size int, markable bool) passage {
	backlog := b.cells.backlog(now)
	if backlog > 0 && (b.cells.free().Sub(now) > b.maxWait || backlog+size > b.maxBytes) {
		return passage{}
	}
	verdict := pass
	if b.codel.config.Target > 0 {
		standing := backlog > b.codel.largest(size)
		verdict = b.codel.next(now, b.cells.begin(now), standing, markable)
	}
	if verdict == drop {
		return passage{}
	}
	return passage{sent: b.cells.send(now, size), accepted: true, marked: verdict == mark}
}

// A line sends at a fixed rate.
type line struct {
	rate int64 // bit/s; 0: everything leaves at once

	// free is when the line has sent everything it accepted, and remainder is
	// what comes on top, in 1/rate of a nanosecond. With the remainder
	// carried, a backlog of any length takes exactly its bits divided by the
	// rate.
	free      instant.Time
	remainder int64
}

func (l *line) setRate(rate int64) {
	if rate != l.rate {
		l.rate, l.remainder = rate, 0
	}
}

// wait keeps the line busy until a time, if it would be free before.
func (l *line) wait(until instant.Time) {
	if until.After(l.free) {
		l.free, l.remainder = until, 0
	}
}

// sending returns how long the line is busy with size more bytes.
func (l *line) sending(size int) time.Duration {
	if l.rate == 0 {
		return 0
	}
	return time.Duration((int64(size)*8*int64(time.Second) + l.remainder) / l.rate)
}

// send returns when the last bit of a datagram that is accepted at now leaves.
func (l *line) send(now instant.Time, size int) instant.Time {
	if now.After(l.free) {
		l.free, l.remainder = now, 0
	}
	if l.rate == 0 {
		// What is left from a time with a rate still goes first.
		return l.free
	}
	parts := int64(size)*8*int64(time.Second) + l.remainder
	l.free = l.free.Add(time.Duration(parts / l.rate))
	l.remainder = parts % l.rate
	return l.free
}

// sendingTime returns how long size bytes take at a rate in bit/s, rounded
// up, or the longest duration where it is longer than that.
func sendingTime(size int, rate int64) time.Duration {
	high, low := bits.Mul64(uint64(size)*8, uint64(time.Second))
	if high >= uint64(rate) {
		return math.MaxInt64
	}
	quotient, remainder := bits.Div64(high, low, uint64(rate))
	if remainder > 0 {
		quotient++
	}
	return time.Duration(min(quotient, math.MaxInt64))
}
