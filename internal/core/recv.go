package core

import (
	"crypto/subtle"
	"slices"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// An arrival is where a train came from and what routers wrote on it.
type arrival struct {
	path Path
	ecn  ECN
	here bool // path was the connection's when the train came
	at   instant.Time
}

// waitingTrain is a datagram that came before the keys that open it.
type waitingTrain struct {
	arrival
	datagram []byte
}

// maxWaiting bounds the datagrams that wait for keys (§13): the first flight
// of a client that sends data right behind its Finished.
const maxWaiting = 96

// HandleTrain takes datagrams that came on path: buf holds one or more of
// segmentSize bytes each, the last one may be shorter. They are opened in
// place, so buf changes, and the blocks that NextBlock returns point into it.
func (c *Conn) HandleTrain(now instant.Time, path Path, ecn ECN, buf []byte, segmentSize int) {
	c.now = now
	c.limits.working(now)
	c.traceReceived(len(buf), segmentSize)
	c.blocks, c.given = c.blocks[:0], 0
	c.came = arrival{path: path, ecn: ecn, here: path == c.path, at: now}
	for len(buf) > 0 && c.state != stateGone {
		n := min(segmentSize, len(buf))
		if n <= 0 {
			return
		}
		c.handleDatagram(&c.came, buf[:n:n])
		buf = buf[n:]
	}
}

// handleDatagram takes one datagram: packets one after the other (§3.3).
func (c *Conn) handleDatagram(from *arrival, datagram []byte) {
	c.stats.DatagramsReceived++
	c.stats.BytesReceived += uint64(len(datagram))
	if c.pathSet.counts(c.role) {
		c.pathSet.received(from.path, c.path, len(datagram))
	}
	switch c.state {
	case stateDraining:
		return
	case stateClosing:
		c.close.provoked()
		c.watchForPeerClose(datagram)
		return
	}
	if !wire.IsLong(datagram) {
		if err := c.handleShort(from, datagram); err != nil {
			c.fail(err)
		}
		return
	}
	first, _ := wire.DestinationID(datagram)
	for rest := datagram; len(rest) > 0; {
		if id, ok := wire.DestinationID(rest); !ok || id != first {
			return
		}
		n, err := c.handlePacket(from, rest, datagram)
		if err != nil {
			c.fail(err)
			return
		}
		if n == 0 || c.state == stateDraining || c.state == stateGone {
			return
		}
		rest = rest[n:]
	}
}

// handlePacket takes the packet at the start of b and returns its length; 0
// ends the datagram.
func (c *Conn) handlePacket(from *arrival, b, datagram []byte) (int, error) {
	if wire.IsLong(b) {
		return c.handleLong(from, b, datagram)
	}
	return len(b), c.handleShort(from, b)
}

// handleLong takes an Initial, 0-RTT, Handshake or Retry packet.
func (c *Conn) handleLong(from *arrival, b, datagram []byte) (int, error) {
	h, err := wire.ConsumeLongHeader(b)
	if err != nil {
		return 0, nil
	}
	if h.Type == wire.PacketRetry || h.Type == wire.PacketVersionNegotiation {
		c.handleUnnumbered(h.Type, b)
		return 0, nil
	}
	if h.Destination != c.localID && h.Destination != c.originalDestination &&
		(c.retrySource == nil || h.Destination != *c.retrySource) {
		return 0, nil
	}
	sp, keys := recovery.Initial, c.spaces[recovery.Initial].read
	switch h.Type {
	case wire.PacketHandshake:
		sp, keys = recovery.Handshake, c.spaces[recovery.Handshake].read
	case wire.PacketZeroRTT:
		sp, keys = recovery.Application, c.early.read
		if c.role == Client {
			return h.PacketLen, nil
		}
	}
	if keys == nil {
		c.repeatHandshakeDone(h.Type)
		if !c.spaces[sp].dropped && !(h.Type == wire.PacketZeroRTT && c.state == stateOpen) {
			c.wait(from, b[:h.PacketLen])
		}
		return h.PacketLen, nil
	}
	payload, pn, ok := c.open(keys, sp, b[:h.HeaderLen], b[h.HeaderLen:h.PacketLen], uint32(h.PacketNumber))
	if !ok {
		return h.PacketLen, nil
	}
	if c.role == Client && h.Type == wire.PacketInitial && !c.peerIDKnown {
		c.remoteID, c.peerIDKnown = h.Source, true
	}
	if c.role == Server && h.Type == wire.PacketHandshake {
		c.provePath()
		c.dropSpace(recovery.Initial)
	}
	return h.PacketLen, c.handlePayload(from, h.Type, sp, pn, payload, len(datagram))
}

// repeatHandshakeDone answers a client that still sends Handshake packets when
// their keys are gone here: it does not know yet that the handshake is over.
// The probe timeout would tell it too, but after a handshake through heavy loss
// that is long. Nothing proves the packet genuine, so this happens once in a
// probe timeout, and ends with the first acknowledgement.
func (c *Conn) repeatHandshakeDone(t wire.PacketType) {
	if t != wire.PacketHandshake || c.role != Server || c.state != stateOpen || c.doneAcked || c.doneAgain.After(c.now) {
		return
	}
	c.doneAgain = c.now.Add(c.recovery.PTO(recovery.Application))
	c.pending.handshakeDone = true
	c.probes = max(c.probes, 1)
}

// handleShort takes an Application packet, which reaches to the end of b.
func (c *Conn) handleShort(from *arrival, b []byte) error {
	h, err := wire.ConsumeShortHeader(b)
	if err != nil {
		return nil
	}
	if h.Destination != c.localID {
		c.checkStatelessReset(b)
		return nil
	}
	s := &c.spaces[recovery.Application]
	if s.read == nil {
		c.wait(from, b)
		return nil
	}
	size := len(b)
	header, sealed := b[:wire.ShortHeaderLen], b[wire.ShortHeaderLen:]
	payload, pn, ok, err := c.openPhase(h, header, sealed)
	if err != nil {
		return err
	}
	if !ok {
		c.checkStatelessReset(b)
		return nil
	}
	return c.handlePayload(from, wire.PacketShort, recovery.Application, pn, payload, size)
}

// maxSilent bounds the acknowledgement-only packets of a space that the peer has
// not acknowledged (§13). Every 64th asks for that, so that no path and no rate
// brings a correct peer near it.
const maxSilent = 1 << 14

// open opens a packet in place and returns its full packet number.
func (c *Conn) open(keys *seal.Keys, sp recovery.Space, header, sealed []byte, low uint32) ([]byte, uint64, bool) {
	s := &c.spaces[sp]
	pn := wire.DecodePacketNumber(s.largest, low)
	if s.received.IsDuplicate(pn) {
		c.stats.Duplicates++
		return nil, 0, false
	}
	payload, err := keys.Open(sealed[:0], header, sealed, 0, pn)
	if err != nil {
		c.stats.PacketsUndecryptable++
		c.failures++
		return nil, 0, false
	}
	return payload, pn, true
}

// handlePayload takes the frames of an opened packet.
func (c *Conn) handlePayload(from *arrival, t wire.PacketType, sp recovery.Space, pn uint64, payload []byte, size int) error {
	s := &c.spaces[sp]
	newest := pn >= s.largest
	if newest {
		s.largest = pn + 1
	}
	c.lastReceived = c.now
	eliciting, err := c.handleFrames(&from.path, t, sp, payload)
	if err != nil {
		return err
	}
	if s.dropped || c.state == stateDraining {
		return nil
	}
	if c.recovery.Silent(sp) > maxSilent {
		return violation(wire.CodeProtocolViolation, "%d packets were never acknowledged", maxSilent)
	}
	s.received.OnPacket(from.at, pn, eliciting.any, size, eliciting.now || from.ecn == CE)
	if from.ecn == CE {
		s.ce++
	}
	switch {
	case newest && t == wire.PacketShort:
		c.notePath(from)
	case newest:
		c.followHandshake(from.path, size)
	}
	return nil
}

// wait keeps a copy of a packet until its keys are there. Before the handshake
// is confirmed nobody sends a longer one than that.
func (c *Conn) wait(from *arrival, packet []byte) {
	if len(c.waiting) < maxWaiting && len(packet) <= wire.MaxDatagram {
		c.waiting = append(c.waiting, waitingTrain{*from, slices.Clone(packet)})
	}
}

// replayWaiting takes the packets that waited for the keys that are there now.
// Their memory stays as long as the blocks in them are borrowed.
func (c *Conn) replayWaiting() error {
	if len(c.waiting) == 0 {
		return nil
	}
	list := c.waiting
	c.waiting = nil
	for i := range list {
		w := &list[i]
		if _, err := c.handlePacket(&w.arrival, w.datagram, w.datagram); err != nil {
			return err
		}
	}
	return nil
}

// handleUnnumbered takes what is neither Initial, 0-RTT nor Handshake: a Retry
// or a version negotiation packet, both only at a client that has heard
// nothing else yet.
func (c *Conn) handleUnnumbered(t wire.PacketType, b []byte) {
	if c.role != Client || c.peerIDKnown {
		return
	}
	if t == wire.PacketRetry {
		if r, err := wire.ConsumeRetry(b); err == nil {
			c.handleRetry(b, r)
		}
		return
	}
	v, err := wire.ConsumeVersionNegotiation(b)
	if err == nil && v.Destination == c.localID && v.Source == c.originalDestination &&
		!slices.Contains(v.Versions, wire.Version1) {
		c.close.versions = v.Versions // a hint, for the error when nothing else comes (§14.1)
	}
}

// handleRetry starts over with the server's token (§6.5).
func (c *Conn) handleRetry(b []byte, r wire.Retry) {
	if c.retrySource != nil || r.Version != wire.Version1 || r.Destination != c.localID || len(r.Token) == 0 ||
		len(r.Token) > wire.MaxToken {
		return
	}
	tag := seal.RetryTag(c.originalDestination, b[:len(b)-wire.TagLen])
	if subtle.ConstantTimeCompare(tag[:], r.Tag[:]) != 1 {
		return
	}
	source := r.Source
	c.retrySource, c.remoteID = &source, source
	c.token = slices.Clone(r.Token)
	c.installInitialKeys(source)
	// What was sent is lost for certain: the server kept nothing of it.
	c.requeueAll(recovery.Initial)
	c.requeueAll(recovery.Application)
	c.trace("transport:retry_received", traceNumber("token_length", len(c.token)))
}

// checkStatelessReset compares the end of a datagram that nothing could open
// with the server's reset token (§3.6).
func (c *Conn) checkStatelessReset(b []byte) {
	if !c.peer.HasStatelessReset || len(b) < wire.MinStatelessReset {
		return
	}
	if subtle.ConstantTimeCompare(b[len(b)-16:], c.peer.StatelessReset[:]) == 1 {
		c.drain(&ResetError{})
	}
}
