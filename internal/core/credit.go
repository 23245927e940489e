package core

import (
	"time"

	"example.com/uft/internal/instant"
)

// receiveCredit is the receiving side of one flow-control limit
// (docs/protocol.md §9.3): the peer may send up to limit, an absolute count.
// The limit is what was consumed plus a window; the window doubles, up to a
// maximum, when the peer uses it up within two round trips, so that it is
// never the reason why a long path is not full. Where far more is granted than
// the path can hold, it shrinks: what is granted may have to be kept in memory.
type receiveCredit struct {
	limit    uint64 // last limit announced, or about to be
	received uint64 // what the peer has used of it
	consumed uint64 // what the application has taken
	window   uint64
	max      uint64
	pending  bool // limit must be announced
	epoch    instant.Time
	epochAt  uint64 // consumed when the window was last looked at
	perRTT   uint64 // consumed in a round trip, when it was looked at before
	// byArrival: the window does not grow here, but with what arrives (bulkCredit).
	byArrival bool
}

func newReceiveCredit(window, maxWindow uint64) receiveCredit {
	return receiveCredit{limit: window, window: window, max: max(window, maxWindow)}
}

// use counts n more received bytes and reports whether they were allowed.
func (c *receiveCredit) use(n uint64) bool {
	c.received += n
	return c.received <= c.limit
}

// consume counts n bytes that no longer occupy memory, and raises the limit
// when at least a quarter of the window has become free.
func (c *receiveCredit) consume(now instant.Time, rtt time.Duration, n uint64) {
	c.consumed += n
	c.tune(now, rtt)
	if next := c.consumed + c.window; next >= c.limit+c.window/4 {
		c.limit = next
		c.pending = true
	}
}

// steadyWindow is what a window does not shrink below, beside what the path
// holds: enough for moments in which the application takes nothing, and no more
// than a processor's cache keeps. With what waits longer the reader has to wait
// for memory, and gains nothing (docs/adr/0016-processors.md).
const steadyWindow = 2 << 20

// tune doubles the window when half of it was consumed in under two round
// trips. Otherwise it brings the window down to four times what is consumed in a
// round trip, and steadyWindow, unless the peer is still getting faster: bytes
// that are lost stand in memory for some round trips, with all that came after
// them in the same piece.
func (c *receiveCredit) tune(now instant.Time, rtt time.Duration) {
	consumed := c.consumed - c.epochAt
	if consumed < c.window/2 {
		return
	}
	if took := now.Sub(c.epoch); c.epoch.IsSet() && took < 2*rtt {
		if !c.byArrival {
			c.window = max(c.window, min(2*c.window, c.max))
		}
	} else if c.epoch.IsSet() {
		inRoundTrip := uint64(float64(consumed) * float64(rtt) / float64(took))
		if inRoundTrip <= c.perRTT+c.perRTT/4 {
			c.window = min(c.window, steadyWindow+4*inRoundTrip)
		}
		c.perRTT = inRoundTrip
	}
	c.epoch, c.epochAt = now, c.consumed
}

// creditRTT is the round trip by which the windows of this connection are measured.
func (c *Conn) creditRTT() time.Duration {
	return creditRTT(c.recovery.SmoothedRTT(), c.recovery.RecentMinRTT())
}

// creditRTT brings a smoothed round trip down to twice the least of late. What stands in queues
// counts as often as the path itself: on a path of no length the queue is our own,
// in front of a reader that is busy, and a window that grows with it makes it
// longer.
func creditRTT(smoothed, least time.Duration) time.Duration {
	if least == 0 {
		return smoothed // nothing was measured
	}
	return min(smoothed, 2*least)
}

// sendCredit is the sending side of a limit.
type sendCredit struct {
	limit uint64
	used  uint64
}

// raise takes a new limit; limits are states, so an old one changes nothing.
func (c *sendCredit) raise(limit uint64) bool {
	if limit <= c.limit {
		return false
	}
	c.limit = limit
	return true
}

func (c *sendCredit) left() uint64 { return c.limit - min(c.used, c.limit) }
