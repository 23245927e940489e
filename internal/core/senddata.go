package core

import (
	"math"

	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// bulkPending reports whether a block could be sent, were it not for pacing
// and the window.
func (c *Conn) bulkPending() bool { return c.bulkOut.next() != nil }

// transmitData writes a train of DATA packets of equal size; the last may be
// shorter (docs/protocol.md §3.2, §9.2).
func (c *Conn) transmitData(buf []byte, maxSegments int) (n, segmentSize int) {
	keys, early := c.appKeys()
	if keys == nil || !c.bulkPending() {
		return 0, 0
	}
	if c.stats.DataBytesSent == 0 && c.cfg.FixedRate == 0 && !c.cfg.Background {
		c.pacer.Grant(initialBurst) // its dispersion tells the capacity of the path (§8.2)
	}
	full := c.blockSize() + wire.DataOverhead
	segments := min(maxSegments, c.dataBudget(), c.earlyAnswers(), wire.LargestDatagram/full)
	for range segments {
		t := c.bulkOut.next()
		if t == nil {
			break
		}
		if len(buf)-n < max(full, wire.MaxDatagram) {
			break
		}
		size, fits := c.appendData(buf[n:n:len(buf)], t, keys, early, segmentSize)
		if !fits {
			break
		}
		if size == 0 {
			continue // the source had nothing in memory: another transfer may have
		}
		n += size
		if segmentSize == 0 {
			segmentSize = size
		}
		if size < segmentSize || size < full {
			break // a short datagram can only be the last of a train
		}
	}
	if n > 0 {
		c.maybeUpdateKeys()
	}
	return n, segmentSize
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

// appendData writes one DATA packet with the transfer's next block to b. It
// returns 0, true where the source has the bytes not in memory, and 0, false
// where the packet would be longer than the train's segments.
func (c *Conn) appendData(b []byte, t *bulkOut, keys *seal.Keys, early bool, segmentSize int) (int, bool) {
	offset, n, repeat := t.block(c.bulkOut.credit.left(), uint64(c.blockSize()))
	pn := c.spaces[recovery.Application].next
	b, lengthAt := c.appendAppHeader(b, early, pn)
	body := len(b)
	if segmentSize > 0 && body+wire.DataHeader+n+wire.TagLen > segmentSize {
		return 0, false
	}
	keep := c.repairOut.keeps(t.id, offset, offset+uint64(n), repeat)
	b = wire.Data{Transfer: t.id, Offset: offset, Keep: keep}.Append(b)
	start := len(b)
	got, resident := c.cfg.Source.Block(t.id, offset, b[start:start+n])
	if !resident || got <= 0 {
		t.starved = true
		c.bulkOut.update(t)
		return 0, true
	}
	n = min(got, n)
	b = b[:start+n]
	t.took(offset, n, repeat)
	c.stats.DataBytesSent += uint64(n)
	if repeat {
		c.stats.DataBytesRepeated += uint64(n)
	} else {
		c.bulkOut.credit.used += uint64(n)
		if keep {
			c.keep(t, offset, offset+uint64(n))
		}
	}
	c.bulkOut.update(t)
	c.tail.onSent(repeat)
	b = c.finish(b, 0, body, lengthAt, keys, packet{
		space: recovery.Application, number: pn, eliciting: true, inFlight: true,
		data: true, transfer: t.id, offset: offset, length: n, limited: !c.bulkPending(),
	})
	return len(b), true
}
