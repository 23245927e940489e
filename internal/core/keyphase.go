package core

import (
	"math"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

const appSpace = recovery.Application

// keyPhase is the state of key updates (docs/protocol.md §5.4).
type keyPhase struct {
	current   bool // the key phase bit of what we send
	next      *seal.Keys
	previous  *seal.Keys
	dropAt    instant.Time // when previous is forgotten; Never until the peer is in this phase too
	firstRecv uint64       // lowest packet number opened in this phase, MaxUint64 before the first
	firstSent uint64       // first packet number sent in this phase
	acked     bool         // a packet of this phase was acknowledged
}

// acknowledged notes that the peer has packet number largest.
func (p *keyPhase) acknowledged(largest uint64) {
	if largest >= p.firstSent {
		p.acked = true
	}
}

// openPhase opens a short-header packet with the keys of its phase.
func (c *Conn) openPhase(h wire.ShortHeader, header, sealed []byte) ([]byte, uint64, bool, error) {
	s, p := &c.spaces[appSpace], &c.phase
	low := uint32(h.PacketNumber)
	if h.KeyPhase == p.current {
		payload, pn, ok := c.open(s.read, appSpace, header, sealed, low)
		if ok {
			c.openedInPhase(pn)
		}
		return payload, pn, ok, c.checkFailures(ok, s.read)
	}
	pn := wire.DecodePacketNumber(s.largest, low)
	if p.previous != nil && pn < p.firstRecv {
		payload, pn, ok := c.open(p.previous, appSpace, header, sealed, low)
		return payload, pn, ok, c.checkFailures(ok, s.read)
	}
	if !c.confirmed {
		return nil, 0, false, nil
	}
	if p.next == nil {
		p.next = s.read.Next()
	}
	payload, pn, ok := c.open(p.next, appSpace, header, sealed, low)
	if !ok {
		return nil, 0, false, c.checkFailures(ok, s.read)
	}
	c.advancePhase()
	c.openedInPhase(pn)
	return payload, pn, true, nil
}

// openedInPhase notes that the peer seals with the present keys. Only now does
// it stop using the previous ones, so that their end can be counted from here.
func (c *Conn) openedInPhase(pn uint64) {
	p := &c.phase
	p.firstRecv = min(p.firstRecv, pn)
	if p.previous != nil && p.dropAt == instant.Never {
		p.dropAt = c.now.Add(3 * c.recovery.PTO(appSpace))
	}
}

// advancePhase moves both directions to the next phase, because the peer did
// or because our own keys have sealed enough. Until the peer's first packet of
// the new phase has come, packets with the other phase bit are of the old one.
func (c *Conn) advancePhase() {
	s, p := &c.spaces[appSpace], &c.phase
	if p.next == nil {
		p.next = s.read.Next()
	}
	p.previous, s.read, p.next = s.read, p.next, nil
	s.write = s.write.Next()
	p.current = !p.current
	p.dropAt = instant.Never
	p.firstRecv, p.firstSent, p.acked = math.MaxUint64, s.next, false
	c.trace("security:key_updated", traceFlag("key_phase", p.current))
}

// maxKeyPhasePackets is how many packets one phase may seal (§5.4); RFC 9001
// §6.6 would allow more.
const maxKeyPhasePackets = 1 << 23

// maybeUpdateKeys starts the next phase when this one has sealed its share, and
// ends the connection where the peer has not let that happen for so long that
// the next train would be beyond the limit.
func (c *Conn) maybeUpdateKeys() {
	s, p := &c.spaces[appSpace], &c.phase
	if p.previous != nil && !p.dropAt.After(c.now) {
		p.previous = nil
	}
	if s.next-p.firstSent >= c.cfg.KeyPhasePackets && c.confirmed && p.acked && p.previous == nil {
		c.advancePhase()
	}
	if s.next-p.firstSent+congestion.MaxTrain > maxKeyPhasePackets {
		c.fail(violation(wire.CodeKeyLimit, "no answer in the key phase of the last %d packets", s.next-p.firstSent))
	}
}

// checkFailures ends the connection when more packets failed to open than the
// AEAD's integrity limit allows.
func (c *Conn) checkFailures(opened bool, keys *seal.Keys) error {
	if !opened && c.failures > keys.IntegrityLimit() {
		return violation(wire.CodeKeyLimit, "%d packets did not open", c.failures)
	}
	return nil
}
