package link

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
)

// Defaults of CoDel (RFC 8289 §4.2, §4.3).
const (
	DefaultCoDelTarget   = 5 * time.Millisecond
	DefaultCoDelInterval = 100 * time.Millisecond
)

// CoDel configures the active queue management of RFC 8289 in front of a
// bottleneck. The zero value has none: the queue is a drop-tail queue.
type CoDel struct {
	Target   time.Duration // the standing delay that is tolerated; 0: no CoDel
	Interval time.Duration // for how long it is tolerated to be more
	ECN      bool          // mark datagrams that can carry a mark, do not drop them
}

// A verdict is what CoDel does with one datagram.
type verdict int

const (
	pass verdict = iota
	mark
	drop
)

// A codel decides at the arrival of each datagram what RFC 8289 decides when
// it takes the datagram from the queue. That is the same decision, because the
// queue is served in order and its service is known: when a datagram will be
// taken, and so how long it will have waited, follows from those before it,
// and one that is dropped at the head takes no time of the bottleneck.
//
// Two things differ. The RFC never drops when no more than one packet's worth
// of bytes is left behind the datagram, which an arrival cannot know; here it
// is the backlog that the datagram itself found when it arrived (standing). In
// a standing queue the two are alike, and on a slow line both keep the time to
// send one datagram from looking like a queue. And a datagram that is going to
// be dropped takes no room in a queue bounded by bytes.
type codel struct {
	config    CoDel
	maxPacket int // the largest datagram so far

	taken      instant.Time // when the last datagram was taken from the queue
	firstAbove instant.Time // when the delay will have been above target for an interval; 0: it is below
	dropping   bool
	dropNext   instant.Time
	count      int // drops since dropping began
	lastCount  int

	// The loop of the RFC takes another datagram at once after a drop; here
	// that one may not have come yet, so what the loop knows is kept.
	after afterDrop
}

// An afterDrop says where in RFC 8289 §5.5 the datagram before was dropped.
type afterDrop int

const (
	notDropped   afterDrop = iota
	onEntering             // as the first: the next one passes
	whileDropped           // in the loop: the next one may be dropped at the same time
)

// largest notes the size of a datagram and returns the largest so far.
func (q *codel) largest(size int) int {
	q.maxPacket = max(q.maxPacket, size)
	return q.maxPacket
}

// next decides the fate of a datagram that arrives at arrived and is taken
// from the queue at taken; standing says that it found more than one packet.
func (q *codel) next(arrived, taken instant.Time, standing, markable bool) verdict {
	after := q.after
	q.after = notDropped
	if arrived.After(q.taken) && after != notDropped {
		// The queue was empty behind the one that was dropped: the loop of
		// the RFC ended there.
		q.firstAbove = 0
		if after == whileDropped {
			q.dropping = false
		}
		after = notDropped
	}
	q.taken = taken
	above := q.above(taken.Sub(arrived), standing)
	switch after {
	case onEntering:
		return pass
	case whileDropped:
		if above {
			q.dropNext = q.controlLaw(q.dropNext)
		}
	}
	switch {
	case q.dropping && !above:
		q.dropping = false
	case q.dropping && !taken.Before(q.dropNext):
		return q.again(markable)
	case !q.dropping && above:
		return q.enter(markable)
	}
	return pass
}

// above updates how long the delay has been above the target and reports
// whether that is a whole interval (dodequeue in RFC 8289 §5.6).
func (q *codel) above(sojourn time.Duration, standing bool) bool {
	switch {
	case sojourn < q.config.Target || !standing:
		q.firstAbove = 0
	case q.firstAbove == 0:
		q.firstAbove = q.taken.Add(q.config.Interval)
	default:
		return !q.taken.Before(q.firstAbove)
	}
	return false
}

// enter begins to drop, faster at once where dropping ended only just before
// (RFC 8289 §5.5).
func (q *codel) enter(markable bool) verdict {
	q.dropping = true
	delta := q.count - q.lastCount
	q.count = 1
	if delta > 1 && q.taken.Sub(q.dropNext) < 16*q.config.Interval {
		q.count = delta
	}
	q.dropNext = q.controlLaw(q.taken)
	q.lastCount = q.count
	if q.config.ECN && markable {
		return mark
	}
	q.after = onEntering
	return drop
}

// again drops one more. A mark keeps the datagram, so the loop of the RFC ends
// with it.
func (q *codel) again(markable bool) verdict {
	q.count++
	if q.config.ECN && markable {
		q.dropNext = q.controlLaw(q.dropNext)
		return mark
	}
	q.after = whileDropped
	return drop
}

// controlLaw returns the time of the next drop after one at t (RFC 8289 §5.4).
func (q *codel) controlLaw(t instant.Time) instant.Time {
	return t.Add(time.Duration(float64(q.config.Interval) / math.Sqrt(float64(q.count))))
}
