package transport

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/tcp"
)

const (
	// closeFlush is how long the end of a connection over TCP may take: until
	// the other side has read the close and ends the TCP connection too.
	closeFlush = 5 * time.Second
	// carrierGrace is how long a server waits for a client whose TCP connection
	// was ended without a close: a program that lives opens another one.
	carrierGrace = 5 * time.Second
	// carrierIdle is how long a TCP connection may carry nothing of ours.
	carrierIdle = 10 * time.Second
)

// A carried is a TCP connection that takes datagrams of the socket, beside UDP
// or instead of it (docs/protocol.md §8.5).
type carried struct {
	carrier *tcp.Carrier
	path    core.Path
	conn    atomic.Pointer[Conn] // whose datagrams it takes: those of one connection
	heard   atomic.Bool          // something has come
	ended   chan struct{}        // closed when nothing comes any more
	err     error                // why; set before that
}

// carry takes an established TCP connection into use; wrap makes the carrier of
// one side.
func (s *socket) carry(conn net.Conn, wrap func(net.Conn, func()) *tcp.Carrier) *carried {
	k := &carried{ended: make(chan struct{})}
	k.carrier = wrap(conn, func() {
		if c := k.conn.Load(); c != nil {
			c.wakeOwner()
		}
	})
	k.path = s.carrierPath(k.carrier.RemoteAddr())
	if s.server {
		k.path.Local = k.carrier.LocalAddr()
	}
	s.mu.Lock()
	s.carriers[k.path.Connection] = k
	s.mu.Unlock()
	return k
}

// carrierPath returns a path of a carrier that does not stand yet.
func (s *socket) carrierPath(remote netip.AddrPort) core.Path {
	return core.Path{Remote: remote, Reliable: true, CarrierPaced: true, Connection: s.connections.Add(1)}
}

// carriedBy returns the carrier with that number, or nil.
func (s *socket) carriedBy(connection uint64) *carried {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.carriers[connection]
}

// readCarried hands over what comes until the carrier ends.
func (s *socket) readCarried(k *carried) {
	slab := takeSlab()
	for {
		n, segmentSize, err := k.carrier.ReadTrain(slab[:])
		if err != nil {
			k.err = err
			break
		}
		k.heard.Store(true)
		if s.dispatch(slab, n, segmentSize, pathOfTrain{path: k.path, carried: k}) {
			slab = takeSlab()
		}
	}
	giveSlab(slab)
	s.mu.Lock()
	delete(s.carriers, k.path.Connection)
	s.mu.Unlock()
	close(k.ended)
	k.carrier.Close()
	if c := k.conn.Load(); c != nil {
		c.wakeOwner()
	}
}

// followCarrier keeps in mind which carrier the present path has, and tells the
// core whether it takes anything. Only the owner calls it.
func (c *Conn) followCarrier() {
	c.mu.Lock()
	path := c.core.Path()
	there := destination{path.Remote, c.core.RemoteID()}
	c.mu.Unlock()
	switch before := c.destination.Load(); {
	case c.offer == nil:
	case path.Reliable:
		c.destination.Store(nil)
	case before == nil || *before != there:
		c.destination.Store(&there)
	}
	if k := c.carried; path.Connection != c.connection {
		c.connection = path.Connection
		c.carried = c.socket.carriedBy(path.Connection)
		if c.carried != nil && c.carried.conn.Load() != c {
			c.carried = nil
		}
		if k != nil {
			k.carrier.Close() // it was left, or is broken
		}
		c.mu.Lock()
		c.carriedFrom = netip.AddrPort{}
		if c.carried != nil {
			c.carriedFrom = c.carried.carrier.LocalAddr()
		}
		c.mu.Unlock()
	}
	switch {
	case c.connection == 0 || c.carried != nil && !isDone(c.carried.ended):
		c.brokenAt = time.Time{}
	case c.brokenAt.IsZero():
		c.brokenAt = time.Now()
	}
}

// writable reports whether the path takes more. Only the owner calls it.
func (c *Conn) writable() bool {
	return c.connection == 0 || c.carried != nil && c.carried.carrier.Writable()
}

// givesUpOnCarrier reports whether this is a server's connection whose carrier is
// broken. c.mu is held.
func (c *Conn) givesUpOnCarrier() bool {
	return c.offer != nil && !c.brokenAt.IsZero() && c.err == nil && !c.closing
}

// checkCarrier ends a server's connection whose carrier is broken and that gets
// no other one.
func (c *Conn) checkCarrier() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.givesUpOnCarrier() && time.Since(c.brokenAt) >= carrierGrace {
		c.core.Abandon(c.socket.clock.now(), &ClosedPortError{Client: true, Handshake: !c.core.Connected()})
	}
}

// closeLeft tells CloseWithError that the datagrams with the close have left. A
// carrier has them in its queue, and must not be reset before the other side has
// read them.
func (c *Conn) closeLeft() {
	if c.closeLeaves {
		return
	}
	c.closeLeaves = true
	k := c.carried
	if k == nil || isDone(k.ended) || c.connection == 0 {
		close(c.closeSent)
		return
	}
	go func() {
		k.carrier.Finish(closeFlush, k.ended)
		close(c.closeSent)
	}()
}

// dropCarriers ends the carriers of a connection that is forgotten.
func (s *socket) dropCarriers(c *Conn) {
	s.mu.Lock()
	var left []*carried
	for _, k := range s.carriers {
		if k.conn.Load() == c {
			left = append(left, k)
		}
	}
	s.mu.Unlock()
	for _, k := range left {
		k.carrier.Close()
		<-k.ended
	}
}
