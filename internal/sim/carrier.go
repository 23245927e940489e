package sim

import (
	"net/netip"

	"example.com/uft/internal/core"
)

// OpenCarrier opens what a TCP connection to the server would be and returns its
// path as the client sees it: everything arrives, in order, after the delay of
// the link, until Break. The client uses it from Conn.SetPath on.
func (p *Peer) OpenCarrier() core.Path {
	n := p.network
	n.connection++
	n.carriers[n.connection] = true
	return n.path(p.local, ServerAddress, n.connection)
}

// Break ends a carrier. What is under way on it is lost, and neither side can
// send on it any more.
func (n *Network) Break(connection uint64) {
	delete(n.carriers, connection)
	for _, p := range n.peers {
		if p.Conn.Path().Connection == connection {
			p.Conn.SetWritable(false)
		}
	}
}

// sendByCarrier puts a datagram on its way that arrives if the carrier still
// stands by then.
func (n *Network) sendByCarrier(d Direction, from, to netip.AddrPort, connection uint64, datagram []byte) {
	delay := n.cfg.Up.Delay
	if d == Down {
		delay = n.cfg.Down.Delay
	}
	a := &arrival{from: from, to: to, connection: connection, datagram: append([]byte(nil), datagram...)}
	n.Beside(n.now.Add(delay), func() {
		if n.carriers[connection] {
			n.handOver(a, a.datagram, len(a.datagram))
		}
	})
}
