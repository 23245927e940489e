package core

import (
	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// repairSender is the sending side of repair by parity: which blocks the peer
// was asked to keep, and the shares that wait to be sent.
type repairSender struct {
	loss    lossEstimate
	keeping bool // blocks that are sent now are to be kept

	kept      map[uint16]*ranges.Set // bytes that the peer was asked to keep
	ids       idSet                  // the transfers in kept
	keptBytes uint64
	arrived   busiest // of acknowledged bytes

	fresh     bool                   // something was sent for the first time since the last shares
	news      bool                   // and packets met their fate since it was seen whether shares pay
	covered   map[uint16]*ranges.Set // bytes that shares were made for
	missing   map[uint16]*ranges.Set // bytes that were overtaken, and are in no packet since
	groups    []outgoingGroup        // in the order of their sending, share by share
	stretches float64                // into which the bytes of a transfer are divided
	stretch   int                    // index into groups of the first of the stretch that is sent
	next      int                    // and of the one whose turn it is
	turned    bool                   // a group of the stretch had a share in this turn
	left      int                    // shares not sent yet
	copies    int                    // how often what has no shares is to be sent again
	endEach   int                    // after so many shares the ends are told again
	until     instant.Time           // when the peer's answer to the shares should be here
}

// outgoingGroup is a group of blocks with the shares of it that are not sent.
type outgoingGroup struct {
	frame  wire.Parity // of the next share
	shares [][]byte
	last   bool // of its stretch
}

const (
	// groupBlocks is how many blocks a group has at most: with as many shares
	// again it fills the field of the code.
	groupBlocks = 128
	// maxGroups is how many groups one stretch of blocks is spread over at
	// most: what the stride of a PARITY frame can say.
	maxGroups = 255
	// stretchGroups is how many groups of a long stretch of blocks are made and sent
	// before the next: a receiver has memory for twice as many unrepaired ones.
	stretchGroups = 64
	// maxKept bounds what is encoded at the end of a transfer.
	maxKept = 128 << 20
)

// onFates is told what became of packets.
func (r *repairSender) onFates(c *Conn) {
	r.loss.observe(&c.fates, c.confirmed, c.recovery.Overtaken(appSpace), c.fullGross())
	r.keeping, r.news = c.repairKeeps(), true
}

// keeps decides whether the peer is to keep a block: a new one while it pays, an
// old one if it belongs to what is kept.
func (r *repairSender) keeps(id uint16, start, end uint64, repeat bool) bool {
	if !repeat {
		return r.keeping
	}
	s := r.kept[id]
	return s != nil && s.ContainsRange(start, end)
}

// keep notes that a new block was sent which the peer is to keep.
func (c *Conn) keep(t *bulkOut, start, end uint64) {
	r := &c.repairOut
	s := r.kept[t.id]
	if s == nil {
		if r.kept == nil {
			r.kept = make(map[uint16]*ranges.Set)
		}
		s = new(ranges.Set)
		r.kept[t.id] = s
		r.ids.put(t.id, true)
	}
	r.keptBytes += s.Add(start, end)
	r.fresh, r.news = true, true
	r.trim(c.keepLimit())
}

// keepLimit is how many bytes the peer is relied upon to keep: it needs some of
// its memory for the shares, and for the pieces of pages that are not used.
func (c *Conn) keepLimit() uint64 {
	arrived := c.repairOut.arrived.note(c.now, c.recovery.MinRTT(), c.stats.DataBytesAcked)
	return keptOf(min(c.peer.RepairMemory, maxKept), arrived) / 8 * 5
}

// trim forgets the oldest kept bytes, as the peer does.
func (r *repairSender) trim(limit uint64) {
	for r.keptBytes > limit {
		id, some := r.ids.first()
		if !some {
			return
		}
		s := r.kept[id]
		oldest := (*s)[0]
		end := min(oldest.End, oldest.Start+r.keptBytes-limit)
		s.Remove(oldest.Start, end)
		r.keptBytes -= end - oldest.Start
		if len(*s) == 0 {
			delete(r.kept, id)
			r.ids.put(id, false)
		}
	}
}

// forget drops a transfer that is over.
func (r *repairSender) forget(id uint16) {
	if s := r.kept[id]; s != nil {
		r.keptBytes -= s.Size()
		delete(r.kept, id)
		delete(r.covered, id)
		r.ids.put(id, false)
	}
}

// reset forgets everything: the peer has thrown away what it had.
func (r *repairSender) reset() {
	*r = repairSender{loss: r.loss}
}

// repairPending reports whether shares wait to be sent. When everything was
// sent once, it makes them.
func (c *Conn) repairPending() bool {
	r := &c.repairOut
	if !c.repairPossible() {
		r.fresh, r.groups, r.left, r.copies = false, nil, 0, 0
	}
	if r.fresh && c.bulkOut.busy == 0 && r.loss.known && r.news {
		r.fresh, r.news = !c.makeShares(), false // what does not pay yet may, when more is known of the loss
	}
	if r.left == 0 && r.copies > 0 && c.bulkOut.busy == 0 {
		r.copies--
		c.bulkOut.open.all(func(id uint16) {
			t := c.bulkOut.get(id)
			c.repeatUncovered(t)
			c.repeatEnd(t)
		})
	}
	return r.left > 0
}

// nextShare returns the group whose next share is to be sent: each group of a
// stretch in turn, so that a burst of losses hits all alike. Nil means there is none. A path
// that carries blocks of another size since then gets no shares of the old one.
func (c *Conn) nextShare() *outgoingGroup {
	r := &c.repairOut
	for r.left > 0 {
		g := &r.groups[r.next]
		r.next++
		r.turned = r.turned || len(g.shares) > 0
		if g.last {
			if !r.turned {
				r.stretch = r.next
			}
			r.next, r.turned = r.stretch, false
		}
		if len(g.shares) == 0 {
			continue
		}
		t := c.bulkOut.get(g.frame.Transfer)
		if t == nil || t.reset != nil || len(g.shares[0]) != c.mtu.block() {
			r.left -= len(g.shares)
			g.shares = nil
			continue
		}
		return g
	}
	r.groups = nil
	return nil
}

// sharesFirst reports whether shares go before the lost block whose turn it is: they
// repair it, and any other in its place. There is then nothing new to send.
func (c *Conn) sharesFirst() bool {
	r := &c.repairOut
	if r.left == 0 || c.probes > 0 || !c.bulkOut.fresh.empty() {
		return false
	}
	id, some := c.bulkOut.lossy.first()
	if !some {
		return true
	}
	return c.covered(id).Contains(c.bulkOut.get(id).again[0].Start)
}

// transmitShares writes a train of PARITY packets: as long as DATA packets, and
// within the same pace and window. What is lost of them is not sent again.
func (c *Conn) transmitShares(buf []byte, maxSegments int) (n, segmentSize int) {
	keys, early := c.appKeys()
	if keys == nil || c.BulkPending() && !c.sharesFirst() {
		return 0, 0
	}
	if !c.repairPending() {
		return c.transmitData(buf, maxSegments) // which has the copies that are queued now
	}
	full := c.mtu.block() + wire.DataOverhead
	for range min(maxSegments, c.dataBudget(), c.earlyAnswers(), wire.LargestDatagram/full) {
		if len(buf)-n < max(full, wire.MaxDatagram) {
			break
		}
		g := c.nextShare()
		if g == nil {
			break
		}
		segmentSize = c.appendShare(buf[n:n:len(buf)], g, keys, early)
		n += segmentSize
	}
	if n > 0 {
		c.maybeUpdateKeys()
	}
	return n, segmentSize
}

// appendShare writes one PARITY packet and returns its length.
func (c *Conn) appendShare(b []byte, g *outgoingGroup, keys *seal.Keys, early bool) int {
	r := &c.repairOut
	pn := c.spaces[recovery.Application].next
	b, lengthAt := c.appendAppHeader(b, early, pn)
	body := len(b)
	g.frame.Share, g.shares = g.shares[0], g.shares[1:]
	b = g.frame.Append(b)
	g.frame.Index++
	r.left--
	if r.left%r.endEach == 0 {
		c.repeatEnd(c.bulkOut.get(g.frame.Transfer))
	}
	r.until = c.now.Add(c.recovery.SmoothedRTT() + 2*maxAckDelay)
	c.stats.ParityBytesSent += uint64(len(g.frame.Share))
	c.frames = c.frames[:0]
	c.tail.onSent(true)
	b = c.finish(b, 0, body, lengthAt, keys, packet{
		space: recovery.Application, number: pn, eliciting: true, inFlight: true, limited: r.left == 0,
	})
	return len(b)
}

// covered returns the bytes of a transfer for which shares are on their
// way, so that copies would be of no use.
func (c *Conn) covered(id uint16) ranges.Set {
	s := c.repairOut.covered[id]
	if s == nil || !c.repairCovers() {
		return nil
	}
	return *s
}

// repeatUncovered queues everything unacknowledged of a transfer again, but for
// what shares are on their way for.
func (c *Conn) repeatUncovered(t *bulkOut) {
	at := uint64(0)
	for _, run := range c.covered(t.id) {
		t.lost(at, run.Start)
		at = run.End
	}
	t.lost(at, t.next)
}

// repairCovers reports whether the answer to shares may still come.
func (c *Conn) repairCovers() bool {
	r := &c.repairOut
	return r.left > 0 || r.until.After(c.now)
}

// coveredBytes is how many unacknowledged bytes shares are on their way for.
func (c *Conn) coveredBytes() (n uint64) {
	c.repairOut.ids.all(func(id uint16) { n += c.unackedOf(id, c.covered(id)) })
	return n
}

// handleBulkHave takes a BULK_HAVE frame: the peer has bytes that no packet
// brought. The packets meet their own fate all the same, so congestion control
// hears of every loss.
func (c *Conn) handleBulkHave(f *wire.BulkHave) error {
	t := c.bulkOut.get(f.Transfer)
	if t == nil {
		if uint32(f.Transfer) >= c.bulkOut.nextID {
			return violation(wire.CodeStateError, "transfer %d was never opened", f.Transfer)
		}
		return nil
	}
	if t.reset != nil {
		return nil
	}
	before := t.ackedLen
	for _, r := range f.Ranges {
		if r.End > t.next {
			return violation(wire.CodeProtocolViolation, "transfer %d has bytes that were never sent", t.id)
		}
		t.ack(r.Start, r.End)
	}
	if len(f.Ranges) == 0 {
		if !t.allSent() {
			return violation(wire.CodeProtocolViolation, "transfer %d is complete and was never sent", t.id)
		}
		t.ack(0, t.size)
		t.endAcked, t.endSend = true, false
	}
	c.stats.DataBytesAcked += t.ackedLen - before
	c.checkDelivered(t)
	c.tail.onAck()
	return nil
}
