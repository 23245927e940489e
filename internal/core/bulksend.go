package core

import (
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/wire"
)

// bulkOut is one outgoing transfer (docs/protocol.md §9.2): which of its bytes
// may be sent, were sent, are to be sent again, and are acknowledged. The
// bytes themselves stay with the BlockSource.
type bulkOut struct {
	id        uint16
	available uint64 // [0, available) may be asked of the source
	next      uint64 // everything from here on was never sent
	sent      uint64 // bytes put into DATA frames, each counted once
	again     ranges.Set
	acked     ranges.Set
	ackedLen  uint64
	ahead     uint64 // acknowledged bytes, that is skipped ones, from next on

	ended    bool // size is final
	size     uint64
	endSend  bool
	endAcked bool
	reset    *uint64
	resetOut bool // RESET_BULK must go out
	stopped  bool
	starved  bool // the source had nothing; wait for ExtendBulk

	// What the transfer contributes to the totals of bulkSender.
	busy    bool
	waiting uint64
}

// BulkSent is the progress of an outgoing transfer, in bytes. Skipped bytes
// count as sent and acknowledged.
type BulkSent struct {
	Acked         uint64
	Highest       uint64 // no byte at or above was ever sent
	LowestUnacked uint64
}

// bulkSender is all outgoing transfers of a connection. Transfers are served
// in the order of their ids, so that small files of one offer are finished one
// after the other. Whatever a packet needs to know is kept in sets and totals:
// its cost must not grow with the number of transfers.
type bulkSender struct {
	byID   map[uint16]*bulkOut
	recent *bulkOut // that get returned last: block after block asks for the same
	begun  *bulkOut // with a piece of which only a part was sent
	nextID uint32
	credit sendCredit // new bytes, of all transfers together: MAX_BULK_DATA

	open    idSet // those in byID
	lossy   idSet // those with blocks to repeat
	fresh   idSet // those with blocks that were never sent
	control idSet // those with a BULK_END or RESET_BULK to send

	busy    int    // transfers that still have something to send
	waiting uint64 // bytes, and ends, that wait for their acknowledgement
}

// get returns the transfer with that id, or nil.
func (b *bulkSender) get(id uint16) *bulkOut {
	if b.recent == nil || b.recent.id != id {
		b.recent = b.byID[id]
	}
	return b.recent
}

// update brings sets and totals up to date with a transfer that has changed.
func (b *bulkSender) update(t *bulkOut) {
	sendable := t.reset == nil && !t.starved
	b.lossy.put(t.id, sendable && len(t.again) > 0)
	b.fresh.put(t.id, sendable && t.newBytes() > 0)
	b.control.put(t.id, t.endSend || t.resetOut)
	busy, waiting := !t.allSent() || len(t.again) > 0 || t.endSend || t.resetOut, t.unacked()
	if t.ended && !t.endAcked && t.reset == nil {
		waiting++
	}
	if busy != t.busy {
		t.busy = busy
		if busy {
			b.busy++
		} else {
			b.busy--
		}
	}
	b.waiting += waiting - t.waiting
	t.waiting = waiting
}

// forget drops a transfer that is over: delivered, or given up and the peer
// knows it.
func (b *bulkSender) forget(t *bulkOut) {
	*t = bulkOut{id: t.id, ended: true, endAcked: true, busy: t.busy, waiting: t.waiting}
	if b.begun == t {
		b.begun = nil
	}
	b.update(t)
	b.open.put(t.id, false)
	delete(b.byID, t.id)
	b.recent = nil
}

// pieceSize is in what pieces of a transfer, aligned to its offsets, new bytes are
// sent without others in between (docs/protocol.md §9.2). A receiver hands out whole
// pieces and gives their credit back: a few transfers with a piece begun each would
// hold all of a small credit, and nothing would ever move again.
const pieceSize = 64 << 10

// next returns the transfer whose block is to be sent next, or nil.
func (b *bulkSender) next() *bulkOut {
	lossy, some := b.lossy.first()
	if b.credit.left() > 0 {
		fresh, ok := b.fresh.first()
		if b.begun != nil && b.fresh.has(b.begun.id) {
			fresh = b.begun.id
		}
		if ok && (!some || fresh < lossy) {
			return b.get(fresh)
		}
	}
	if !some {
		return nil
	}
	return b.get(lossy)
}

// sentNew notes that a new block of a transfer was sent.
func (b *bulkSender) sentNew(t *bulkOut, n int) {
	b.credit.used += uint64(n)
	b.begun = nil
	if t.next%pieceSize != 0 {
		b.begun = t
	}
}

// OpenBulk begins an outgoing transfer.
func (c *Conn) OpenBulk() (uint16, error) {
	if err := c.usable(); err != nil {
		return 0, err
	}
	if c.cfg.Source == nil {
		return 0, ErrNoSource
	}
	if c.bulkOut.nextID > 0xffff {
		return 0, ErrTransferLimit
	}
	t := &bulkOut{id: uint16(c.bulkOut.nextID)}
	c.bulkOut.nextID++
	if c.bulkOut.byID == nil {
		c.bulkOut.byID = make(map[uint16]*bulkOut)
	}
	c.bulkOut.byID[t.id] = t
	c.bulkOut.open.put(t.id, true)
	c.bulkOut.update(t)
	return t.id, nil
}

// ExtendBulk says that the source has the bytes [0, available) of the
// transfer; of these, the core asks only for what is not acknowledged.
func (c *Conn) ExtendBulk(id uint16, available uint64) {
	if t := c.bulkOut.get(id); t != nil {
		t.available = max(t.available, available)
		t.starved = false
		c.bulkOut.update(t)
	}
}

// SkipBulk says that [start, end) need not be sent: the peer has these bytes.
func (c *Conn) SkipBulk(id uint16, start, end uint64) {
	t := c.bulkOut.get(id)
	if t == nil || t.reset != nil {
		return
	}
	t.ack(start, end)
	t.available = max(t.available, end)
	t.skipAcked()
	c.checkDelivered(t)
}

// EndBulk says that the transfer has size bytes in all.
func (c *Conn) EndBulk(id uint16, size uint64) {
	t := c.bulkOut.get(id)
	if t == nil || t.ended || t.reset != nil {
		return
	}
	t.ended, t.size, t.endSend = true, size, true
	t.available = max(t.available, size)
	c.checkDelivered(t)
}

// ResetBulk gives the transfer up.
func (c *Conn) ResetBulk(id uint16, code uint64) {
	t := c.bulkOut.get(id)
	if t == nil || t.reset != nil {
		return
	}
	t.reset, t.resetOut, t.endSend = &code, true, false
	t.again, t.acked, t.ahead = nil, nil, 0
	c.repairOut.forget(t.id)
	c.bulkOut.update(t)
}

// BulkSent returns the progress of an outgoing transfer.
func (c *Conn) BulkSent(id uint16) BulkSent {
	t := c.bulkOut.get(id)
	if t == nil {
		return BulkSent{}
	}
	lowest, _ := t.acked.FirstGap(0, t.next)
	return BulkSent{Acked: t.ackedLen, Highest: t.next, LowestUnacked: lowest}
}

// BulkPending reports that file bytes could be sent, were it not for pacing and
// the window: whoever has more of them need not hurry to say so.
func (c *Conn) BulkPending() bool { return c.bulkOut.next() != nil }

// BulkAcked reports whether every byte of [start, end) is acknowledged or
// skipped, or the transfer is over, so that its memory is free.
func (c *Conn) BulkAcked(id uint16, start, end uint64) bool {
	t := c.bulkOut.get(id)
	return t == nil || t.reset != nil || t.acked.ContainsRange(start, end)
}

// newBytes is how many bytes could be sent for the first time.
func (t *bulkOut) newBytes() uint64 {
	if t.reset != nil || t.next >= t.available {
		return 0
	}
	return t.available - t.next
}

// block chooses the next block to send: lost ones first, each at most size long
// and never across a multiple of it, so that blocks keep their borders when they
// are repeated, as long as the size stays what it is.
func (t *bulkOut) block(credit, size uint64) (offset uint64, n int, repeat bool) {
	if len(t.again) > 0 {
		r := t.again[0]
		border := r.Start - r.Start%size + size
		return r.Start, int(min(r.End, border) - r.Start), true
	}
	border := t.next - t.next%size + size
	return t.next, int(min(border-t.next, t.newBytes(), credit)), false
}

// took records that the block was put into a packet.
func (t *bulkOut) took(offset uint64, n int, repeat bool) {
	end := offset + uint64(n)
	if repeat {
		t.again.Remove(offset, end)
		return
	}
	t.sent += uint64(n)
	t.advance(end)
	t.skipAcked()
}

// advance moves next to end.
func (t *bulkOut) advance(end uint64) {
	if t.ahead > 0 {
		t.ahead -= common(t.acked, t.next, end)
	}
	t.next = end
}

// common is how many integers of [start, end) are in the set.
func common(s ranges.Set, start, end uint64) (n uint64) {
	for start < end {
		gap, gapEnd := s.FirstGap(start, end)
		n += gap - start
		start = gapEnd
		if gap == end {
			break
		}
	}
	return n
}

// skipAcked moves next over bytes that were skipped ahead of it.
func (t *bulkOut) skipAcked() {
	if len(t.acked) == 0 {
		return
	}
	next, _ := t.acked.FirstGap(t.next, max(t.available, t.next))
	t.advance(next)
}

// ack takes note that the peer has [start, end).
func (t *bulkOut) ack(start, end uint64) {
	if t.reset != nil {
		return
	}
	t.ackedLen += t.acked.Add(start, min(end, max(start, t.next)))
	ahead := t.acked.Add(max(start, t.next), end)
	t.ackedLen += ahead
	t.ahead += ahead
	t.again.Remove(start, end)
}

// lost marks [start, end) to be sent again, but for what is acknowledged.
func (t *bulkOut) lost(start, end uint64) {
	if t.reset == nil {
		addMissing(&t.again, t.acked, start, min(end, t.next))
	}
}

// unacked is how many bytes were sent and not acknowledged.
func (t *bulkOut) unacked() uint64 {
	if t.reset != nil {
		return 0
	}
	return t.next - (t.ackedLen - t.ahead)
}

// allSent reports that the end is known and everything was sent at least once.
func (t *bulkOut) allSent() bool {
	return t.reset != nil || (t.ended && t.next >= t.size)
}

// checkDelivered tells the application that the peer has everything, and
// forgets the transfer; it follows every change of one.
func (c *Conn) checkDelivered(t *bulkOut) {
	if !t.ended || !t.endAcked || t.reset != nil || t.ackedLen < t.size {
		c.bulkOut.update(t)
		return
	}
	c.bulkOut.forget(t)
	c.repairOut.forget(t.id)
	c.emit(Event{Kind: EventBulkDelivered, ID: uint64(t.id)})
}

// rewindBulk has everything be sent for the first time again: the peer has
// thrown all of it away, and counts its credit from zero.
func (c *Conn) rewindBulk() {
	b := &c.bulkOut
	b.credit, b.begun = sendCredit{limit: c.peer.InitialMaxBulkData}, nil
	c.repairOut.reset()
	b.open.all(func(id uint16) {
		t := b.byID[id]
		t.again, t.sent, t.next, t.ahead = nil, 0, 0, t.ackedLen
		t.skipAcked()
		b.update(t)
	})
}

// handleStopBulk takes a STOP_BULK frame.
func (c *Conn) handleStopBulk(f *wire.StopBulk) error {
	t := c.bulkOut.get(f.Transfer)
	if t == nil {
		if uint32(f.Transfer) >= c.bulkOut.nextID {
			return violation(wire.CodeStateError, "transfer %d was never opened", f.Transfer)
		}
		return nil
	}
	if !t.stopped {
		t.stopped = true
		c.emit(Event{Kind: EventBulkStopped, ID: uint64(t.id), Code: f.Code})
		c.ResetBulk(t.id, f.Code)
	}
	return nil
}
