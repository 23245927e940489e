package core

import (
	"math"
	"time"

	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// Repair of the tail by parity (docs/protocol.md §9.4, docs/adr/0014): a
// receiver keeps copies of the newest blocks, and when the sender has sent
// everything once, it sends Reed–Solomon shares of them. The sender's part is
// in repairsend.go, the receiver's in repairreceive.go. Here is when it pays.
const (
	// repairMinRTT is the minimum round trip below which nobody would notice
	// that one was saved. The smoothed one would do for a fast receiver that is
	// behind with its work, and give it more.
	repairMinRTT = 10 * time.Millisecond
	// repairMinLoss is the loss below which blocks are not kept: on a path so
	// good the copies would cost more time of the receiver than they save.
	repairMinLoss = 0.0005
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
	for _, run := range f.Acked {
		if run.Kind == recovery.Data {
			l.seen += float64(run.Count)
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

// repairKeeps decides, at first and with every acknowledgement, whether the blocks that are
// sent next are to be kept by the receiver: whether it would pay to send parity
// if they were the last.
func (c *Conn) repairKeeps() bool {
	rtt, loss := c.recovery.SmoothedRTT(), &c.repairOut.loss
	if !c.repairPossible() || c.recovery.MinRTT() < repairMinRTT {
		return false
	}
	if loss.seen < lossMinSeen {
		return true // the few blocks of a first flight cost next to nothing
	}
	inRoundTrip := float64(c.controller.PacingRate()) * rtt.Seconds() / float64(c.fullGross())
	return loss.rate >= repairMinLoss && inRoundTrip*loss.rate >= repairMinMissing
}

// careful is the loss to reckon with: what was seen, and a standard deviation
// more, since it was seen on few packets.
func (l *lossEstimate) careful() float64 {
	if l.rate == 0 {
		return 0
	}
	return min(l.rate+math.Sqrt(l.rate*(1-l.rate)/l.seen), maxReckoned)
}

const (
	// maxReckoned is the most loss that shares are made for.
	maxReckoned = 0.5
	// repairRisk is how likely it may be that the shares of some group do not
	// suffice.
	repairRisk = 0.02
	// minShares is how many shares a group may have however few blocks it has.
	minShares = 8
)

// shareCount is how many shares a group needs, of which unacked blocks may be
// missing, so that with the given risk at most more of these and of the shares
// themselves are lost than there are shares. It is 0 where that would be more
// than there are blocks.
func shareCount(unacked, blocks int, loss, risk float64) int {
	if unacked == 0 {
		return 0
	}
	for count := 1; count <= max(blocks, minShares); count++ {
		if moreThan(count, unacked+count, loss) <= risk {
			return count
		}
	}
	return 0
}

// moreThan is how likely it is that of n packets more than count are lost.
func moreThan(count, n int, loss float64) float64 {
	exactly, upTo := 1.0, 0.0
	for range n {
		exactly *= 1 - loss
	}
	for i := range count + 1 {
		upTo += exactly
		exactly *= float64(n-i) / float64(i+1) * loss / (1 - loss)
	}
	return 1 - upTo
}

// maxCopies is how often bytes without shares are sent again right behind the
// shares of the others.
const maxCopies = 3

// copiesWorth is how often to send bytes again, so that a twentieth of a block is
// expected to be missing after.
func copiesWorth(bytes uint64, loss float64) (copies int) {
	if bytes == 0 {
		return 0
	}
	for missing := float64(bytes/wire.BlockSize+1) * loss; missing > 0.05 && copies < maxCopies; copies++ {
		missing *= loss
	}
	return copies
}
