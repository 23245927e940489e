package core

import (
	"errors"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// closing is the state of a connection's end (docs/protocol.md §11).
type closing struct {
	frame    func(b []byte, t wire.PacketType) []byte
	send     int          // datagrams with the close still to leave
	until    instant.Time // when the connection is forgotten
	heard    int          // datagrams since the last close left
	versions []uint32     // of a version negotiation packet: a hint
}

// closeCopies is how often the close is sent at once: the program may end
// right after, and nobody repeats it then.
const closeCopies = 3

// Close ends the connection with an application error code (0: all is well).
func (c *Conn) Close(now instant.Time, code uint64, reason string) {
	c.now = now
	if c.state >= stateClosing {
		return
	}
	c.beginClose(&ApplicationError{Local: true, Code: code, Reason: reason}, func(b []byte, t wire.PacketType) []byte {
		if t == wire.PacketInitial || t == wire.PacketHandshake {
			// An application's words do not travel unproved (RFC 9000 §10.2.3).
			return wire.ConnectionClose{Code: uint64(wire.CodeNoError)}.Append(b)
		}
		return wire.ApplicationClose{Code: code, Reason: truncate(reason)}.Append(b)
	})
}

// fail ends the connection because of what the peer sent, or of what went
// wrong here.
func (c *Conn) fail(err error) {
	if c.state >= stateClosing {
		return
	}
	code, reason, cause := wire.CodeInternalError, err.Error(), err
	var w *wire.Error
	var h *handshakeError
	switch {
	case errors.As(err, &h):
		code, cause = h.code, h.err
	case errors.As(err, &w):
		code, reason = w.Code, w.Reason
		cause = &LocalError{Code: w.Code, Reason: w.Reason}
	}
	c.beginClose(cause, func(b []byte, _ wire.PacketType) []byte {
		return wire.ConnectionClose{Code: uint64(code), Reason: truncate(reason)}.Append(b)
	})
}

// beginClose enters the closing state.
func (c *Conn) beginClose(err error, frame func([]byte, wire.PacketType) []byte) {
	c.state = stateClosing
	c.close.frame, c.close.send = frame, closeCopies
	c.close.until = c.now.Add(3 * c.recovery.PTO(recovery.Application))
	c.end(err)
}

// drain enters the draining state: the peer has closed, and nothing is sent
// any more.
func (c *Conn) drain(err error) {
	if c.state >= stateDraining {
		return
	}
	c.state = stateDraining
	c.close.until = c.now.Add(3 * c.recovery.PTO(recovery.Application))
	c.end(err)
}

// Abandon ends the connection without a word, because the caller has found out
// by other means that the peer is gone. EventClosed carries err.
func (c *Conn) Abandon(now instant.Time, err error) {
	c.now = now
	if c.state < stateClosing {
		c.vanish(err)
	}
}

// vanish ends the connection without a word: there is nobody to hear it.
func (c *Conn) vanish(err error) {
	c.state = stateGone
	c.end(err)
}

// end tells the application, once, and lets go of the handshake.
func (c *Conn) end(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	_ = c.engine.Close()
	c.traceClosed(err)
	c.emit(Event{Kind: EventClosed, Err: err})
}

// provoked counts datagrams that come after our close; the close is repeated
// after 1, 2, 4, ... of them (RFC 9000 §10.2.1).
func (cl *closing) provoked() {
	cl.heard++
	if cl.heard&(cl.heard-1) == 0 {
		cl.send = max(cl.send, 1)
	}
}

// watchForPeerClose looks into a datagram that came after our close: when the
// peer has closed too, everything is over.
func (c *Conn) watchForPeerClose(datagram []byte) {
	s := &c.spaces[recovery.Application]
	h, err := wire.ConsumeShortHeader(datagram)
	if err != nil || s.read == nil || h.Destination != c.localID || h.KeyPhase != c.phase.current {
		return
	}
	header, sealed := datagram[:wire.ShortHeaderLen], datagram[wire.ShortHeaderLen:]
	payload, _, ok := c.open(s.read, recovery.Application, header, sealed, uint32(h.PacketNumber))
	if !ok {
		return
	}
	p := wire.NewParser(payload, wire.PacketShort)
	for {
		ok, err := p.Next(&c.frame)
		if !ok || err != nil {
			return
		}
		if t := c.frame.Type; t == wire.FrameApplicationClose || t == wire.FrameConnectionClose {
			c.state = stateGone
			return
		}
	}
}

// transmitClose writes the next datagram with the close: in the packets of
// every space whose keys the peer may have.
func (c *Conn) transmitClose(b []byte) int {
	if c.close.send == 0 {
		return 0
	}
	c.close.send--
	c.frames = c.frames[:0]
	limit := c.pathSet.limit(c.role, wire.MaxDatagram)
	for _, sp := range []recovery.Space{recovery.Initial, recovery.Handshake} {
		s := &c.spaces[sp]
		if s.dropped || s.write == nil || limit-len(b) < wire.MinInitialDatagram/4 {
			continue
		}
		b = c.appendLongClose(b, sp, s.write)
	}
	if keys, early := c.appKeys(); keys != nil && !early && limit-len(b) >= wire.MinInitialDatagram/4 {
		start, pn := len(b), c.spaces[appSpace].next
		var lengthAt int
		b, lengthAt = c.appendAppHeader(b, false, pn)
		body := len(b)
		b = c.close.frame(b, wire.PacketShort)
		b = c.finish(b, start, body, lengthAt, keys, packet{space: appSpace, number: pn, limited: true})
	}
	return len(b)
}

func (c *Conn) appendLongClose(b []byte, sp recovery.Space, keys *seal.Keys) []byte {
	start, pn := len(b), c.spaces[sp].next
	t := wire.PacketInitial
	if sp == recovery.Handshake {
		t = wire.PacketHandshake
	}
	header := wire.LongHeader{
		Type: t, Version: wire.Version1, Destination: c.remoteID, Source: c.localID, PacketNumber: pn,
	}
	if t == wire.PacketInitial {
		header.Token = c.token
	}
	b, lengthAt := wire.AppendLongHeader(b, header)
	body := len(b)
	b = c.close.frame(b, t)
	return c.finish(b, start, body, lengthAt, keys, packet{space: sp, number: pn, limited: true})
}

// truncate bounds the reason that travels in a close.
func truncate(reason string) string {
	const longest = 256
	if len(reason) <= longest {
		return reason
	}
	return reason[:longest]
}
