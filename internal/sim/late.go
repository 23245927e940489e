package sim

import (
	"math"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
)

// A busy machine lets programs wait before they run: a datagram lies in the
// socket, and a timer has long been over, until its reader is scheduled. All
// that came in between is then read at once and gets one time of arrival. A
// look is one such scheduling, of what arrives at one address or of what a
// connection's timer has to do; Config.Late is how late it may be.

// lateness returns how late the next look is. Most are by little: half of them
// by less than a sixteenth of Config.Late, one in six by more than half of it.
func (n *Network) lateness() time.Duration {
	return time.Duration(float64(n.cfg.Late) * math.Pow(n.looks.Float64(), 4))
}

// putOff returns a datagram to the queue until its reader is scheduled, and
// reports whether it did. What arrives while the reader is on its way waits for
// the same look.
func (n *Network) putOff(a *arrival) bool {
	if n.cfg.Late == 0 || a.seen {
		return false
	}
	at := n.looking[a.to]
	if at.Before(n.now) {
		at = n.now.Add(n.lateness())
		n.looking[a.to] = at
	}
	a.at, a.seen = at, true
	n.push(a)
	return true
}

// due returns when the connection's timer is acted upon: not before it has run
// out, and was noticed to have.
func (p *Peer) due() instant.Time {
	if p.wakeAt.IsSet() {
		return p.wakeAt
	}
	return p.Conn.Deadline()
}

// wake reports whether a connection whose timer may have run out acts now.
func (p *Peer) wake() bool {
	n := p.network
	if p.due().After(n.now) {
		return false
	}
	if n.cfg.Late > 0 && !p.wakeAt.IsSet() {
		p.wakeAt = n.now.Add(n.lateness())
		if p.wakeAt.After(n.now) {
			return false
		}
	}
	p.wakeAt = 0
	return !p.Conn.Deadline().After(n.now)
}

// asleep reports that nothing lets the connection act now.
func (p *Peer) asleep() bool { return p.wakeAt.After(p.network.now) }

// A lateSource is a file of which only the beginning is in memory when it is
// first asked for: who reads the rest has to be scheduled too.
type lateSource struct {
	core.BlockSource
	network *Network
	readAt  instant.Time // from when on everything is there; 0: nothing was asked for yet
}

// readAhead is how many bytes of each file are there at once.
const readAhead = 4 << 10

// Resident implements core.BlockSource.
func (s *lateSource) Resident(transfer uint16, offset uint64, limit int) []byte {
	n := s.network
	if !s.readAt.IsSet() {
		s.readAt = n.now.Add(n.lateness())
		n.At(s.readAt, n.askAgain)
	}
	if s.readAt.After(n.now) {
		if offset >= readAhead {
			return nil
		}
		limit = min(limit, int(readAhead-offset))
	}
	return s.BlockSource.Resident(transfer, offset, limit)
}

// askAgain has every connection ask for the bytes that were not there.
func (n *Network) askAgain() {
	for _, p := range n.peers {
		for _, f := range p.files {
			p.Conn.ExtendBulk(f.id, f.size)
		}
	}
}
