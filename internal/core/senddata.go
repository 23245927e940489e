package core

import (
	"math"

	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// A dataTrain is a train of DATA packets that is being written. What its packets
// have in common is found out once, and what they come to is accounted for once.
type dataTrain struct {
	buf   []byte
	n     int // bytes written
	room  int // packets that may still be added
	full  int // size of a packet with a whole block
	size  int // of the first packet, which no other may exceed; 0: there is none
	keys  *seal.Keys
	early bool

	packets int
	gross   int // bytes, with the headers below us

	// The last answer of the source: bytes of a transfer from an offset on.
	transfer uint16
	offset   uint64
	resident []byte
}

// transmitData writes a train of DATA packets of equal size; the last may be
// shorter (docs/protocol.md §3.2, §9.2).
func (c *Conn) transmitData(buf []byte, maxSegments int) (n, segmentSize int) {
	keys, early := c.appKeys()
	if keys == nil || !c.BulkPending() {
		return 0, 0
	}
	first := c.stats.DataBytesSent == 0 && c.cfg.FixedRate == 0 && !c.cfg.Background
	if c.controller.Train() || first {
		c.pacer.Grant(initialBurst) // its dispersion tells the capacity of the path (§8.2)
	}
	full := c.blockSize() + wire.DataOverhead
	d := dataTrain{
		buf: buf, full: full, keys: keys, early: early,
		room: min(maxSegments, c.dataBudget(), c.earlyAnswers(), wire.LargestDatagram/full),
	}
	for d.room > 0 {
		t := c.bulkOut.next()
		if t == nil || !c.appendBlocks(&d, t) {
			break
		}
	}
	if d.n > 0 {
		c.left(d.packets, d.gross, true, true)
		c.maybeUpdateKeys()
	}
	return d.n, d.size
}

// dataBudget is how many full datagrams pacing and window allow now.
func (c *Conn) dataBudget() int {
	if c.carrierPaces() {
		return math.MaxInt
	}
	if c.probes > 0 {
		return c.probes
	}
	gross := c.fullGross()
	quantum := c.pacer.Quantum()
	window := c.windowLeft() / gross
	if window < 1 || c.unanswered() {
		return 0
	}
	paced := c.pacer.Budget(c.now) / gross
	if paced < 1 {
		c.pacedUntil = c.pacer.Next(c.now, min(quantum, window)*gross)
		return 0
	}
	return min(quantum, window, paced)
}

// appendBlocks adds blocks of the transfer whose turn it is, until it has no more
// of the kind, lost or new, that made it its turn, or it is another one's. It
// returns false where the train is at its end: a short datagram can only be the
// last one. Sets and totals of the transfers are brought up to date here, at its
// only end, and not for every block.
func (c *Conn) appendBlocks(d *dataTrain, t *bulkOut) (open bool) {
	open, more := true, true
	for open && more {
		if d.room == 0 || len(d.buf)-d.n < max(d.full, wire.MaxDatagram) {
			open = false
			break
		}
		open, more = c.appendBlock(d, t)
	}
	c.bulkOut.update(t)
	return open
}

// appendBlock adds one DATA packet with the transfer's next block. It reports
// whether the train may go on, and whether the transfer has more blocks like
// this. It is for appendBlocks alone, which accounts for what it changes.
func (c *Conn) appendBlock(d *dataTrain, t *bulkOut) (open, more bool) {
	offset, n, repeat := t.block(c.bulkOut.credit.left(), uint64(c.blockSize()))
	pn := c.spaces[appSpace].next
	b, lengthAt := c.appendAppHeader(d.buf[d.n:d.n:len(d.buf)], d.early, pn)
	body := len(b)
	if d.size > 0 && body+wire.DataHeader+n+wire.TagLen > d.size {
		return false, false
	}
	keep := c.repairOut.keeps(t.id, offset, offset+uint64(n), repeat)
	b = wire.Data{Transfer: t.id, Offset: offset, Keep: keep}.Append(b)
	b, n = c.appendResident(b, d, t.id, offset, n)
	if n == 0 {
		t.starved = true
		return true, false // another transfer may have something
	}
	t.took(offset, n, repeat)
	c.stats.DataBytesSent += uint64(n)
	if repeat {
		c.stats.DataBytesRepeated += uint64(n)
		more = len(t.again) > 0
	} else {
		c.bulkOut.sentNew(t, n)
		if keep {
			c.keep(t, offset, offset+uint64(n))
		}
		more = t.newBytes() > 0 && c.bulkOut.credit.left() > 0 && (c.bulkOut.begun == t || c.bulkOut.next() == t)
	}
	c.tail.onSent(repeat)
	b = c.seal(b, 0, body, lengthAt, d.keys, &packet{
		space: appSpace, number: pn, eliciting: true, inFlight: true,
		data: true, transfer: t.id, offset: offset, length: n, limited: !more && !c.pendingAfter(t),
	})
	d.added(len(b), c.overhead())
	open = len(b) >= d.full && len(b) == d.size // 0-RTT packets have a longer header
	return open, more
}

// pendingAfter is BulkPending while blocks of t are added, of which the sets do
// not know yet.
func (c *Conn) pendingAfter(t *bulkOut) bool {
	c.bulkOut.update(t)
	return c.BulkPending()
}

// added counts a packet of size bytes that was written.
func (d *dataTrain) added(size, overhead int) {
	if d.size == 0 {
		d.size = size
	}
	d.n += size
	d.packets++
	d.room--
	d.gross += size + overhead
}

// appendResident appends up to n bytes of a transfer, those that are in memory,
// and returns how many. The source is asked for a whole train's worth at once.
func (c *Conn) appendResident(b []byte, d *dataTrain, transfer uint16, offset uint64, n int) ([]byte, int) {
	copied := 0
	for copied < n {
		from := offset + uint64(copied)
		at := from - d.offset
		if transfer != d.transfer || at >= uint64(len(d.resident)) {
			d.transfer, d.offset, at = transfer, from, 0
			d.resident = c.cfg.Source.Resident(transfer, from, n-copied+(d.room-1)*c.blockSize())
			if len(d.resident) == 0 {
				break
			}
		}
		piece := d.resident[at:min(at+uint64(n-copied), uint64(len(d.resident)))]
		b = append(b, piece...)
		copied += len(piece)
	}
	return b, copied
}
