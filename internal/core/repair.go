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
// in repairsend.go and repairshares.go, the receiver's in repairreceive.go. Here is when it pays.
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

// lossEstimate is the share of packets in flight that get lost, of late: the loss of
// a start that went too far is forgotten.
//
// A loss is found a reordering window later than what was sent beside it is
// acknowledged, so at the end of a short transfer, or while the rate grows, most
// losses are not counted yet. So packets that were overtaken and have no fate yet
// are counted too, to the share that turned out lost of those before them.
type lossEstimate struct {
	seen, lost float64
	late       float64 // overtaken, and acknowledged after all
	rate       float64 // 0 until known
	known      bool
}

// observe counts packets that met their fate, each of gross bytes, and those that
// are overtaken now. Until the handshake is confirmed only DATA counts: of handshake
// packets the losses are never found, since their spaces are dropped before.
func (l *lossEstimate) observe(f *recovery.Fates, confirmed bool, overtaken, gross int) {
	counts := func(p *recovery.Packet) bool { return p.InFlight && (confirmed || p.Kind == recovery.Data) }
	for i := range f.Acked {
		if run := &f.Acked[i]; counts(&run.Packet) {
			l.seen += float64(run.Count)
		}
	}
	for i := range f.Lost {
		if counts(&f.Lost[i]) {
			l.seen++
			l.lost++
		}
	}
	for i := range f.Spurious {
		if counts(&f.Spurious[i]) {
			l.lost = max(l.lost-1, 0)
		}
	}
	l.late += float64(f.Sample.OvertakenBytes) / float64(gross)
	if l.seen > lossMemory {
		l.seen, l.lost, l.late = l.seen/2, l.lost/2, l.late/2
	}
	if n := float64(overtaken); l.seen+n >= lossMinSeen {
		l.known = true
		l.rate = (l.lost + n*l.doomed()) / (l.seen + n)
	}
}

// assume begins with the loss that an earlier connection found, which weighs little.
func (l *lossEstimate) assume(rate float64) {
	if rate > 0 {
		l.seen, l.lost, l.rate, l.known = 2*lossMinSeen, 2*lossMinSeen*rate, rate, true
	}
}

// doomed is the share of overtaken packets that turn out lost; all of them, as long
// as none was only late.
func (l *lossEstimate) doomed() float64 { return (l.lost + 1) / (l.lost + l.late + 1) }

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
	least := c.recovery.MinRTT()
	if least == 0 {
		least = rtt // in 0-RTT packets: that of an earlier connection
	}
	if !c.repairPossible() || least < repairMinRTT {
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
	return min(l.rate+math.Sqrt(l.rate*(1-l.rate)/max(l.seen, 1)), maxReckoned)
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

// shareCount is how many shares a group of so many blocks needs, of which doomed ones are
// missing for certain and unacked others may be, so that with the given risk at most
// more of all these and of the shares themselves are lost than there are shares. It is
// never more than there are blocks: so many have most of the use that more would have.
func shareCount(doomed, unacked, blocks int, loss, risk float64) int {
	if doomed+unacked == 0 {
		return 0
	}
	most := max(blocks, minShares)
	for count := doomed + 1; count < most; count++ {
		if moreThan(count-doomed, unacked+count, loss) <= risk {
			return count
		}
	}
	return most
}

// repeats is how often to say something so that it gets lost every time only
// with the risk of repairs.
func repeats(loss float64) int {
	n := 1
	for missing := loss; missing > repairRisk; n++ {
		missing *= loss
	}
	return n
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
