package core

import (
	"math"

	"example.com/uft/internal/parity"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// makeShares computes the shares of everything kept that is not acknowledged, unless they
// do not pay.
func (c *Conn) makeShares() (pays bool) {
	r := &c.repairOut
	r.covered, r.groups, r.stretch, r.next, r.turned, r.left, r.copies = nil, nil, 0, 0, false, 0, 0
	loss := &r.loss
	if !c.repairPossible() || r.keptBytes == 0 || loss.rate < repairMinLoss {
		return false
	}
	var unacked uint64
	r.ids.all(func(id uint16) { unacked += c.unackedOf(id, *r.kept[id]) })
	if float64(unacked)/float64(c.mtu.block())*loss.rate < repairMinMissing {
		return false
	}
	c.findMissing()
	r.ids.all(func(id uint16) {
		t := c.bulkOut.get(id)
		if t == nil {
			r.forget(id)
			return
		}
		for _, run := range *r.kept[id] {
			c.makeStretches(t, run)
		}
		c.repeatEnd(t)
	})
	if r.left > 0 {
		r.endEach = max(r.left/repeats(loss.careful()), 1)
		r.copies = copiesWorth(c.bulkOut.waiting-min(c.bulkOut.waiting, c.coveredBytes()), loss.rate)
	}
	c.trace("recovery:tail_repair", traceText("kind", "parity"), traceNumber("shares", r.left), traceNumber("groups", len(r.groups)),
		traceNumber("bytes_unacknowledged", unacked), TraceField{Name: "loss", Number: loss.rate})
	r.missing = nil
	return true
}

// repeatEnd queues BULK_END of a transfer again: the peer cannot repair one whose end
// it does not know.
func (c *Conn) repeatEnd(t *bulkOut) {
	t.endSend = t.ended && !t.endAcked && t.reset == nil
	c.bulkOut.update(t)
}

// findMissing finds what was overtaken and has no fate yet.
func (c *Conn) findMissing() {
	r := &c.repairOut
	r.missing = nil
	acked, some := c.recovery.LargestAcked(appSpace)
	c.recovery.ForEachOutstanding(appSpace, func(p recovery.Packet) bool {
		if p.Kind != recovery.Data {
			return true
		}
		s := r.missing[p.Transfer]
		switch {
		case some && p.Number < acked:
			if s == nil {
				if r.missing == nil {
					r.missing = make(map[uint16]*ranges.Set)
				}
				s = new(ranges.Set)
				r.missing[p.Transfer] = s
			}
			s.Add(p.Offset, p.Offset+uint64(p.Length))
		case r.missing == nil:
			return false
		case s != nil:
			s.Remove(p.Offset, p.Offset+uint64(p.Length)) // it was sent again
		}
		return true
	})
}

// misses reports whether the block at offset is in no packet but overtaken ones.
func (r *repairSender) misses(id uint16, offset uint64) bool {
	s := r.missing[id]
	return s != nil && s.Contains(offset)
}

// unackedOf is how many of some bytes of a transfer are not acknowledged.
func (c *Conn) unackedOf(id uint16, of ranges.Set) (n uint64) {
	t := c.bulkOut.get(id)
	if t == nil || t.reset != nil {
		return 0
	}
	for _, run := range of {
		n += run.Len() - common(t.acked, run.Start, run.End)
	}
	return n
}

// makeStretches makes the shares of bytes that the peer keeps, the newest first.
func (c *Conn) makeStretches(t *bulkOut, run ranges.Range) {
	r, size := &c.repairOut, uint64(c.mtu.block())
	most := stretchGroups * groupBlocks * size
	r.stretches = float64(max(1, (run.Len()+most-1)/most))
	for end := run.End; end > run.Start; {
		start := run.Start
		if border := (end + size - 1) / size * size; border > start+most {
			start = border - most
		}
		c.makeRun(t, ranges.Range{Start: start, End: end})
		if n := len(r.groups); n > 0 {
			r.groups[n-1].last = true
		}
		end = start
	}
}

// makeRun makes the shares of one stretch of blocks: of the longest part at its
// end, from the first unacknowledged byte on, of which the source still has
// every byte. The blocks of a group are spread over the whole stretch, so that
// a burst of losses hits all groups alike.
func (c *Conn) makeRun(t *bulkOut, run ranges.Range) {
	r, size := &c.repairOut, uint64(c.mtu.block())
	start, _ := t.acked.FirstGap(run.Start, run.End)
	first := start / size
	if first*size < run.Start {
		first++ // the peer does not have the whole of that block
	}
	end := run.End / size
	if run.End == t.size {
		end = (run.End + size - 1) / size
	}
	if first >= end || end > wire.MaxParityBlock {
		return
	}
	first = max(first, end-min(end, maxGroups*groupBlocks))
	blocks := c.readBlocks(t, first, end, size)
	first = end - uint64(len(blocks))
	groups := (len(blocks) + groupBlocks - 1) / groupBlocks
	all := true
	for g := range groups {
		var members [][]byte
		unacked, missing := 0, 0
		for i := g; i < len(blocks); i += groups {
			members = append(members, blocks[i])
			offset := (first + uint64(i)) * size
			switch {
			case t.acked.ContainsRange(offset, min(offset+size, t.size)):
			case r.misses(t.id, offset):
				missing++
			default:
				unacked++
			}
		}
		doomed := int(math.Round(float64(missing) * r.loss.doomed()))
		made := c.makeGroup(wire.Parity{
			Transfer: t.id, First: first + uint64(g), Stride: uint8(groups), Count: uint8(len(members)),
		}, members, doomed, unacked+missing-doomed, r.loss.careful(), repairRisk/(r.stretches*float64(groups)))
		all = all && made
	}
	if all {
		r.cover(t.id, first*size, min(end*size, t.size))
	}
}

// cover notes that shares of all bytes [start, end) of a transfer were made.
func (r *repairSender) cover(id uint16, start, end uint64) {
	if r.covered == nil {
		r.covered = make(map[uint16]*ranges.Set)
	}
	s := r.covered[id]
	if s == nil {
		s = new(ranges.Set)
		r.covered[id] = s
	}
	s.Add(start, end)
}

// readBlocks reads the blocks [first, end) of size bytes of a transfer, the last one filled
// up with zeros, or as many at the end as the source has in memory.
func (c *Conn) readBlocks(t *bulkOut, first, end, size uint64) [][]byte {
	memory := make([]byte, (end-first)*size)
	blocks := make([][]byte, 0, end-first)
	for n := first; n < end; n++ {
		block := memory[:size:size]
		memory = memory[size:]
		offset := n * size
		length := int(min(size, t.size-offset))
		for at := 0; at < length; {
			got := copy(block[at:length], c.cfg.Source.Resident(t.id, offset+uint64(at), length-at))
			if got == 0 {
				blocks, block = blocks[:0], nil
				break
			}
			at += got
		}
		if block != nil {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// makeGroup makes the shares of one group, unless nothing of it is missing. It
// returns false where none can be made.
func (c *Conn) makeGroup(frame wire.Parity, members [][]byte, doomed, unacked int, loss, risk float64) bool {
	r := &c.repairOut
	count := shareCount(doomed, unacked, len(members), loss, risk)
	if count == 0 {
		return doomed+unacked == 0
	}
	shares, err := parity.Encode(members, count)
	if err != nil {
		return false
	}
	r.groups = append(r.groups, outgoingGroup{frame: frame, shares: shares})
	r.left += count
	return true
}
