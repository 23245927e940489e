package core

import (
	"time"

	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// maxControlFrame bounds the control frames that have no data: type, two ids
// or limits.
const maxControlFrame = 1 + 8 + 8 + 8

// streamFrameHeader bounds the type, id, offset and length of a STREAM frame.
const streamFrameHeader = 1 + 8 + 8 + 2

// singleByteFrames is room kept free for the frames without fields that go in
// whatever else fills the packet: IMMEDIATE_ACK and PING.
const singleByteFrames = 2

// transmitControl writes one Application packet with whatever is not file
// data: acknowledgements, limits, streams.
func (c *Conn) transmitControl(b []byte) int {
	keys, early := c.appKeys()
	if keys == nil {
		return 0
	}
	s := &c.spaces[recovery.Application]
	ackDue := !early && s.received.AckNow(c.now)
	if ackDue {
		c.repeatDone()
		c.bulkIn.repair.tellAgain()
	}
	content := c.controlPending(early)
	if content && !c.mayElicit(wire.MaxDatagram) {
		content = false
	}
	if !ackDue && !content {
		return 0
	}
	s.received.SetRTT(c.recovery.SmoothedRTT())
	pn := s.next
	b, lengthAt := c.appendAppHeader(b, early, pn)
	body := len(b)
	limit := wire.MaxDatagram - wire.TagLen - singleByteFrames
	c.frames = c.frames[:0]
	if !early && (ackDue || !s.received.Deadline().After(c.now.Add(maxAckDelay))) {
		room := limit - len(b)
		if content {
			room /= 2
		}
		b = c.appendAck(b, recovery.Application, room)
	}
	eliciting := false
	if content {
		before := len(b)
		b = c.appendControlFrames(b, limit, early)
		eliciting = len(b) > before
	} else if c.ackWantsPing() {
		b = wire.FramePing.Append(b)
		eliciting = true
	}
	if len(b) == body {
		return 0
	}
	c.unasked++
	if eliciting {
		c.pingAt, c.unasked = c.now, 0
	}
	b = c.finish(b, 0, body, lengthAt, keys, packet{
		space: recovery.Application, number: pn, eliciting: eliciting, inFlight: eliciting,
		limited: !c.BulkPending(),
	})
	c.maybeUpdateKeys()
	return len(b)
}

// repeatDone has HANDSHAKE_DONE ride along with an acknowledgement (§6.3).
func (c *Conn) repeatDone() {
	if c.role == Server && c.confirmed && !c.doneAcked && c.doneRepeats < repeatedDone {
		c.doneRepeats++
		c.pending.handshakeDone = true
	}
}

// maxUnasked is how many acknowledgement-only packets leave in a row before one
// asks for an acknowledgement, so that recovery can forget them.
const maxUnasked = 64

// ackWantsPing reports whether an acknowledgement-only packet should ask for
// an acknowledgement itself: about once a round trip where there are gaps, so
// that the history it repeats can be forgotten (§7.2), and now and then in any
// case.
func (c *Conn) ackWantsPing() bool {
	if !c.confirmed || c.windowLeft() < wire.MaxDatagram+c.overhead() {
		return false
	}
	if c.unasked >= maxUnasked {
		return true
	}
	if c.spaces[recovery.Application].received.RangeCount() < 8 {
		return false
	}
	return c.now.Sub(c.pingAt) >= max(c.recovery.SmoothedRTT(), 10*time.Millisecond)
}

// controlPending reports whether there is a control or stream frame to send.
func (c *Conn) controlPending(early bool) bool {
	p := &c.pending
	if crypto := &c.spaces[recovery.Application].out; !early && crypto.pending(crypto.end()) {
		return true
	}
	if p.ping || p.immediateAck || c.streams.pending() || c.bulkIn.pending() {
		return true
	}
	if !early && (p.handshakeDone || p.sendToken) {
		return true
	}
	return !c.bulkOut.control.empty()
}

// appendControlFrames writes control frames until b is limit bytes long.
func (c *Conn) appendControlFrames(b []byte, limit int, early bool) []byte {
	p := &c.pending
	if p.handshakeDone && !early {
		b = wire.FrameHandshakeDone.Append(b)
		c.note(sentHandshakeDone, 0)
		p.handshakeDone = false
	}
	if f := (wire.NewToken{Token: p.newToken}); p.sendToken && !early && f.Len() <= limit-len(b) {
		b = f.Append(b)
		c.note(sentNewToken, 0)
		p.sendToken = false
	}
	if !early {
		b = c.appendCrypto(b, recovery.Application, limit)
	}
	if p.immediateAck {
		b = wire.FrameImmediateAck.Append(b)
		p.immediateAck = false
	}
	b = c.appendLimits(b, limit)
	b = c.appendBulkFrames(b, limit)
	b = c.appendHave(b, limit)
	b = c.appendStreams(b, limit)
	if p.ping {
		b = wire.FramePing.Append(b)
		c.note(sentPing, 0)
		p.ping = false
	}
	return b
}

func (c *Conn) note(kind sentKind, id uint64) {
	c.frames = append(c.frames, sentFrame{kind: kind, id: id})
}

// appendLimits writes the MAX frames of the connection.
func (c *Conn) appendLimits(b []byte, limit int) []byte {
	if limit-len(b) < 3*maxControlFrame {
		return b
	}
	if t := &c.streams; t.credit.pending {
		b = wire.MaxData{Limit: t.credit.limit}.Append(b)
		c.note(sentMaxData, 0)
		t.credit.pending = false
	}
	if t := &c.streams; t.sendMax {
		b = wire.MaxStreams{Count: t.allowed}.Append(b)
		c.note(sentMaxStreams, 0)
		t.sendMax = false
	}
	if t := &c.bulkIn; t.credit.pending {
		b = wire.MaxBulkData{Limit: t.credit.limit}.Append(b)
		c.note(sentMaxBulkData, 0)
		t.credit.pending = false
	}
	return b
}

// appendBulkFrames writes the frames that begin, end and break off transfers.
func (c *Conn) appendBulkFrames(b []byte, limit int) []byte {
	for limit-len(b) >= maxControlFrame {
		id, some := c.bulkOut.control.first()
		if !some {
			break
		}
		t := c.bulkOut.get(id)
		if t.resetOut {
			b = wire.ResetBulk{Transfer: id, Code: *t.reset, Sent: t.sent}.Append(b)
			c.note(sentResetBulk, uint64(id))
		} else {
			b = wire.BulkEnd{Transfer: id, Size: t.size}.Append(b)
			c.note(sentBulkEnd, uint64(id))
			c.tail.onSent(true)
		}
		t.resetOut, t.endSend = false, false
		c.bulkOut.update(t)
	}
	for limit-len(b) >= maxControlFrame {
		id, some := c.bulkIn.stops.first()
		if !some {
			break
		}
		c.bulkIn.stops.put(id, false)
		if t := c.bulkIn.byID[id]; t != nil {
			b = wire.StopBulk{Transfer: id, Code: *t.stop}.Append(b)
			c.note(sentStopBulk, uint64(id))
		}
	}
	return b
}

// appendStreams writes the frames of all streams, in the order of their
// opening, as far as there is room and credit.
func (c *Conn) appendStreams(b []byte, limit int) []byte {
	for _, s := range c.streams.ready {
		if limit-len(b) < 3*maxControlFrame {
			break
		}
		if s.resetSend {
			b = wire.ResetStream{ID: s.id, Code: *s.reset, FinalSize: s.finalSize}.Append(b)
			c.note(sentResetStream, s.id)
			s.resetSend = false
		}
		if s.stopSend {
			b = wire.StopSending{ID: s.id, Code: *s.stop}.Append(b)
			c.note(sentStopSending, s.id)
			s.stopSend = false
		}
		if s.window.pending {
			b = wire.MaxStreamData{ID: s.id, Limit: s.window.limit}.Append(b)
			c.note(sentMaxStreamData, s.id)
			s.window.pending = false
		}
		b = c.appendStreamData(b, limit, s)
	}
	c.streams.prune()
	return b
}

// appendStreamData writes the STREAM frames of one stream.
func (c *Conn) appendStreamData(b []byte, limit int, s *stream) []byte {
	if s.reset != nil {
		return b
	}
	for limit-len(b) > streamFrameHeader {
		credit, fresh := s.limit(c.streams.sendCredit.left()), s.out.next
		offset, p := s.out.take(limit-len(b)-streamFrameHeader, credit)
		end := offset + uint64(len(p))
		fin := s.finPending && s.out.next == s.out.end() && len(s.out.again) == 0 && (len(p) == 0 || end == s.out.end())
		if len(p) == 0 && !fin {
			return b
		}
		if len(p) == 0 {
			offset, end = s.out.end(), s.out.end()
		}
		if end > s.streamsUsed {
			c.streams.sendCredit.used += end - s.streamsUsed
			s.streamsUsed = end
		}
		b = wire.Stream{ID: s.id, Offset: offset, Data: p, Fin: fin}.Append(b)
		kind := sentStream
		if fin {
			kind, s.finPending = sentStreamFin, false
		}
		c.frames = append(c.frames, sentFrame{kind: kind, id: s.id, start: offset, end: end})
		c.tail.onSent(s.out.next == fresh)
		if fin {
			return b
		}
	}
	return b
}
