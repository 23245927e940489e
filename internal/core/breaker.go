package core

import (
	"time"

	"example.com/uft/internal/instant"
)

// breaker is the circuit breaker of a fixed rate (docs/protocol.md §8.3, RFC
// 8084): where under a tenth of what was sent arrives for ten seconds, the
// rate is halved, or becomes half of what really left if that is less. It is the only thing that limits a rate which its user chose
// and the path does not bear.
type breaker struct {
	rate        int64 // bit/s now; 0: no fixed rate
	since       instant.Time
	lastSent    instant.Time
	sentBytes   int // but for probes
	deliveredBy int
}

const (
	breakerPeriod = 10 * time.Second
	breakerShare  = 10
	breakerFloor  = 8000 // bit/s
	breakerLeast  = 250 * time.Millisecond
)

func (b *breaker) sent(now instant.Time, n int) { b.lastSent, b.sentBytes = now, b.sentBytes+n }
func (b *breaker) delivered(n int)              { b.deliveredBy += n }

// sentRate is what really left in the period until there was nothing but
// probes to send, in bit/s: half of a rate that the window or the machine does
// not reach would change nothing.
func (b *breaker) sentRate() int64 {
	took := max(b.lastSent.Sub(b.since), breakerLeast)
	return min(b.rate, int64(float64(b.sentBytes)*8/took.Seconds()))
}

// checkBreaker judges the last period. Drops of our own making
// (Config.OwnLoss) are not held against the path.
func (c *Conn) checkBreaker() {
	b := &c.breaker
	if b.rate == 0 || c.state != stateOpen {
		return
	}
	if !b.since.IsSet() {
		b.since = c.now
	}
	if c.now.Sub(b.since) < breakerPeriod {
		return
	}
	honest := b.sentBytes - int(float64(b.sentBytes)*c.cfg.OwnLoss)
	halved := b.sentRate() / 2
	if honest > 0 && b.deliveredBy*breakerShare < honest && halved >= breakerFloor && b.sentBytes > 20*wireOverhead {
		c.SetRate(c.now, halved)
		c.emit(Event{Kind: EventRateHalved, Size: uint64(halved)})
	}
	b.since, b.sentBytes, b.deliveredBy = c.now, 0, 0
}

// wireOverhead times twenty is the least traffic worth judging, in bytes.
const wireOverhead = 1092
