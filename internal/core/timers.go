package core

import (
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// Deadline is when HandleTimeout must be called next: the earliest of all the
// connection's timers, or Never.
func (c *Conn) Deadline() instant.Time {
	switch c.state {
	case stateGone:
		return instant.Never
	case stateClosing, stateDraining:
		if c.close.send > 0 {
			return c.now
		}
		return c.close.until
	}
	c.armTail()
	d := instant.Min(
		c.recovery.Deadline(),
		c.idleDeadline(),
		c.handshakeDeadline(),
		c.pathDeadline(),
		c.keepAliveDeadline(),
	)
	if c.blocked {
		return d // what is due can only leave when the carrier takes it
	}
	if c.pacedUntil.IsSet() {
		d = instant.Min(d, c.pacedUntil)
	}
	if c.tail.at.IsSet() {
		d = instant.Min(d, c.tail.at)
	}
	for i := range c.spaces {
		s := &c.spaces[i]
		if s.dropped || s.write == nil {
			continue
		}
		if c.mayAcknowledge(recovery.Space(i)) {
			d = instant.Min(d, s.received.Deadline())
		}
		if s.copyAt.IsSet() {
			d = instant.Min(d, s.copyAt)
		}
	}
	return d
}

// mayAcknowledge reports whether an acknowledgement that is due could leave: a
// server that has used up what an unproved address allows must not be called
// again and again, but wait for the client.
func (c *Conn) mayAcknowledge(sp recovery.Space) bool {
	if sp == recovery.Application {
		return c.pathSet.allows(c.role, wire.MaxDatagram) && c.earlyAnswers() > 0
	}
	return c.pathSet.limit(c.role, wire.MaxDatagram) >= wire.MinInitialDatagram
}

// idleDeadline is when silence ends the connection (docs/protocol.md §11.3).
func (c *Conn) idleDeadline() instant.Time {
	if c.state == stateHandshake {
		return instant.Never // handshakeDeadline is shorter
	}
	return c.lastReceived.Add(c.idleTimeout())
}

// A client that waits for the peer says now and then that it is still there:
// where a NAT has given it another address or forgotten it, the server, whose
// datagrams are lost, could not find it otherwise (§11.3).
const (
	keepAliveReceiving = time.Second      // with transfers on their way to us
	keepAliveOpen      = 10 * time.Second // with anything open
)

// keepAliveDeadline is when silence makes the client say so. What is in flight
// speaks for itself, by the probe timeout.
func (c *Conn) keepAliveDeadline() instant.Time {
	if !c.confirmed || c.pending.ping || c.recovery.Outstanding(recovery.Application) > 0 {
		return instant.Never
	}
	if c.cfg.KeepAlive > 0 {
		return c.lastReceived.Add(c.cfg.KeepAlive)
	}
	switch {
	case c.role != Client:
	case len(c.bulkIn.byID) > 0:
		return c.lastReceived.Add(max(keepAliveReceiving, 2*c.recovery.PTO(recovery.Application)))
	case len(c.streams.order) > 0 || len(c.bulkOut.byID) > 0:
		return c.lastReceived.Add(keepAliveOpen)
	}
	return instant.Never
}

// HandleTimeout acts upon every timer that has run out at now.
func (c *Conn) HandleTimeout(now instant.Time) {
	c.now = now
	switch c.state {
	case stateGone:
		return
	case stateClosing, stateDraining:
		if !c.close.until.After(now) {
			c.state = stateGone
		}
		return
	}
	if c.giveUp() {
		return
	}
	c.copyFlights()
	c.lossTimeout()
	c.tailTimeout()
	c.pathTimeout()
	if !c.keepAliveDeadline().After(c.now) {
		c.pending.ping = true
	}
	c.checkBreaker()
}

// giveUp ends a connection that has heard nothing for too long.
func (c *Conn) giveUp() bool {
	if !c.handshakeDeadline().After(c.now) {
		if c.close.versions != nil {
			c.vanish(&VersionError{Versions: c.close.versions})
		} else {
			c.vanish(&TimeoutError{Handshake: true, After: c.cfg.HandshakeTimeout})
		}
		return true
	}
	if !c.idleDeadline().After(c.now) {
		c.vanish(&TimeoutError{After: c.idleTimeout()})
		return true
	}
	return false
}

// copyFlights sends each handshake flight again, shortly after the first time:
// a loss here decides the time of a short transfer (§6.2).
func (c *Conn) copyFlights() {
	for i := range c.spaces {
		s := &c.spaces[i]
		if s.copyAt.IsSet() && !s.copyAt.After(c.now) {
			s.copyAt = 0
			s.out.requeue()
			if s.copies++; s.copies < len(flightCopies) && s.out.pending(s.out.end()) {
				s.copyAt = c.now.Add(flightCopies[s.copies])
			}
		}
	}
}

// lossTimeout lets recovery decide: packets are lost, or a probe must ask.
func (c *Conn) lossTimeout() {
	if c.recovery.Deadline().After(c.now) {
		return
	}
	probe, sp := c.recovery.OnTimeout(c.now, &c.fates)
	c.applyFates()
	if !probe {
		return
	}
	c.stats.ProbeTimeouts++
	c.trace("recovery:probe_timeout", traceText("packet_number_space", sp.String()), traceNumber("count", c.recovery.ProbeCount()))
	if c.recovery.ProbeCount() == recovery.PersistentProbes {
		c.controller.OnPersistentTimeout(c.now)
		c.updatePacing()
	}
	c.queueProbe(sp)
}
