package core

import "example.com/uft/internal/instant"

// persistentProbes is how many probe timeouts in a row, with nothing heard,
// make the controller look at the path anew.
const persistentProbes = 3

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
	)
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
		d = instant.Min(d, s.received.Deadline())
		if s.copyAt.IsSet() {
			d = instant.Min(d, s.copyAt)
		}
	}
	return d
}

// idleDeadline is when silence ends the connection (docs/protocol.md §11.3).
func (c *Conn) idleDeadline() instant.Time {
	if c.state == stateHandshake {
		return instant.Never // handshakeDeadline is shorter
	}
	return c.lastReceived.Add(c.idleTimeout())
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

// copyFlights sends each handshake flight a second time, shortly after the
// first: a loss here decides the time of a short transfer (§6.2).
func (c *Conn) copyFlights() {
	for i := range c.spaces {
		s := &c.spaces[i]
		if s.copyAt.IsSet() && !s.copyAt.After(c.now) {
			s.copyAt = 0
			s.out.requeue()
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
	c.trace("probe_timeout", "space %v, %d in a row", sp, c.recovery.ProbeCount())
	if c.recovery.ProbeCount() == persistentProbes {
		c.controller.OnPersistentTimeout(c.now)
		c.updatePacing()
	}
	c.queueProbe(sp)
}
