package congestion

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
)

const (
	// MaxTrain is the longest train, in datagrams: what one UDP_SEGMENT send
	// takes of 1064-byte datagrams.
	MaxTrain = 61

	// trainTime is how much sending time one train may stand for. Below about
	// 0.5 Gbit/s it is the train that shrinks, not the gap that grows.
	trainTime = time.Millisecond

	// FixedBurst is the sending time that a Pacer at a fixed rate may catch
	// up after a late timer or a stall.
	FixedBurst = 100 * time.Millisecond

	// AdaptiveBurst is the same for a rate that a controller measured. It
	// covers the lateness of an ordinary timer, without which the sender
	// would measure its own timer instead of the path, and is short enough
	// not to fill a queue after a stall.
	AdaptiveBurst = 5 * time.Millisecond
)

// unit is the number of credit units to the byte. Credit grows by rate units
// in each nanosecond, so nothing is ever rounded and nothing drifts.
const unit = int64(time.Second)

// A Pacer spreads datagrams over time: a token bucket that fills by the clock
// at a rate in bytes per second and holds a bounded credit. What is sent
// without asking, such as probes, makes a debt that later datagrams pay.
type Pacer struct {
	datagram int   // gross size of a full datagram, bytes
	train    int   // gross size of the longest train, bytes
	rate     int64 // bytes per second; 0 is unpaced
	credit   int64 // units; negative is debt
	limit    int64 // units that waiting may build up
	last     instant.Time
}

// NewPacer returns a Pacer for datagrams of at most that many gross bytes,
// which lets the first burst datagrams go at once. It is unpaced until SetRate.
func NewPacer(datagram, burst int) *Pacer {
	return &Pacer{datagram: datagram, train: MaxTrain * datagram, credit: int64(burst) * int64(datagram) * unit}
}

// Grant lets that many datagrams go at once, whatever left before.
func (p *Pacer) Grant(datagrams int) {
	p.credit = max(p.credit, int64(datagrams)*int64(p.datagram)*unit)
}

// SetRate changes the rate, from the last Budget or OnSent onwards, and the
// sending time that may be caught up when the caller comes late. A rate of
// zero or less means unpaced.
func (p *Pacer) SetRate(bytesPerSecond int64, maxBurst time.Duration) {
	// 100 Gbit/s times a second of credit is within an int64; no path and no
	// user comes near.
	p.rate = min(max(bytesPerSecond, 0), 1<<36)
	maxBurst = min(max(maxBurst, 0), FixedBurst)
	p.limit = int64(p.Quantum())*int64(p.datagram)*unit + p.rate*int64(maxBurst)
}

// SetDatagram changes the gross size of a full datagram, but not how long a
// train can be. SetRate must follow.
func (p *Pacer) SetDatagram(bytes int) { p.datagram = bytes }

// Quantum returns how many full datagrams make one train at the present rate:
// a millisecond's worth, at least one and at most MaxTrain of the size that
// the Pacer was made for.
func (p *Pacer) Quantum() int {
	longest := int64(max(p.train/p.datagram, 1))
	if p.rate == 0 {
		return int(longest)
	}
	bytes := p.rate / int64(time.Second/trainTime)
	return int(min(max(bytes/int64(p.datagram), 1), longest))
}

// Budget returns how many gross bytes may be sent at now, never less than 0.
func (p *Pacer) Budget(now instant.Time) int {
	if p.rate == 0 {
		return math.MaxInt
	}
	p.fill(now)
	return int(max(p.credit, 0) / unit)
}

// OnSent takes what was sent at now out of the budget.
func (p *Pacer) OnSent(now instant.Time, grossBytes int) {
	if p.rate == 0 {
		return
	}
	p.fill(now)
	p.credit -= int64(grossBytes) * unit
}

// Next returns the earliest time at which Budget will be at least need bytes,
// which is now if it already is. A need beyond what the bucket can hold is
// taken as a full bucket.
func (p *Pacer) Next(now instant.Time, need int) instant.Time {
	if p.rate == 0 {
		return now
	}
	p.fill(now)
	missing := min(int64(need)*unit, p.limit) - p.credit
	if missing <= 0 {
		return now
	}
	return now.Add(time.Duration((missing + p.rate - 1) / p.rate))
}

// fill adds the credit of the time since the last call, up to the limit.
func (p *Pacer) fill(now instant.Time) {
	elapsed := int64(now.Sub(p.last))
	first := p.last == 0
	if first || elapsed <= 0 {
		if first {
			p.last = now
		}
		return
	}
	p.last = now
	room := p.limit - p.credit
	switch {
	case room <= 0: // the opening burst may exceed the limit; it is not taken away
	case elapsed > room/p.rate:
		p.credit = p.limit
	default:
		p.credit += elapsed * p.rate
	}
}
