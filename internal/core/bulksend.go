package core

import (
	"slices"

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

	ended    bool // size is final
	size     uint64
	endSend  bool
	endAcked bool
	reset    *uint64
	resetOut bool
	stopped  bool
	starved  bool // the source had nothing; wait for ExtendBulk
	told     bool // EventBulkDelivered was given
}

// BulkSent is the progress of an outgoing transfer, in bytes. Skipped bytes
// count as sent and acknowledged.
type BulkSent struct {
	Acked         uint64
	Highest       uint64 // no byte at or above was ever sent
	LowestUnacked uint64
}

// bulkSender is all outgoing transfers of a connection.
type bulkSender struct {
	list   []*bulkOut // in the order of their ids: that order is served
	nextID uint32
	credit sendCredit // new bytes, of all transfers together: MAX_BULK_DATA
	stale  bool       // some transfer of the list is over
}

func (b *bulkSender) get(id uint16) *bulkOut {
	i, ok := slices.BinarySearchFunc(b.list, id, func(t *bulkOut, id uint16) int { return int(t.id) - int(id) })
	if !ok {
		return nil
	}
	return b.list[i]
}

// OpenBulk begins an outgoing transfer.
func (c *Conn) OpenBulk() (uint16, error) {
	if err := c.usable(); err != nil {
		return 0, err
	}
	if c.bulkOut.nextID > 0xffff {
		return 0, ErrTransferLimit
	}
	t := &bulkOut{id: uint16(c.bulkOut.nextID)}
	c.bulkOut.nextID++
	c.bulkOut.list = append(c.bulkOut.list, t)
	return t.id, nil
}

// ExtendBulk says that the source has the bytes [0, available) of the
// transfer; of these, the core asks only for what is not acknowledged.
func (c *Conn) ExtendBulk(id uint16, available uint64) {
	if t := c.bulkOut.get(id); t != nil {
		t.available = max(t.available, available)
		t.starved = false
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
	if t.next >= start {
		t.next = max(t.next, end)
	}
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
	if t == nil || t.reset != nil || t.told {
		return
	}
	t.reset, t.resetOut = &code, true
	t.again = nil
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

// sendable reports whether the transfer has a block to send, given the
// connection's credit.
func (t *bulkOut) sendable(credit uint64) bool {
	if t.reset != nil || t.starved {
		return false
	}
	return len(t.again) > 0 || (credit > 0 && t.newBytes() > 0)
}

// block chooses the next block to send: lost ones first, each at most
// BlockSize long and never across a multiple of it, so that blocks keep their
// borders when they are repeated.
func (t *bulkOut) block(credit uint64) (offset uint64, n int, repeat bool) {
	if len(t.again) > 0 {
		r := t.again[0]
		border := r.Start - r.Start%wire.BlockSize + wire.BlockSize
		return r.Start, int(min(r.End, border) - r.Start), true
	}
	border := t.next - t.next%wire.BlockSize + wire.BlockSize
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
	t.next = end
	t.skipAcked()
}

// skipAcked moves next over bytes that were skipped ahead of it.
func (t *bulkOut) skipAcked() {
	if len(t.acked) == 0 {
		return
	}
	t.next, _ = t.acked.FirstGap(t.next, max(t.available, t.next))
}

// ack takes note that the peer has [start, end).
func (t *bulkOut) ack(start, end uint64) {
	t.ackedLen += t.acked.Add(start, end)
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
	if t.reset != nil || t.ackedLen >= t.next {
		return 0
	}
	return t.next - t.ackedLen
}

// allSent reports that the end is known and everything was sent at least once.
func (t *bulkOut) allSent() bool {
	return t.reset != nil || (t.ended && t.next >= t.size)
}

// checkDelivered tells the application, once, that the peer has everything,
// and forgets what the transfer no longer needs.
func (c *Conn) checkDelivered(t *bulkOut) {
	if t.told || !t.ended || !t.endAcked || t.reset != nil || t.ackedLen < t.size {
		return
	}
	t.told, c.bulkOut.stale = true, true
	c.emit(Event{Kind: EventBulkDelivered, ID: uint64(t.id)})
}

// forgetBulk drops outgoing transfers that are over: delivered, or given up
// and the peer knows it.
func (c *Conn) forgetBulk() {
	if !c.bulkOut.stale {
		return
	}
	c.bulkOut.stale = false
	c.bulkOut.list = slices.DeleteFunc(c.bulkOut.list, func(t *bulkOut) bool {
		return t.told || (t.reset != nil && t.endAcked)
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
