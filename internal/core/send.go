package core

import (
	"math"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// Bytes of IP and UDP header in front of each datagram; the gross rate counts
// them (docs/protocol.md §8.1).
const (
	overheadIPv4 = 20 + 8
	overheadIPv6 = 40 + 8
)

// overhead is the size of the headers below us on the present path.
func (c *Conn) overhead() int {
	if c.path.Remote.Addr().Unmap().Is4() {
		return overheadIPv4
	}
	return overheadIPv6
}

// transmit is Transmit without the account of it. A train is always of DATA
// packets; everything else leaves datagram by datagram. In order: path probes,
// handshake, acknowledgements and control frames, probes of the path MTU, file
// data, parity.
func (c *Conn) transmit(now instant.Time, buf []byte, maxSegments int) (n, segmentSize int, path Path, ecn ECN) {
	c.now = now
	c.pacedUntil = instant.Never
	if len(buf) < wire.MaxDatagram || maxSegments < 1 {
		return 0, 0, c.path, NotECT
	}
	switch c.state {
	case stateGone, stateDraining:
		return 0, 0, c.path, NotECT
	case stateClosing:
		n = c.transmitClose(buf[:0:wire.MaxDatagram])
		return c.sent(n, n, c.path)
	}
	if n, to := c.transmitPathFrames(buf[:0:wire.MaxDatagram]); n > 0 {
		return c.sent(n, n, to)
	}
	if c.blocked {
		return 0, 0, c.path, NotECT
	}
	if n := c.transmitHandshake(buf[:0:wire.MaxDatagram]); n > 0 {
		return c.sent(n, n, c.path)
	}
	if !c.pathSet.allows(c.role, wire.MaxDatagram) || c.earlyAnswers() == 0 {
		return 0, 0, c.path, NotECT
	}
	c.forgoIdleCredit()
	if n := c.transmitControl(buf[:0:wire.MaxDatagram]); n > 0 {
		return c.sent(n, n, c.path)
	}
	if n := c.transmitPathProbe(buf[:0]); n > 0 {
		return c.sent(n, n, c.path)
	}
	if c.sharesFirst() {
		n, segmentSize = c.transmitShares(buf, maxSegments)
	}
	if n == 0 {
		n, segmentSize = c.transmitData(buf, maxSegments)
	}
	if n == 0 {
		n, segmentSize = c.transmitShares(buf, maxSegments)
	}
	c.idle = n == 0 && c.pacedUntil == instant.Never
	return c.sent(n, segmentSize, c.path)
}

// maxEarlyAnswers bounds the Application packets of a server whose handshake is
// not complete: what asked for them may be a replay, and nobody may be there to
// receive them, at whatever rate was asked (docs/protocol.md §6.6).
const maxEarlyAnswers = 64

// earlyAnswers is how many Application packets may leave before the handshake is
// complete.
func (c *Conn) earlyAnswers() int {
	if c.role == Client || c.state != stateHandshake {
		return math.MaxInt
	}
	return maxEarlyAnswers - c.early.answers
}

// forgoIdleCredit takes from a fixed rate what it would have to catch up after
// a time in which there was nothing to send: it may make good for a late timer,
// but must not exceed the rate because it was idle before.
func (c *Conn) forgoIdleCredit() {
	if !c.idle || c.cfg.FixedRate == 0 {
		return
	}
	train := c.pacer.Quantum() * c.fullGross()
	if excess := c.pacer.Budget(c.now) - train; excess > 0 {
		c.pacer.OnSent(c.now, excess)
	}
}

// sent counts what Transmit returns.
func (c *Conn) sent(n, segmentSize int, path Path) (int, int, Path, ECN) {
	if n > 0 {
		c.stats.BytesSent += uint64(n)
		c.stats.DatagramsSent += uint64((n + segmentSize - 1) / segmentSize)
		c.pathSet.sent(path, c.path, n)
	}
	return n, segmentSize, path, NotECT
}

// resetController starts rate and window afresh: for a new path, or when the
// fixed rate changes.
func (c *Conn) resetController() {
	datagram := wire.FullDataDatagram + c.overhead()
	switch {
	case c.cfg.FixedRate > 0:
		c.controller = congestion.NewFixed(c.cfg.FixedRate, datagram, c.recovery.SmoothedRTT())
		c.pacer = congestion.NewPacer(datagram, 1)
	case c.cfg.Background:
		c.controller = congestion.NewBackground(datagram, c.recovery.SmoothedRTT())
		c.pacer = congestion.NewPacer(datagram, 1)
	default:
		c.controller = congestion.NewBBR(c.now, congestion.Config{
			Datagram: datagram, Seed: c.seed(),
			InitialRTT:     c.cfg.RememberedPath.RTT,
			RememberedRate: c.cfg.RememberedPath.Rate, RememberedLoss: c.cfg.RememberedPath.Loss,
		})
		c.pacer = congestion.NewPacer(datagram, initialBurst)
	}
	c.breaker = breaker{rate: c.cfg.FixedRate}
	c.setDatagram()
}

// initialBurst is how many datagrams leave at once before any rate is known.
const initialBurst = 32

// seed draws a number for the controller's random phase.
func (c *Conn) seed() uint64 {
	id, err := c.newID()
	if err != nil {
		return 0
	}
	var v uint64
	for _, b := range id {
		v = v<<8 | uint64(b)
	}
	return v
}

// updatePacing hands the controller's rate to the pacer.
func (c *Conn) updatePacing() {
	burst := congestion.AdaptiveBurst
	if c.cfg.FixedRate > 0 {
		burst = congestion.FixedBurst
	}
	c.pacer.SetRate(c.controller.PacingRate(), burst)
}

// background reports that the connection yields to all others.
func (c *Conn) background() bool { return c.cfg.Background && c.cfg.FixedRate == 0 }

// carrierPaces reports that nothing but the carrier's writability decides when
// something leaves: a rate that was asked for, and the wish to yield, hold on
// every path.
func (c *Conn) carrierPaces() bool {
	return c.path.CarrierPaced && c.cfg.FixedRate == 0 && !c.cfg.Background
}

// windowLeft is how many gross bytes the congestion window has room for.
func (c *Conn) windowLeft() int {
	if c.path.CarrierPaced && !c.background() {
		return math.MaxInt
	}
	return c.controller.Window() - c.recovery.Inflight()
}

// maxUnanswered is after how many probe timeouts in a row without an answer
// nothing but probes is sent any more.
const maxUnanswered = 3

// unanswered reports that the path is silent: only probes may leave, until
// something is acknowledged (docs/protocol.md §7.5). What is outstanding keeps
// the probe timer going.
func (c *Conn) unanswered() bool {
	return !c.path.Reliable && c.recovery.ProbeCount() >= maxUnanswered && c.recovery.Outstanding(appSpace) > 0
}

// mayElicit reports whether an ack-eliciting datagram of size bytes may leave
// now, and notes when the pacer will let it if not.
func (c *Conn) mayElicit(size int) bool {
	if c.carrierPaces() || c.probes > 0 {
		return true
	}
	gross := size + c.overhead()
	if c.unanswered() || c.windowLeft() < gross {
		return false
	}
	// At a low rate the bucket never holds more than one full block, so
	// nothing may wait for more; the rest is paid for later.
	gross = min(gross, wire.FullDataDatagram+c.overhead())
	if c.pacer.Budget(c.now) < gross {
		c.pacedUntil = c.pacer.Next(c.now, gross)
		return false
	}
	return true
}

// packet is what finish needs to know of a packet that was written.
type packet struct {
	space     recovery.Space
	number    uint64
	eliciting bool
	inFlight  bool
	data      bool
	transfer  uint16
	offset    uint64
	length    int
	limited   bool // nothing more to send than this
}

// finish seals the packet whose header and payload stand at the end of b, and
// enters it into all accounts. The header begins at start, the payload at body.
func (c *Conn) finish(b []byte, start, body, lengthAt int, keys *seal.Keys, p packet) []byte {
	b = c.seal(b, start, body, lengthAt, keys, &p)
	c.left(1, len(b)-start+c.overhead(), p.inFlight, p.eliciting)
	return b
}

// seal seals a packet and enters it into recovery. Left must follow, for all
// packets of a train together.
func (c *Conn) seal(b []byte, start, body, lengthAt int, keys *seal.Keys, p *packet) []byte {
	if lengthAt >= 0 {
		wire.SetLength(b, lengthAt, 4+len(b)-body+wire.TagLen)
	}
	sealed := keys.Seal(b[body:body], b[start:body], b[body:], 0, p.number)
	b = b[:body+len(sealed)]
	record := recovery.Packet{
		Number: p.number, SentAt: c.now, Size: len(b) - start,
		AckEliciting: p.eliciting, InFlight: p.inFlight,
	}
	if p.data {
		record.Kind, record.Transfer, record.Offset, record.Length = recovery.Data, p.transfer, p.offset, uint16(p.length)
	} else {
		record.Log = c.logs.put(c.frames)
	}
	c.recovery.OnSent(p.space, &record, p.limited)
	c.spaces[p.space].next = p.number + 1
	if p.space == appSpace {
		c.spaces[p.space].next = c.numbers.after(p.number)
		if c.state == stateHandshake {
			c.early.answers++
		}
	}
	return b
}

// left tells those who count them of packets that leave at once, of gross bytes
// together and all of one kind.
func (c *Conn) left(packets, gross int, inFlight, eliciting bool) {
	c.stats.PacketsSent += uint64(packets)
	// What only acknowledges is not paced, and makes no debt that others would
	// have to pay (RFC 9002 section 7.7): a side that receives much and sends
	// little knows of no rate to speak of, and its limits would come too late.
	// A rate that a user has asked for is that of all that leaves.
	if inFlight || c.cfg.FixedRate > 0 {
		c.pacer.OnSent(c.now, gross)
	}
	if inFlight {
		c.controller.OnSent(c.now, gross, c.recovery.Inflight())
		if c.probes == 0 {
			c.breaker.sent(c.now, gross)
		}
	}
	if eliciting {
		c.probes = max(0, c.probes-packets)
	}
}

// appKeys returns the keys for Application packets: those of the present key
// phase, or before the handshake is through the 0-RTT keys.
func (c *Conn) appKeys() (keys *seal.Keys, early bool) {
	if k := c.spaces[recovery.Application].write; k != nil {
		return k, false
	}
	return c.early.write, true
}

// appendAppHeader writes the header of an Application packet and returns where
// the length of a 0-RTT header stands, -1 for a short header.
func (c *Conn) appendAppHeader(b []byte, early bool, pn uint64) ([]byte, int) {
	if early {
		return wire.AppendLongHeader(b, wire.LongHeader{
			Type: wire.PacketZeroRTT, Version: wire.Version1,
			Destination: c.remoteID, Source: c.localID, PacketNumber: pn,
		})
	}
	return wire.AppendShortHeader(b, wire.ShortHeader{
		KeyPhase: c.phase.current, Destination: c.remoteID, PacketNumber: pn,
	}), -1
}
