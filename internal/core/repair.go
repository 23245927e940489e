package core

import (
	"math"
	"time"

	"example.com/uft/internal/recovery"
)

// Repair of the tail by parity (docs/protocol.md §9.4, docs/adr/0014): a
// receiver keeps copies of the newest blocks, and when the sender has sent
// everything once, it sends Reed–Solomon shares of them. The sender's part is
// in repairsend.go, the receiver's in repairreceive.go. Here is when it pays.
const (
	// repairMinRTT is the round trip below which nobody would notice that one
	// was saved.
	repairMinRTT = 10 * time.Millisecond
	// repairMinLoss is the loss below which blocks are not kept: on a path so
	// good the copies would cost more time of the receiver than they save.
	repairMinLoss = 0.002
	// repairMinMissing is how many blocks must be expected to be missing when
	// all was sent.
	repairMinMissing = 0.25
	// lossMemory is after how many packets what was seen of loss counts half.
	lossMemory = 4096
	// lossMinSeen is how many packets must have met their fate before the loss
	// is known.
	lossMinSeen = 16
)

// lossEstimate is the share of DATA packets that get lost, of late: the loss of
// a start that went too far is forgotten.
type lossEstimate struct {
	seen, lost float64
	rate       float64 // 0 until known
}

// observe counts packets that met their fate.
func (l *lossEstimate) observe(f *recovery.Fates) {
	for _, p := range f.Acked {
		if p.Kind == recovery.Data {
			l.seen++
		}
	}
	for _, p := range f.Lost {
		if p.Kind == recovery.Data {
			l.seen++
			l.lost++
		}
	}
	for _, p := range f.Spurious {
		if p.Kind == recovery.Data {
			l.lost = max(l.lost-1, 0)
		}
	}
	if l.seen > lossMemory {
		l.seen, l.lost = l.seen/2, l.lost/2
	}
	if l.seen >= lossMinSeen {
		l.rate = l.lost / l.seen
	}
}

// repairPossible reports whether peer and path are such that parity can be of
// use at all.
func (c *Conn) repairPossible() bool {
	return c.peer.RepairMemory > 0 && !c.path.Reliable
}

// repairKeeps decides, with every acknowledgement, whether the blocks that are
// sent next are to be kept by the receiver: whether it would pay to send parity
// if they were the last.
func (c *Conn) repairKeeps() bool {
	rtt, loss := c.recovery.SmoothedRTT(), c.repairOut.loss.rate
	if !c.repairPossible() || rtt < repairMinRTT || loss < repairMinLoss {
		return false
	}
	inRoundTrip := float64(c.controller.PacingRate()) * rtt.Seconds() / float64(c.fullGross())
	return inRoundTrip*loss >= repairMinMissing
}

// shareCount is how many shares a group needs of which unacked blocks may be
// missing: with three standard deviations more than what is expected to be
// lost of these and of the shares themselves. It is 0 where so many are not
// worth it: more shares than blocks are no better than copies.
func shareCount(unacked, blocks int, loss float64) int {
	if unacked == 0 {
		return 0
	}
	count := 0.0
	for range 8 { // converges: each step is shorter by the factor loss
		mean := (float64(unacked) + count) * loss
		count = mean + 3*math.Sqrt(mean*(1-loss))
	}
	shares := int(count) + 1
	if shares > max(blocks, minShares) {
		return 0
	}
	return shares
}

// minShares is how many shares a group may have however few blocks it has.
const minShares = 4
