package core

import (
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/wire"
)

// bulkCredit is the credit of all transfers together (docs/protocol.md §9.3). Its
// window grows with what arrives, not with what is consumed: a piece in which
// something was lost stands in memory for some round trips, and a window that
// waited for it would hold up a long path for as long. What arrives is bounded by
// the path, so the window is in proportion to it, whatever the disk does.
type bulkCredit struct {
	receiveCredit
	since     instant.Time // of what is measured now
	arrivedAt uint64       // received by then
}

const (
	// roundTripsHeld is how many round trips of a path a window covers: one is on
	// its way, and what waits for a repair, or for the repair of that, takes the
	// others.
	roundTripsHeld = 4
	// growthShare: the window is looked at in parts of a round trip, and at most
	// doubled in each, since what a socket has kept from a late receiver comes at
	// once and would pass for a fast path.
	growthShare   = 4
	leastMeasured = 5 * time.Millisecond
	// firstSpan is the round trip for which the first window is meant. Until an
	// answer to its first bytes is back, a sender has nothing else: on a longer path
	// the window is longer in proportion, or it would be worth a lower rate there.
	firstSpan = 200 * time.Millisecond
)

func newBulkCredit(window, maxWindow uint64) bulkCredit {
	c := bulkCredit{receiveCredit: newReceiveCredit(window, maxWindow)}
	c.byArrival = true
	return c
}

// arrive counts n bytes that came for the first time, and reports whether they
// were allowed. rtt is the shortest round trip of lately, 0 as long as none is known:
// the others tell how late the programs of a busy machine are, and on a local network
// that is most of them.
func (c *bulkCredit) arrive(now instant.Time, rtt time.Duration, n uint64) bool {
	allowed := c.use(n)
	took := now.Sub(c.since)
	switch {
	case rtt == 0:
		return allowed
	case !c.since.IsSet():
		c.widen(uint64(float64(c.window)*float64(rtt)/float64(firstSpan)), c.max)
	case took < max(rtt/growthShare, leastMeasured):
		return allowed
	default:
		inRoundTrip := float64(c.received-c.arrivedAt) * float64(rtt) / float64(took)
		c.widen(uint64(roundTripsHeld*inRoundTrip), 2*c.window)
	}
	c.since, c.arrivedAt = now, c.received
	return allowed
}

// widen brings the window up to what is needed, but not beyond most.
func (c *bulkCredit) widen(needed, most uint64) {
	if window := min(needed, most, c.max); window > c.window {
		c.window = window
		c.limit, c.pending = max(c.limit, c.consumed+window), true
	}
}

// bound changes what the window may grow to. What was granted stays granted.
func (c *bulkCredit) bound(most uint64) {
	c.max = max(most, wire.MinBulkCredit)
	c.window = min(c.window, c.max)
}

// LimitBulkWindow bounds the credit of all transfers together from now on, in
// bytes, below MaxBulkWindow of the configuration: others may need the memory.
func (c *Conn) LimitBulkWindow(most uint64) {
	c.bulkIn.credit.bound(min(most, c.cfg.MaxBulkWindow))
}
