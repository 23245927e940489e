package core

import (
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/wire"
)

// bulkIn is one incoming transfer: which bytes have come, and which of them
// still occupy the receiver's memory (docs/protocol.md §9.2, §9.3).
type bulkIn struct {
	id       uint16
	received ranges.Set
	count    uint64 // bytes received, each counted once
	consumed uint64 // of these, no longer in memory

	size      uint64
	sizeKnown bool
	ended     bool    // EventBulkEnded was given
	reset     bool    // the peer gave it up
	repaired  bool    // the peer is to be told when nothing is missing any more
	stop      *uint64 // we want no more
}

// over reports that nothing of the transfer can come any more, and nothing of
// it is in memory. A transfer of which the sender skipped parts is never over:
// bytes that were on their way when it was told to skip them may still come, and
// must be counted.
func (t *bulkIn) over() bool {
	return (t.reset || t.sizeKnown && t.count == t.size) && t.consumed == t.count
}

// bulkReceiver is all incoming transfers of a connection.
type bulkReceiver struct {
	byID   map[uint16]*bulkIn
	recent *bulkIn // that get returned last: block after block belongs to the same
	closed idSet   // transfers that are over, of which this one bit is kept
	stops  idSet   // those with a STOP_BULK to send
	ranges int     // of all bulkIn.received together
	repair repairReceiver
	credit bulkCredit // of all transfers together: MAX_BULK_DATA
}

// maxBulkRanges bounds the pieces that incoming transfers may be in (§13): a
// piece may be a single byte and takes 16 to remember. At a window of 64 MiB
// and 30 % loss there are some 14,000.
const maxBulkRanges = 1 << 20

func newBulkReceiver(cfg *Config) bulkReceiver {
	return bulkReceiver{
		byID:   make(map[uint16]*bulkIn),
		credit: newBulkCredit(cfg.BulkWindow, cfg.MaxBulkWindow),
		repair: newRepairReceiver(uint64(max(cfg.RepairMemory, 0))),
	}
}

// get returns the transfer with that id, or nil.
func (b *bulkReceiver) get(id uint16) *bulkIn {
	if b.recent == nil || b.recent.id != id {
		b.recent = b.byID[id]
	}
	return b.recent
}

// incoming finds the transfer of a frame; the first frame opens it. It is nil
// for one that is over: the frame is a repeat.
func (c *Conn) incoming(id uint16) *bulkIn {
	if t := c.bulkIn.get(id); t != nil || c.bulkIn.closed.has(id) {
		return t
	}
	t := &bulkIn{id: id}
	c.bulkIn.byID[id] = t
	c.emit(Event{Kind: EventBulkOpened, ID: uint64(id)})
	return t
}

// handleData takes a DATA frame. A byte is handed out once, whatever comes how
// often.
func (c *Conn) handleData(f *wire.Data) error {
	end := f.Offset + uint64(len(f.Bytes))
	if end > wire.MaxVarint {
		return violation(wire.CodeFrameEncoding, "transfer %d beyond 2^62 bytes", f.Transfer)
	}
	t := c.incoming(f.Transfer)
	if t == nil {
		c.spaces[appSpace].received.OnUnheard()
		return nil
	}
	if t.sizeKnown && end > t.size {
		return violation(wire.CodeFinalSizeError, "transfer %d has bytes beyond its end", f.Transfer)
	}
	if t.reset {
		return nil
	}
	before := t.count
	if err := c.receiveBytes(t, f.Offset, f.Bytes); err != nil {
		return err
	}
	if t.count == before {
		c.spaces[appSpace].received.OnUnheard()
	}
	if !f.Keep {
		return nil
	}
	return c.keepBlock(t, f)
}

// receiveBytes takes what is new in bytes of a transfer, from an offset on.
func (c *Conn) receiveBytes(t *bulkIn, offset uint64, p []byte) error {
	end := offset + uint64(len(p))
	for len(p) > 0 {
		from, to := t.received.FirstGap(offset, end)
		if from >= end {
			return nil
		}
		run := p[from-offset : to-offset]
		if err := c.receiveRun(t, from, run); err != nil {
			return err
		}
		offset, p = to, p[to-offset:]
	}
	return nil
}

// receiveRun accounts for bytes that came for the first time.
func (c *Conn) receiveRun(t *bulkIn, offset uint64, run []byte) error {
	n := uint64(len(run))
	if !c.bulkIn.credit.arrive(c.now, c.recovery.RecentMinRTT(), n) {
		return violation(wire.CodeFlowControl, "transfer %d beyond the credit", t.id)
	}
	c.bulkIn.repair.allow(c.now, c.recovery.MinRTT(), c.bulkIn.credit.received)
	pieces := len(t.received)
	t.received.Add(offset, offset+n)
	if c.bulkIn.ranges += len(t.received) - pieces; c.bulkIn.ranges > maxBulkRanges {
		return violation(wire.CodeLimitExceeded, "transfers in more than %d pieces", maxBulkRanges)
	}
	t.count += n
	c.stats.DataBytesReceived += n
	if t.repaired && t.count == t.size {
		c.bulkIn.repair.tell(t.id)
	}
	if t.stop != nil {
		c.freeBulk(t, n)
		return nil
	}
	c.blocks = append(c.blocks, Block{Transfer: t.id, Offset: offset, Bytes: run})
	return nil
}

// freeBulk counts n received bytes as no longer in memory.
func (c *Conn) freeBulk(t *bulkIn, n uint64) {
	t.consumed += n
	c.bulkIn.credit.consume(c.now, c.creditRTT(), n)
	c.closeBulk(t)
}

// closeBulk forgets the transfer if it is over.
func (c *Conn) closeBulk(t *bulkIn) {
	if t.over() {
		c.bulkIn.forget(t)
	}
}

func (b *bulkReceiver) forget(t *bulkIn) {
	b.ranges -= len(t.received)
	delete(b.byID, t.id)
	b.recent = nil
	b.closed.put(t.id, true)
	b.stops.put(t.id, false)
	b.repair.forget(t.id)
}

// ConsumeBulk says that the received bytes [start, end) no longer occupy
// memory. Each byte must be given back once.
func (c *Conn) ConsumeBulk(id uint16, start, end uint64) {
	t := c.bulkIn.get(id)
	if t == nil || start >= end {
		return // a transfer that was forgotten has given everything back
	}
	c.freeBulk(t, min(end-start, t.count-t.consumed))
}

// BulkCreditDue reports that the peer is to be told of the credit that ConsumeBulk
// has given back.
func (c *Conn) BulkCreditDue() bool { return c.bulkIn.credit.pending }

// StopBulk says that nothing more of the transfer is wanted. What is on its
// way is dropped; what the application holds it still gives back.
func (c *Conn) StopBulk(id uint16, code uint64) {
	t := c.bulkIn.get(id)
	if t != nil && t.stop == nil && !t.reset {
		t.stop = &code
		c.bulkIn.stops.put(id, true)
	}
}

// handleBulkEnd takes a BULK_END frame.
func (c *Conn) handleBulkEnd(f *wire.BulkEnd) error {
	t := c.incoming(f.Transfer)
	if t == nil {
		return nil
	}
	highest, some := t.received.Max()
	if (t.sizeKnown && t.size != f.Size) || (some && highest >= f.Size) {
		return violation(wire.CodeFinalSizeError, "transfer %d has two lengths", f.Transfer)
	}
	t.size, t.sizeKnown = f.Size, true
	if !t.ended && !t.reset {
		t.ended = true
		c.emit(Event{Kind: EventBulkEnded, ID: uint64(t.id), Size: f.Size})
	}
	if err := c.repairOpen(t); err != nil {
		return err
	}
	c.closeBulk(t)
	return nil
}

// handleResetBulk takes a RESET_BULK frame. Bytes that were sent and never
// came are given back to the credit, so both sides count alike.
func (c *Conn) handleResetBulk(f *wire.ResetBulk) error {
	t := c.incoming(f.Transfer)
	if t == nil || t.reset {
		return nil
	}
	if f.Sent < t.count {
		return violation(wire.CodeFinalSizeError, "transfer %d was reset below what had come", f.Transfer)
	}
	missing := f.Sent - t.count
	if !c.bulkIn.credit.use(missing) {
		return violation(wire.CodeFlowControl, "transfer %d reset beyond the credit", f.Transfer)
	}
	t.reset = true
	t.count += missing
	c.emit(Event{Kind: EventBulkReset, ID: uint64(t.id), Code: f.Code})
	c.freeBulk(t, missing)
	return nil
}

// pending reports whether a frame about incoming transfers must go out.
func (b *bulkReceiver) pending() bool {
	return b.credit.pending || !b.stops.empty() || !b.repair.haves.empty()
}
