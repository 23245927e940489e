package core

import (
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// minPacketRoom is the least room worth beginning another packet in.
const minPacketRoom = 80

// transmitHandshake writes one datagram of Initial and Handshake packets, or
// returns 0 when neither space has anything to say (docs/protocol.md §6.2).
func (c *Conn) transmitHandshake(b []byte) int {
	if c.confirmed && c.role == Server {
		return 0
	}
	initial, handshake := c.spaceNeeds(recovery.Initial), c.spaceNeeds(recovery.Handshake)
	if !initial && !handshake {
		return 0
	}
	limit := c.pathSet.limit(c.role, wire.MaxDatagram)
	if limit < wire.MinInitialDatagram {
		return 0
	}
	if initial {
		b = c.appendLongPacket(b, recovery.Initial, limit, handshake)
	}
	if handshake && limit-len(b) >= minPacketRoom {
		padded := initial && !c.path.CarrierPaced
		b = c.appendHandshakePacket(b, limit, padded)
	}
	return len(b)
}

// spaceNeeds reports whether a handshake space has something to send.
func (c *Conn) spaceNeeds(sp recovery.Space) bool {
	s := &c.spaces[sp]
	if s.dropped || s.write == nil {
		return false
	}
	return s.out.pending(s.out.end()) || s.received.AckNow(c.now) || s.ping
}

// appendLongPacket writes the Initial packet of a datagram. Where another
// packet will follow and has room, that one is padded instead.
func (c *Conn) appendLongPacket(b []byte, sp recovery.Space, limit int, more bool) []byte {
	pn := c.spaces[sp].next
	b, lengthAt := wire.AppendLongHeader(b, wire.LongHeader{
		Type: wire.PacketInitial, Version: wire.Version1, Destination: c.remoteID, Source: c.localID,
		Token: c.token, PacketNumber: pn,
	})
	body := len(b)
	b, eliciting := c.appendSpaceFrames(b, sp, limit-wire.TagLen)
	if len(b) == body {
		return b[:0] // there was no room for anything: an empty packet is a violation
	}
	more = more && limit-len(b)-wire.TagLen >= minPacketRoom
	if !more && !c.path.CarrierPaced && (eliciting || c.role == Client) {
		b = pad(b, wire.MinInitialDatagram-wire.TagLen)
	}
	return c.finish(b, 0, body, lengthAt, c.spaces[sp].write, packet{
		space: sp, number: pn, eliciting: eliciting, inFlight: eliciting, limited: true,
	})
}

// appendHandshakePacket writes the Handshake packet of a datagram.
func (c *Conn) appendHandshakePacket(b []byte, limit int, padded bool) []byte {
	const sp = recovery.Handshake
	start, pn := len(b), c.spaces[sp].next
	b, lengthAt := wire.AppendLongHeader(b, wire.LongHeader{
		Type: wire.PacketHandshake, Version: wire.Version1, Destination: c.remoteID, Source: c.localID, PacketNumber: pn,
	})
	body := len(b)
	b, eliciting := c.appendSpaceFrames(b, sp, limit-wire.TagLen)
	if len(b) == body {
		return b[:start]
	}
	if padded {
		b = pad(b, wire.MinInitialDatagram-wire.TagLen)
	}
	b = c.finish(b, start, body, lengthAt, c.spaces[sp].write, packet{
		space: sp, number: pn, eliciting: eliciting, inFlight: eliciting, limited: true,
	})
	if c.role == Client {
		c.dropSpace(recovery.Initial) // the server has proved that it holds the Handshake keys
	}
	return b
}

// appendSpaceFrames writes ACK, CRYPTO and PING frames of a handshake space
// until b is limit bytes long.
func (c *Conn) appendSpaceFrames(b []byte, sp recovery.Space, limit int) ([]byte, bool) {
	s := &c.spaces[sp]
	c.frames = c.frames[:0]
	b = c.appendAck(b, sp, limit/2)
	before := len(b)
	b = c.appendCrypto(b, sp, limit)
	eliciting := len(b) > before
	if s.ping && !eliciting {
		b = wire.FramePing.Append(b)
		eliciting = true
	}
	s.ping = false
	return b, eliciting
}

// appendCrypto writes CRYPTO frames of a space until b is limit bytes long.
func (c *Conn) appendCrypto(b []byte, sp recovery.Space, limit int) []byte {
	s := &c.spaces[sp]
	for limit-len(b) > cryptoFrameHeader {
		fresh := s.out.next
		offset, p := s.out.take(limit-len(b)-cryptoFrameHeader, s.out.end())
		if len(p) == 0 {
			break
		}
		if s.out.next > fresh && sp != recovery.Application {
			s.copyAt, s.copies = c.now.Add(flightCopies[0]), 0
		}
		b = wire.Crypto{Offset: offset, Data: p}.Append(b)
		c.frames = append(c.frames, sentFrame{kind: sentCrypto, id: uint64(sp), start: offset, end: offset + uint64(len(p))})
	}
	return b
}

// cryptoFrameHeader bounds the type, offset and length of a CRYPTO frame.
const cryptoFrameHeader = 1 + 4 + 2

// appendAck writes an ACK frame of at most limit bytes, if anything was
// received in the space that a frame could tell.
func (c *Conn) appendAck(b []byte, sp recovery.Space, limit int) []byte {
	s := &c.spaces[sp]
	largest, delay, numbers := s.received.Frame(c.now)
	if len(numbers) == 0 {
		return b
	}
	at := c.now.Add(-delay)
	before := len(b)
	b = wire.AppendAck(b, wire.Ack{
		Largest: largest, Delay: delay, ReceiveTime: uint64(max(at.Sub(c.start).Microseconds(), 0)),
		CE: s.ce, SocketDrops: c.socketDrops, Backlog: c.backlog, Ranges: numbers,
	}, limit)
	if len(b) > before {
		s.received.OnAckSent(c.now)
		c.frames = append(c.frames, sentFrame{kind: sentAck, id: uint64(sp), end: largest})
	}
	return b
}

// pad appends PADDING frames until b is n bytes long.
func pad(b []byte, n int) []byte {
	for len(b) < n {
		b = append(b, byte(wire.FramePadding))
	}
	return b
}
