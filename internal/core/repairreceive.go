package core

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/parity"
	"example.com/uft/internal/wire"
)

// repairReceiver is the receiving side of repair by parity: copies of the
// newest blocks that came, and shares of groups of them, in bounded memory.
// Where it is full the oldest goes: the sender needs repair at its end.
type repairReceiver struct {
	announced   uint64
	limit, used int     // limit is of the announced bytes what this path needs
	arrived     busiest // of the credit that was used
	transfers   map[uint16]*keptTransfer
	pages       []*keptPage // by age, the oldest first; some are freed already
	spare       []*keptPage
	haves       idSet              // transfers with a BULK_HAVE to send
	again       idSet              // those with one that rides along with acknowledgements
	told        map[uint16]telling // those of which the last one is not acknowledged
}

// groupKey tells groups apart: frames with the same key are of one group.
type groupKey struct {
	first         uint64
	stride, count uint8
	size          int
}

// incomingGroup is a group of which shares have come.
type incomingGroup struct {
	key    groupKey
	shares []parity.Share
	done   bool // nothing of it is missing any more

	// absent is how many blocks were not kept when that was last looked at,
	// less those that have become whole since. It is looked at again only when
	// that many shares are there: a packet must not cost a walk through every
	// group that has a block in it.
	absent int
}

const (
	// groupOverhead is what a group and each of its shares are counted as,
	// besides the bytes.
	groupOverhead = 256
	// maxIncomingGroups bounds the groups of one transfer, maxOpenGroups those
	// that are not repaired yet.
	maxIncomingGroups = 1024
	maxOpenGroups     = 128
)

func newRepairReceiver(announced uint64) repairReceiver {
	return repairReceiver{announced: announced, limit: int(keptOf(announced, 0))}
}

// allow takes in how much of the credit is used by now, of which follows the limit.
func (r *repairReceiver) allow(now instant.Time, rtt time.Duration, used uint64) {
	r.limit = int(keptOf(r.announced, r.arrived.note(now, rtt, used)))
}

// mayRepair reports whether anything of a transfer can still be missing.
func (c *Conn) mayRepair(t *bulkIn) bool {
	return c.bulkIn.repair.limit > 0 && c.bulkIn.byID[t.id] == t && !t.reset && t.stop == nil && !(t.sizeKnown && t.count == t.size)
}

// handleParity takes a PARITY frame.
func (c *Conn) handleParity(f *wire.Parity) error {
	t := c.incoming(f.Transfer)
	r := &c.bulkIn.repair
	if t == nil {
		return nil
	}
	if len(f.Share) < wire.BlockSize {
		return violation(wire.CodeProtocolViolation, "a share of %d bytes", len(f.Share)) // costs more to use than to send
	}
	key := groupKey{first: f.First, stride: f.Stride, count: f.Count, size: len(f.Share)}
	if !c.mayRepair(t) {
		return nil
	}
	k := r.of(t.id)
	if k == nil {
		return nil
	}
	g := k.groups[key]
	if g == nil {
		if len(k.groups) >= maxIncomingGroups || !r.makeRoom(groupOverhead) {
			return nil
		}
		if len(k.open) >= maxOpenGroups {
			r.close(k, k.open[0]) // the oldest: its blocks have come by now, or are kept no more
		}
		g = &incomingGroup{key: key}
		k.groups[key] = g
		k.open = append(k.open, g)
		r.use(k, groupOverhead)
	}
	index := int(f.Index)
	if g.done {
		return nil
	}
	known := slices.ContainsFunc(g.shares, func(s parity.Share) bool { return s.Index == index })
	if known || !r.makeRoom(key.size+groupOverhead) {
		return nil
	}
	r.use(k, key.size+groupOverhead)
	g.shares = append(g.shares, parity.Share{Index: index, Bytes: slices.Clone(f.Share)})
	return c.repairGroup(t, k, g)
}

// close ends the waiting for shares of a group and frees them.
func (r *repairReceiver) close(k *keptTransfer, g *incomingGroup) {
	k.open = slices.DeleteFunc(k.open, func(other *incomingGroup) bool { return other == g })
	r.use(k, -len(g.shares)*(g.key.size+groupOverhead))
	g.done, g.shares = true, nil
}

// offset is where block i of the group begins.
func (k *groupKey) offset(i int) uint64 {
	return (k.first + uint64(i)*uint64(k.stride)) * uint64(k.size)
}

// holds reports whether a block of the group has bytes of [start, end).
func (k *groupKey) holds(start, end uint64) bool {
	for n := start / uint64(k.size); n*uint64(k.size) < end; n++ {
		if n >= k.first && (n-k.first)%uint64(k.stride) == 0 && (n-k.first)/uint64(k.stride) < uint64(k.count) {
			return true
		}
	}
	return false
}

// span returns where block i of the group begins and ends in a transfer of size
// bytes.
func (g *incomingGroup) span(i int, size uint64) (offset, end uint64) {
	offset = g.key.offset(i)
	return offset, min(offset+uint64(g.key.size), size)
}

// completed counts the blocks of the group that bytes [start, end), which were
// not all kept before, have made whole.
func (g *incomingGroup) completed(k *keptTransfer, start, end, size uint64) (n int) {
	block := uint64(g.key.size)
	for b := start / block; b*block < end; b++ {
		if g.key.holds(b*block, b*block+1) && k.whole(b*block, min((b+1)*block, size)) {
			n++
		}
	}
	return n
}

// repairGroup computes the missing blocks of a group if enough of it is there.
// It does so once: any blocks and shares that are enough give all the rest.
func (c *Conn) repairGroup(t *bulkIn, k *keptTransfer, g *incomingGroup) error {
	if g.done || !t.sizeKnown {
		return nil
	}
	if g.key.offset(int(g.key.count)-1) >= t.size {
		return violation(wire.CodeFinalSizeError, "transfer %d has a group beyond its end", t.id)
	}
	if g.absent > len(g.shares) {
		return nil
	}
	missing := make([]bool, g.key.count)
	absent, wanted := 0, false
	for i := range missing {
		offset, end := g.span(i, t.size)
		if missing[i] = !k.whole(offset, end); missing[i] {
			absent++
			wanted = wanted || !t.received.ContainsRange(offset, end)
		}
	}
	g.absent = absent
	if wanted && absent > len(g.shares) {
		return nil
	}
	blocks := make([][]byte, g.key.count)
	for i := range blocks {
		if offset, end := g.span(i, t.size); wanted && !missing[i] {
			blocks[i] = k.block(offset, end, g.key.size)
		}
	}
	r := &c.bulkIn.repair
	shares := g.shares
	r.close(k, g)
	if !wanted {
		return nil
	}
	if err := parity.Repair(blocks, shares[:absent]); err != nil {
		return nil // what is missing comes again in any case
	}
	t.repaired = true
	r.tell(t.id)
	for i := range blocks {
		if !missing[i] {
			continue
		}
		offset := g.key.offset(i)
		n := min(uint64(g.key.size), t.size-offset)
		before := t.count
		if err := c.receiveBytes(t, offset, blocks[i][:n]); err != nil {
			return err
		}
		c.stats.BytesRepaired += t.count - before
	}
	return nil
}

// keepBlock keeps the bytes of a DATA frame that asks for it. They may be what a
// group waited for.
func (c *Conn) keepBlock(t *bulkIn, f *wire.Data) error {
	r := &c.bulkIn.repair
	if !c.mayRepair(t) {
		r.forget(t.id)
		return nil
	}
	if !r.keep(t.id, f.Offset, f.Bytes) || !t.sizeKnown {
		return nil
	}
	k, end := r.transfers[t.id], f.Offset+uint64(len(f.Bytes))
	for _, g := range slices.Clone(k.open) {
		if n := g.completed(k, f.Offset, end, t.size); n > 0 {
			g.absent -= n
			if err := c.repairGroup(t, k, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// repairOpen repairs what waited for the size of the transfer.
func (c *Conn) repairOpen(t *bulkIn) error {
	k := c.bulkIn.repair.transfers[t.id]
	if k == nil {
		return nil
	}
	if !c.mayRepair(t) {
		c.bulkIn.repair.forget(t.id)
		return nil
	}
	for _, g := range slices.Clone(k.open) {
		if err := c.repairGroup(t, k, g); err != nil {
			return err
		}
	}
	return nil
}
