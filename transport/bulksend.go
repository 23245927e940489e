package transport

import (
	"context"
	"slices"
	"sort"
)

const (
	// residentBytes is what the transfers of a connection may keep in memory
	// besides one and a half times what lies between the oldest byte on the way
	// and the newest of each, in bytes. So neither a slow start nor a long path waits for the
	// source of the bytes. More has shown no gain.
	residentBytes = 2 << 20
	// roomStep is how much room there is when whoever waits for it is woken, so
	// that a source faster than the path is not woken for each slab. It is less
	// than what is in memory and still to be sent by then.
	roomStep = residentBytes / 4
	// residentCap bounds both together, where twice the congestion window is
	// not more; a window counts up to maxCountedWindow.
	residentCap      = 64 << 20
	maxCountedWindow = 512 << 20
)

// A BulkSender is the sending end of a transfer: bytes at offsets, which the
// other side gets in whatever order they arrive. Buffer, Send and Skip are for
// one goroutine at a time.
type BulkSender struct {
	conn      *Conn
	id        uint16
	delivered chan struct{}

	// Guarded by conn.mu.
	slabs    []sendSlab // in memory, by ascending offset
	hint     int        // index of the slab that was asked for last
	offset   int64      // of the next Send
	resident int64      // bytes of the slabs, and of those that Buffer gave out
	room     signal
	ended    bool
	err      error // why nothing more can be sent
	sent     int64 // final values, once the core has forgotten the transfer
	acked    int64
}

// A sendSlab is bytes of a transfer that may have to be sent (again). Its data
// is nil when they need not, and slabs before it in the list do.
type sendSlab struct {
	offset int64
	length int64
	data   []byte
}

// ID returns the number of the transfer, the same on both sides.
func (b *BulkSender) ID() uint16 { return b.id }

// Buffer returns a slab of SlabSize bytes to be filled and sent. It waits while
// too much of the transfer is in memory already.
func (b *BulkSender) Buffer(ctx context.Context) ([]byte, error) {
	c := b.conn
	for {
		c.mu.Lock()
		if err := b.failure(); err != nil {
			c.mu.Unlock()
			return nil, err
		}
		// A transfer with nothing in memory gets a slab in any case: no other
		// can hold it up for ever.
		if b.resident == 0 || c.resident+SlabSize <= c.sendBudget() {
			b.resident += SlabSize
			c.resident += SlabSize
			c.mu.Unlock()
			return takeSlab()[:], nil
		}
		room := b.room.wait()
		c.mu.Unlock()
		if err := c.await(ctx, room); err != nil {
			return nil, err
		}
	}
}

// sendBudget is how much of all transfers to the peer may be in memory. c.mu is
// held.
func (c *Conn) sendBudget() int64 {
	budget := int64(residentBytes)
	for id := range c.senders {
		sent := c.core.BulkSent(id)
		spread := int64(sent.Highest - min(sent.LowestUnacked, sent.Highest))
		budget += spread + spread/2
	}
	window := int64(min(c.core.ControllerState().Window, maxCountedWindow))
	return min(budget, max(residentCap, 2*window))
}

// failure returns why nothing more can be sent, or nil. conn.mu is held.
func (b *BulkSender) failure() error {
	switch {
	case b.err != nil:
		return b.err
	case b.conn.err != nil:
		return b.conn.err
	case b.ended:
		return ErrClosed
	}
	return nil
}

// Release gives a buffer back that will not be sent.
func (b *BulkSender) Release(buf []byte) {
	b.conn.mu.Lock()
	defer b.conn.mu.Unlock()
	b.free(buf)
	b.room.wake()
	b.conn.wakeOwner() // for other transfers that wait
}

// free takes a buffer out of the transfer's memory. conn.mu is held.
func (b *BulkSender) free(buf []byte) {
	giveSlabSlice(buf)
	b.resident -= SlabSize
	b.conn.resident -= SlabSize
}

// Send sends the bytes of buf, a buffer from Buffer cut to what is in it, at
// the end of what was sent and skipped so far. The buffer belongs to the
// transfer from then on, whether there is an error or not. Every buffer but
// the last should be full: slabs arrive as SlabSize bytes at multiples of
// SlabSize.
func (b *BulkSender) Send(buf []byte) error {
	c := b.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := b.failure(); err != nil || len(buf) == 0 {
		b.free(buf)
		b.room.wake()
		return err
	}
	b.slabs = append(b.slabs, sendSlab{offset: b.offset, length: int64(len(buf)), data: buf})
	b.offset += int64(len(buf))
	busy := c.core.BulkPending()
	c.core.ExtendBulk(b.id, uint64(b.offset))
	if !busy {
		c.wakeOwner()
	}
	return nil
}

// Skip leaves the next n bytes out: the other side has them.
func (b *BulkSender) Skip(n int64) {
	c := b.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if n <= 0 || b.failure() != nil {
		return
	}
	c.core.SkipBulk(b.id, uint64(b.offset), uint64(b.offset+n))
	b.offset += n
	c.core.ExtendBulk(b.id, uint64(b.offset))
	c.wakeOwner()
}

// Finish says that the transfer ends after what was sent and skipped so far.
func (b *BulkSender) Finish() error {
	c := b.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := b.failure(); err != nil {
		return err
	}
	b.ended = true
	c.core.EndBulk(b.id, uint64(b.offset))
	c.wakeOwner()
	return nil
}

// Reset gives the transfer up. The other side is told the code.
func (b *BulkSender) Reset(code uint64) {
	c := b.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.err != nil || c.err != nil || isDone(b.delivered) {
		return
	}
	c.core.ResetBulk(b.id, code)
	b.breakOff(&StreamError{Bulk: true, ID: uint64(b.id), Code: code})
	c.wakeOwner()
}

// Progress returns how many bytes of the transfer have been sent, and how many
// the other side has acknowledged, skipped ones included in both.
func (b *BulkSender) Progress() (sent, acked int64) {
	b.conn.mu.Lock()
	defer b.conn.mu.Unlock()
	if b.err == nil && !isDone(b.delivered) {
		b.noteProgress()
	}
	return b.sent, b.acked
}

// noteProgress takes over what the core knows. conn.mu is held.
func (b *BulkSender) noteProgress() {
	progress := b.conn.core.BulkSent(b.id)
	b.sent = max(b.sent, int64(progress.Highest))
	b.acked = max(b.acked, int64(progress.Acked))
}

// Delivered returns a channel that is closed when the other side has
// acknowledged every byte and the end.
func (b *BulkSender) Delivered() <-chan struct{} { return b.delivered }

// Stopped reports whether the other side wants no more of the transfer, and
// the code that it gave.
func (b *BulkSender) Stopped() (code uint64, stopped bool) {
	b.conn.mu.Lock()
	defer b.conn.mu.Unlock()
	broken, ok := b.err.(*StreamError)
	if !ok || !broken.Remote {
		return 0, false
	}
	return broken.Code, true
}

// Err returns why nothing more can be sent: a *StreamError where one side has
// broken the transfer off, or what ended the connection. It is nil for a
// transfer that goes on, is finished or was delivered.
func (b *BulkSender) Err() error {
	b.conn.mu.Lock()
	defer b.conn.mu.Unlock()
	if b.err == nil && !isDone(b.delivered) {
		return b.conn.err
	}
	return b.err
}

// deliver ends a transfer of which everything has arrived. conn.mu is held.
func (b *BulkSender) deliver() {
	b.sent, b.acked = b.offset, b.offset
	b.forget()
	close(b.delivered)
}

// breakOff ends a transfer that goes no further. conn.mu is held.
func (b *BulkSender) breakOff(err error) {
	if b.err != nil {
		return
	}
	b.noteProgress()
	b.err = err
	b.forget()
}

// forget frees the memory of a transfer that is over. conn.mu is held.
func (b *BulkSender) forget() {
	for i := range b.slabs {
		b.freeSlab(&b.slabs[i])
	}
	b.slabs = nil
	delete(b.conn.senders, b.id)
	if b.conn.source == b {
		b.conn.source = nil
	}
	b.room.wake()
	b.conn.wakeOwner() // for other transfers that wait
}

func (b *BulkSender) freeSlab(s *sendSlab) {
	if s.data != nil {
		b.free(s.data)
		s.data = nil
	}
}

// freeAcknowledged frees the slabs that need not be sent again, of all
// transfers. c.mu is held.
func (c *Conn) freeAcknowledged() {
	waiting := false
	for _, b := range c.senders {
		b.freeAcknowledged()
		waiting = waiting || b.room.waiters != nil
	}
	if !waiting {
		return
	}
	// There is room as well when more is on the way than before.
	room := c.resident+roomStep <= c.sendBudget()
	for _, b := range c.senders {
		if room || b.resident == 0 {
			b.room.wake()
		}
	}
}

// freeAcknowledged frees the slabs up to the lowest unacknowledged byte, and
// where somebody waits for room, also those above it.
func (b *BulkSender) freeAcknowledged() {
	if len(b.slabs) == 0 && b.room.waiters == nil {
		return
	}
	lowest := int64(b.conn.core.BulkSent(b.id).LowestUnacked)
	passed := 0
	for passed < len(b.slabs) && (b.slabs[passed].data == nil || b.slabs[passed].offset+b.slabs[passed].length <= lowest) {
		b.freeSlab(&b.slabs[passed])
		passed++
	}
	b.slabs = slices.Delete(b.slabs, 0, passed)
	b.hint = max(0, b.hint-passed)
	if b.room.waiters == nil {
		return
	}
	for i := range b.slabs {
		s := &b.slabs[i]
		if s.data != nil && b.conn.core.BulkAcked(b.id, uint64(s.offset), uint64(s.offset+s.length)) {
			b.freeSlab(s)
		}
	}
}

// Resident implements the core's source of file bytes. The core calls it inside
// Transmit, so c.mu is held.
func (c *Conn) Resident(transfer uint16, offset uint64, limit int) []byte {
	b := c.source
	if b == nil || b.id != transfer {
		if b = c.senders[transfer]; b == nil {
			return nil
		}
		c.source = b
	}
	data := b.at(int64(offset))
	return data[:min(limit, len(data))]
}

// at returns the bytes in memory from an offset on, to the end of their slab.
func (b *BulkSender) at(offset int64) []byte {
	contains := func(i int) bool {
		return i < len(b.slabs) && b.slabs[i].offset <= offset && offset < b.slabs[i].offset+b.slabs[i].length
	}
	i := b.hint
	if !contains(i) {
		if i++; !contains(i) {
			i = sort.Search(len(b.slabs), func(i int) bool { return b.slabs[i].offset+b.slabs[i].length > offset })
		}
	}
	if !contains(i) {
		return nil
	}
	b.hint = i
	s := &b.slabs[i]
	if s.data == nil {
		return nil
	}
	return s.data[offset-s.offset:]
}
