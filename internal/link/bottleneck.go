package link

import (
	"math"
	"math/bits"
	"time"

	"example.com/uft/internal/instant"
)

// Bounds of the queue where the Config names none: long enough for the
// trains of a sender that paces itself, short enough that delay and loss
// tell a sender that does not.
const (
	defaultQueueDelay = 100 * time.Millisecond
	defaultQueueBytes = 16 * 1500
)

// A bottleneck sends one datagram after the other at a fixed rate, with a
// drop-tail queue in front. It holds no datagrams, only the time at which it
// will have sent all it accepted.
type bottleneck struct {
	rate int64 // bit/s; 0: no bottleneck

	// free is when the bottleneck has sent everything it accepted, and
	// remainder is what comes on top, in 1/rate of a nanosecond. With the
	// remainder carried, a backlog of any length takes exactly its bits
	// divided by the rate.
	free      instant.Time
	remainder int64

	// The queue is bounded by the wait of a datagram before it is sent
	// (maxWait), or by the wait and its own sending together (maxBacklog).
	maxWait    time.Duration
	maxBacklog time.Duration
}

func newBottleneck(c *Config) bottleneck {
	b := bottleneck{rate: c.Rate, maxWait: math.MaxInt64, maxBacklog: math.MaxInt64}
	switch {
	case c.Rate == 0:
	case c.QueueBytes > 0:
		b.maxBacklog = sendingTime(c.QueueBytes, c.Rate)
	case c.QueueDelay > 0:
		b.maxWait = c.QueueDelay
	default:
		b.maxWait = max(defaultQueueDelay, sendingTime(defaultQueueBytes, c.Rate))
	}
	return b
}

// send accepts a datagram of size bytes at now and returns when its last bit
// has been sent, or reports that the queue had no room for it. A bottleneck
// with nothing to send accepts a datagram of any size.
func (b *bottleneck) send(now instant.Time, size int) (sent instant.Time, accepted bool) {
	if b.rate == 0 {
		return now, true
	}
	if now.After(b.free) {
		b.free, b.remainder = now, 0
	}
	parts := int64(size)*8*int64(time.Second) + b.remainder
	sending := time.Duration(parts / b.rate)
	wait := b.free.Sub(now)
	if wait > 0 && (wait > b.maxWait || wait+sending > b.maxBacklog) {
		return 0, false
	}
	b.free = b.free.Add(sending)
	b.remainder = parts % b.rate
	return b.free, true
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
