package core

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/parity"
	"example.com/uft/internal/ranges"
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
	told        map[uint16]telling // those of which the last one is not acknowledged
}

// keptTransfer is what is kept of one transfer.
type keptTransfer struct {
	pages  map[uint64]*keptPage // by offset / keptPageSize
	groups map[groupKey]*incomingGroup
	open   []*incomingGroup // those that are not repaired yet, by age
	used   int
}

// keptPage is a stretch of a transfer of which some bytes are kept.
type keptPage struct {
	owner *keptTransfer // nil when freed
	index uint64
	have  ranges.Set // offsets in data
	data  [keptPageSize]byte
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
	keptPageSize = 16 << 10
	// groupOverhead is what a group and each of its shares are counted as,
	// besides the bytes.
	groupOverhead = 256
	// maxIncomingGroups bounds the groups of one transfer, maxOpenGroups those
	// that are not repaired yet.
	maxIncomingGroups = 1024
	maxOpenGroups     = 128
	// maxKeptTransfers bounds the transfers of which anything is kept.
	maxKeptTransfers = 256
	// maxKeptRanges bounds the pieces of a page: its gaps are not counted as
	// memory, and whoever sends a page in more pieces does not want it repaired.
	maxKeptRanges = 32
)

func newRepairReceiver(announced uint64) repairReceiver {
	return repairReceiver{announced: announced, limit: int(keptOf(announced, 0))}
}

// allow takes in how much of the credit is used by now, of which follows the limit.
func (r *repairReceiver) allow(now instant.Time, rtt time.Duration, used uint64) {
	r.limit = int(keptOf(r.announced, r.arrived.note(now, rtt, used)))
}

// of returns what is kept of a transfer, or nil where too many are kept.
func (r *repairReceiver) of(id uint16) *keptTransfer {
	k := r.transfers[id]
	if k == nil {
		if len(r.transfers) >= maxKeptTransfers {
			return nil
		}
		if r.transfers == nil {
			r.transfers = make(map[uint16]*keptTransfer)
		}
		k = &keptTransfer{pages: make(map[uint64]*keptPage), groups: make(map[groupKey]*incomingGroup)}
		r.transfers[id] = k
	}
	return k
}

// forget frees what is kept of a transfer.
func (r *repairReceiver) forget(id uint16) {
	k := r.transfers[id]
	if k == nil {
		return
	}
	delete(r.transfers, id)
	r.used -= k.used
	r.pages = slices.DeleteFunc(r.pages, func(p *keptPage) bool { return p.owner == k })
	if len(r.transfers) == 0 {
		r.pages, r.spare = nil, nil
	}
}

// keep copies bytes of a transfer, and reports whether any were not kept before.
func (r *repairReceiver) keep(id uint16, offset uint64, p []byte) (grew bool) {
	k := r.of(id)
	if k == nil {
		return false
	}
	for len(p) > 0 {
		at := offset % keptPageSize
		n := min(uint64(len(p)), keptPageSize-at)
		page := r.page(k, offset/keptPageSize)
		if page == nil {
			return grew
		}
		copy(page.data[at:], p[:n])
		grew = page.have.Add(at, at+n) > 0 || grew
		if len(page.have) > maxKeptRanges {
			r.pages = slices.DeleteFunc(r.pages, func(other *keptPage) bool { return other == page })
			r.free(page)
		}
		offset, p = offset+n, p[n:]
	}
	return grew
}

// page returns the page with that index, a new one where there is none. It is
// nil where the memory is used up by shares.
func (r *repairReceiver) page(k *keptTransfer, index uint64) *keptPage {
	if p := k.pages[index]; p != nil {
		return p
	}
	if !r.makeRoom(keptPageSize) {
		return nil
	}
	p := new(keptPage)
	if n := len(r.spare); n > 0 {
		p, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	p.owner, p.index, p.have = k, index, p.have[:0]
	k.pages[index] = p
	r.pages = append(r.pages, p)
	r.use(k, keptPageSize)
	return p
}

func (r *repairReceiver) use(k *keptTransfer, n int) {
	r.used += n
	k.used += n
}

// makeRoom frees the oldest pages until n more bytes fit.
func (r *repairReceiver) makeRoom(n int) bool {
	for r.used+n > r.limit {
		if len(r.pages) == 0 {
			return false
		}
		p := r.pages[0]
		r.pages = r.pages[1:]
		r.free(p)
	}
	return true
}

// free takes a page that is no longer among pages from its transfer.
func (r *repairReceiver) free(p *keptPage) {
	delete(p.owner.pages, p.index)
	r.use(p.owner, -keptPageSize)
	p.owner = nil
	r.spare = append(r.spare[:min(len(r.spare), 1)], p)
}

// whole reports whether the bytes [offset, end) are kept.
func (k *keptTransfer) whole(offset, end uint64) bool {
	for offset < end {
		page, at := k.pages[offset/keptPageSize], offset%keptPageSize
		n := min(end-offset, keptPageSize-at)
		if page == nil || !page.have.ContainsRange(at, at+n) {
			return false
		}
		offset += n
	}
	return true
}

// block returns the bytes [offset, end), all of which are kept, filled up with
// zeros to size.
func (k *keptTransfer) block(offset, end uint64, size int) []byte {
	var whole []byte
	for offset < end {
		page, at := k.pages[offset/keptPageSize], offset%keptPageSize
		n := min(end-offset, keptPageSize-at)
		if n == uint64(size) {
			return page.data[at : at+n : at+n]
		}
		whole = append(whole, page.data[at:at+n]...)
		offset += n
	}
	return append(whole, make([]byte, size-len(whole))...)
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

// telling is how far the sender of a transfer was told what was repaired.
type telling struct {
	repairs uint64 // groups so far
	sent    int    // BULK_HAVE frames since the last of them
}

// maxTold is how many times BULK_HAVE is sent without waiting for its loss. The
// sender has nothing to do but wait for it, so a loss would cost a round trip.
const maxTold = 6

// tell has the sender be told what was repaired.
func (r *repairReceiver) tell(id uint16) {
	if r.told == nil {
		r.told = make(map[uint16]telling)
	}
	r.told[id] = telling{repairs: r.told[id].repairs + 1}
	r.haves.put(id, true)
}

// sentHave counts a BULK_HAVE that is sent, and returns how many repairs it
// tells of.
func (r *repairReceiver) sentHave(id uint16) uint64 {
	t := r.told[id]
	t.sent++
	r.told[id] = t
	return t.repairs
}

// tellAgain has BULK_HAVE ride along with an acknowledgement of what the sender,
// which may not have heard of the repair, goes on sending.
func (r *repairReceiver) tellAgain() {
	for id, t := range r.told {
		if t.sent > 0 && t.sent < maxTold {
			r.haves.put(id, true)
		}
	}
}

// haveLost follows the loss of a BULK_HAVE, unless a later one is acknowledged.
func (r *repairReceiver) haveLost(id uint16) {
	if _, some := r.told[id]; some {
		r.haves.put(id, true)
	}
}

// haveAcked follows the acknowledgement of a BULK_HAVE that said all there was.
func (r *repairReceiver) haveAcked(id uint16, repairs uint64) {
	if r.told[id].repairs == repairs {
		r.haves.put(id, false)
		delete(r.told, id)
	}
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

// appendHave writes a BULK_HAVE frame for each transfer that needs one.
func (c *Conn) appendHave(b []byte, limit int) []byte {
	haves := &c.bulkIn.repair.haves
	for {
		id, some := haves.first()
		if !some {
			return b
		}
		f := wire.BulkHave{Transfer: id}
		t := c.bulkIn.byID[id]
		if t != nil {
			f.Ranges = t.received[max(0, len(t.received)-wire.MaxHaveRanges):]
		}
		if f.Len() > limit-len(b) {
			return b
		}
		haves.put(id, false)
		if t == nil || len(f.Ranges) > 0 {
			b = f.Append(b)
			c.frames = append(c.frames, sentFrame{kind: sentBulkHave, id: uint64(id), start: c.bulkIn.repair.sentHave(id)})
		}
	}
}
