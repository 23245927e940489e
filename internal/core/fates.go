package core

import (
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// applyFates acts upon what became of packets: what was acknowledged is done
// with, the information of what was lost is queued again, and the congestion
// controller hears of both (docs/protocol.md §7.4).
func (c *Conn) applyFates() {
	f := &c.fates
	if f.Sample.SocketDrops > 0 {
		c.excuseLosses()
	}
	for i := range f.Acked {
		run := &f.Acked[i]
		c.packetsAcked(run)
		if run.Size > wire.MaxDatagram {
			c.longAcked(run.Last(), run.Size)
		}
	}
	for _, p := range f.Lost {
		if p.Size > wire.MaxDatagram && c.longLost(p.Number, p.Size, p.InFlight) {
			continue
		}
		c.stats.PacketsLost++
		c.packetLost(p)
	}
	for _, p := range f.Spurious {
		if p.Size > wire.MaxDatagram {
			c.longAcked(p.Number, p.Size)
			if !p.InFlight {
				continue // a probe, whose loss was not counted
			}
		}
		if c.stats.PacketsLost > 0 { // what was queued again for other reasons was not counted
			c.stats.PacketsLost--
		}
		c.stats.PacketsSpurious++
		c.controller.OnSpuriousLoss(c.now, p.Size+c.overhead())
		if p.Kind == recovery.Data {
			c.packetsAcked(&recovery.Run{Packet: p, Count: 1})
		}
	}
	if len(f.Acked)+len(f.Lost)+len(f.Spurious) == 0 {
		return
	}
	c.controller.OnAck(c.now, f.Sample)
	c.repairOut.onFates(c)
	c.updatePacing()
	c.traceFates(f)
	c.breaker.delivered(f.Sample.AckedBytes)
	c.tail.onAck()
	c.renewToken()
}

// packetsAcked: the peer has what the packets said.
func (c *Conn) packetsAcked(p *recovery.Run) {
	if p.Kind == recovery.Data {
		if t := c.bulkOut.get(p.Transfer); t != nil {
			before := t.ackedLen
			t.ack(p.Offset, p.Offset+p.FileBytes())
			c.stats.DataBytesAcked += t.ackedLen - before
			c.checkDelivered(t)
		}
		return
	}
	for _, f := range c.logs.get(p.Log) {
		c.frameAcked(f)
	}
	c.logs.release(p.Log)
}

// packetLost: what the packet said must be said again, unless it no longer
// matters.
func (c *Conn) packetLost(p recovery.Packet) {
	if p.Kind == recovery.Data {
		if t := c.bulkOut.get(p.Transfer); t != nil {
			t.lost(p.Offset, p.Offset+uint64(p.Length))
			c.bulkOut.update(t)
		}
		return
	}
	for _, f := range c.logs.get(p.Log) {
		c.frameLost(f)
	}
	// Should the packet turn out to have been late only, its frames go out
	// once more all the same: they are few, and forgetting them here bounds
	// the memory.
	c.logs.release(p.Log)
}

// requeueAll treats everything in flight in a space as lost, without blaming
// the path: the peer cannot have kept it.
func (c *Conn) requeueAll(sp recovery.Space) {
	var fates recovery.Fates
	c.recovery.RequeueAll(c.now, sp, &fates)
	for _, p := range fates.Lost {
		c.packetLost(p)
	}
}

func (c *Conn) frameAcked(f sentFrame) {
	switch f.kind {
	case sentAck:
		c.spaces[f.id].received.OnAckOfAck(f.end)
	case sentCrypto:
		c.spaces[f.id].out.ack(f.start, f.end)
	case sentStream, sentStreamFin:
		c.streamAcked(f)
	case sentResetStream:
		if s := c.streams.get(f.id); s != nil {
			s.finAcked = true
			c.retireStream(s)
		}
	case sentHandshakeDone:
		c.doneAcked = true
	case sentBulkHave:
		c.bulkIn.repair.haveAcked(uint16(f.id), f.start)
	case sentBulkEnd:
		if t := c.bulkOut.get(uint16(f.id)); t != nil {
			t.endAcked = true
			c.checkDelivered(t)
		}
	case sentResetBulk:
		if t := c.bulkOut.get(uint16(f.id)); t != nil {
			c.bulkOut.forget(t)
		}
	}
}

func (c *Conn) streamAcked(f sentFrame) {
	s := c.streams.get(f.id)
	if s == nil || s.reset != nil {
		return
	}
	s.out.ack(f.start, f.end)
	if f.kind == sentStreamFin {
		s.finAcked = true
	}
	if s.wantWrite && s.room() >= streamBuffer/4 {
		s.wantWrite = false
		c.emit(Event{Kind: EventStreamWritable, ID: s.id})
	}
	c.retireStream(s)
}

func (c *Conn) frameLost(f sentFrame) {
	switch f.kind {
	case sentCrypto:
		c.spaces[f.id].out.lost(f.start, f.end)
	case sentHandshakeDone:
		c.pending.handshakeDone = !c.doneAcked
	case sentNewToken:
		c.pending.sendToken = true
	case sentMaxData:
		c.streams.credit.pending = true
	case sentMaxStreams:
		c.streams.sendMax = true
	case sentMaxBulkData:
		c.bulkIn.credit.pending = true
	case sentBulkHave:
		c.bulkIn.repair.haveLost(uint16(f.id))
	case sentBulkEnd:
		if t := c.bulkOut.get(uint16(f.id)); t != nil && !t.endAcked && t.reset == nil {
			t.endSend = true
			c.bulkOut.update(t)
		}
	case sentResetBulk:
		if t := c.bulkOut.get(uint16(f.id)); t != nil {
			t.resetOut = true
			c.bulkOut.update(t)
		}
	case sentStopBulk:
		if t := c.bulkIn.byID[uint16(f.id)]; t != nil && !t.reset {
			c.bulkIn.stops.put(t.id, true)
		}
	default:
		c.streamFrameLost(f)
	}
}

func (c *Conn) streamFrameLost(f sentFrame) {
	s := c.streams.get(f.id)
	if s == nil {
		return
	}
	switch f.kind {
	case sentStream, sentStreamFin:
		if s.reset != nil {
			return
		}
		s.out.lost(f.start, f.end)
		if f.kind == sentStreamFin && !s.finAcked {
			s.finPending = true
		}
	case sentResetStream:
		s.resetSend = !s.finAcked
	case sentStopSending:
		s.stopSend = !s.over && !s.sizeKnown
	case sentMaxStreamData:
		s.window.pending = !s.sizeKnown
	}
	c.streams.wake(s)
}
