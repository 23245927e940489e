package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// DialOptions is what a client remembers of the server, and from where it dials.
type DialOptions struct {
	Session   []byte          // of an earlier connection's Peer.Session
	EarlyData bool            // send 0-RTT, which needs a Session
	Token     []byte          // of an earlier connection's Peer.Token
	Path      core.PathMemory // of an earlier connection's Peer.Conn

	// Address is where the client is; by default every client has its own.
	Address netip.AddrPort
	// ExtraDelay is how much longer than the shared link the way between this
	// client and the server is, in either direction.
	ExtraDelay time.Duration
}

// Dial begins a connection to the server.
func (n *Network) Dial(o DialOptions) (*Peer, error) {
	n.dialled++
	random := n.random(1_000_000 + uint64(n.dialled))
	address := o.Address
	if !address.IsValid() {
		ip := netip.AddrFrom4([4]byte{198, 51, byte(n.dialled >> 8), byte(n.dialled)})
		address = netip.AddrPortFrom(ip, 40000)
	}
	cfg := n.connConfig(core.Client, random, func(parameters []byte) seal.Engine {
		engine := seal.NewNull(seal.Client, random, parameters)
		engine.Session, engine.EarlyData = o.Session, o.EarlyData
		return engine
	})
	cfg.Token, cfg.RememberedPath = o.Token, o.Path
	if o.EarlyData {
		p, err := wire.ParseParameters(seal.SessionParameters(o.Session))
		if err != nil {
			return nil, fmt.Errorf("parameters of the session: %w", err)
		}
		cfg.RememberedParameters = &p
	}
	conn, err := core.NewClient(cfg, n.now, n.path(address, ServerAddress, 0))
	if err != nil {
		return nil, fmt.Errorf("dialling: %w", err)
	}
	p := newPeer(n, core.Client, conn)
	p.local, p.public, p.extraDelay = address, address, o.ExtraDelay
	p.Name = fmt.Sprintf("client %d", n.dialled)
	n.clients[address] = p
	return p, nil
}

// Rebind gives the client another address, as a NAT does that has forgotten
// it: the client does not notice, and what is sent to the old address is lost.
func (p *Peer) Rebind(to netip.AddrPort) {
	delete(p.network.clients, p.public)
	p.public = to
	p.network.clients[to] = p
}

// Public returns the address by which the server sees the client.
func (p *Peer) Public() netip.AddrPort { return p.public }

// Vanish takes the peer out of the network without a word, as a process that
// is killed.
func (p *Peer) Vanish() {
	n := p.network
	if p.Role == core.Client {
		delete(n.clients, p.public)
	} else {
		n.server.endpoint.Remove(p.Conn)
		delete(n.server.byConn, p.Conn)
	}
	n.peers = slices.DeleteFunc(n.peers, func(other *Peer) bool { return other == p })
}
