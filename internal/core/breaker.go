package core

import (
	"time"

	"example.com/uft/internal/instant"
)

// breaker is the circuit breaker of a fixed rate (docs/protocol.md §8.3, RFC
// 8084): where under a tenth of what was sent arrives for ten seconds, the
// rate is halved. It is the only thing that limits a rate which its user chose
// and the path does not bear.
type breaker struct {
	rate        int64 // bit/s now; 0: no fixed rate
	since       instant.Time
	sentBytes   int
	deliveredBy int
}

const (
	breakerPeriod = 10 * time.Second
	breakerShare  = 10
	breakerFloor  = 8000 // bit/s
)

func (b *breaker) sent(n int)      { b.sentBytes += n }
func (b *breaker) delivered(n int) { b.deliveredBy += n }

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
	if honest > 0 && b.deliveredBy*breakerShare < honest && b.rate/2 >= breakerFloor && b.sentBytes > 20*wireOverhead {
		b.rate /= 2
		c.SetRate(c.now, b.rate)
		c.emit(Event{Kind: EventRateHalved, Size: uint64(b.rate)})
	}
	b.since, b.sentBytes, b.deliveredBy = c.now, 0, 0
}

// wireOverhead times twenty is the least traffic worth judging, in bytes.
const wireOverhead = 1092
