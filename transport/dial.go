package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"

	"example.com/uft/internal/core"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/udp"
	"example.com/uft/internal/wire"
)

// Dial connects to a server, "host:port". It returns as soon as data may be
// sent: after one round trip, or at once where Config.Session remembers the
// server (see Conn.EarlyData). A name with several addresses is tried on them
// shortly after each other, and the first that completes a handshake is taken.
func Dial(ctx context.Context, address string, cfg *Config) (*Conn, error) {
	checked, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	local := checked.LocalAddress
	if local == "" {
		local = ":0"
	}
	candidates, err := resolve(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	if checked.Carrier != UDP {
		checked.dialCarrier = checked.dialTCP
	}
	conn, err := listenLocal(local, checked.Carrier)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	candidates = reachable(candidates, conn.LocalAddr().Addr())
	if len(candidates) == 0 {
		conn.Close()
		return nil, fmt.Errorf("transport: %s has no address that can be reached from %s", address, conn.LocalAddr())
	}
	return dialOn(ctx, conn, address, candidates, checked)
}

// listenLocal opens the socket of a client.
func listenLocal(local string, carrier Carrier) (udp.Conn, error) {
	if carrier != TCP {
		return udp.Listen(local)
	}
	address, err := net.ResolveTCPAddr("tcp", local)
	if err != nil {
		return nil, err
	}
	from := address.AddrPort()
	if address.IP == nil {
		from = netip.AddrPortFrom(netip.IPv6Unspecified(), from.Port())
	}
	return newNoUDP(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())), nil
}

// reachable returns the addresses that a socket on local can send to: those of
// its own family, or all where it is on the unspecified IPv6 address.
func reachable(candidates []netip.AddrPort, local netip.Addr) []netip.AddrPort {
	if local.Is6() && local.IsUnspecified() {
		return candidates
	}
	var kept []netip.AddrPort
	for _, a := range candidates {
		if a.Addr().Is4() == local.Is4() {
			kept = append(kept, a)
		}
	}
	return kept
}

// dialOn connects to one of the candidates over a socket, which is Dial's from
// then on. server is the name under which the session is kept.
func dialOn(ctx context.Context, conn udp.Conn, server string, candidates []netip.AddrPort, cfg *Config) (*Conn, error) {
	s := newSocket(conn, cfg, false)
	s.endpoint = core.NewEndpoint(core.EndpointConfig{Rand: rand.Reader})
	go s.read()
	defer s.leave()
	d := &dialer{socket: s, cfg: cfg, memory: newMemory(cfg.Session, server)}
	if len(candidates) == 1 {
		return d.dialOne(ctx, candidates[0])
	}
	return d.race(ctx, candidates)
}

// A dialer makes the attempts of one Dial.
type dialer struct {
	socket *socket
	cfg    *Config
	memory *memory
}

// dialOne connects to a single address and returns as soon as data may be sent.
func (d *dialer) dialOne(ctx context.Context, remote netip.AddrPort) (*Conn, error) {
	c, err := d.start(remote)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.sendable:
		return c, nil
	case <-c.done:
		return nil, c.Err()
	case <-ctx.Done():
		_ = c.Close()
		return nil, context.Cause(ctx)
	}
}

// start begins a connection to an address.
func (d *dialer) start(remote netip.AddrPort) (*Conn, error) {
	c := newConn(d.socket, d.cfg, remote)
	c.memory = d.memory
	session, token, known := d.memory.recall(d.cfg.VerifyServer)
	cfg := d.cfg.coreConfig(c, initialCredit(availableMemory(), 0), d.socket.mayFragment)
	cfg.Token, cfg.RememberedPath = token, known
	if parameters, err := wire.ParseParameters(seal.SessionParameters(session)); session != nil && err == nil {
		cfg.RememberedParameters = &parameters
	}
	cfg.Engine = func(parameters []byte) seal.Engine {
		return seal.NewTLSClient(seal.ClientConfig{
			Verify:     c.verify,
			Parameters: parameters,
			Session:    session,
			EarlyData:  cfg.RememberedParameters != nil && token != nil,
		})
	}
	path := core.Path{Remote: remote}
	if d.cfg.Carrier == TCP {
		path = d.socket.carrierPath(remote) // nothing leaves before it stands
	}
	var err error
	c.core, err = core.NewClient(cfg, d.socket.clock.now(), path)
	if err != nil {
		return nil, convertError(err, nil)
	}
	d.socket.add(c)
	go c.run()
	if d.cfg.dialCarrier != nil {
		f := &fallback{conn: c, udp: path, only: d.cfg.Carrier == TCP}
		go f.run()
	}
	return c, nil
}

// verify asks Config.VerifyServer. The core calls it inside HandleTrain, so
// c.mu is held.
func (c *Conn) verify(key ed25519.PublicKey) error {
	if c.cfg.VerifyServer == nil {
		return nil
	}
	if err := c.cfg.VerifyServer(key); err != nil {
		c.refused = &IdentityError{Key: key, Err: err}
		return c.refused
	}
	return nil
}

// resolve returns the addresses of "host:port", in the order in which they are
// to be tried.
func resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "localhost"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addresses []netip.AddrPort
	for _, ip := range interleave(found) {
		addresses = append(addresses, netip.AddrPortFrom(ip, uint16(port)))
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return addresses, nil
}
