package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/prefix"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/udp"
)

const (
	// acceptBacklog is how many connections may wait for Accept.
	acceptBacklog = 128
	// minQuota is how many connections the clients of one network may have at
	// least, where Config.MaxConnections allows as many.
	minQuota = 64
)

// A Listener is a server: it accepts connections on one port, by UDP and TCP.
type Listener struct {
	socket      *socket
	cfg         *Config
	certificate tls.Certificate
	resetKey    []byte
	tickets     *seal.Tickets

	tcp     *tcpAcceptor  // nil: UDP alone
	memory  *memoryBudget // of all received transfers
	backlog chan *Conn
	closed  chan struct{}
	once    sync.Once

	// Guarded by socket.mu.
	accepted, refused uint64
	free              int64 // bytes of memory, at freeAt
	freeAt            time.Time
}

// ListenerStats is a snapshot of a Listener's counters.
type ListenerStats struct {
	Connections       int    // at the moment, half-open and closing ones included
	Accepted          uint64 // connections begun
	Refused           uint64 // clients that got no answer, for want of room
	SimulatedLoss     uint64 // datagrams thrown away by Config.Loss
	SocketDrops       uint64 // datagrams that the system dropped
	ReceiveBufferSize int    // bytes granted by the system; 0: not known
}

// Listen starts a server on address, "host:port". Without a host it takes IPv4
// and IPv6 on all addresses of the machine.
func Listen(address string, cfg *Config) (*Listener, error) {
	checked, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	opened, err := listenSockets(address, checked.Carrier)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	l, err := listenOn(opened.udp, checked)
	if err != nil {
		_ = opened.udp.Close()
		if opened.tcp != nil {
			_ = opened.tcp.Close()
		}
		return nil, err
	}
	if opened.tcp != nil {
		l.acceptTCP(opened.tcp)
	}
	return l, nil
}

// acceptTCP has the server accept TCP connections too.
func (l *Listener) acceptTCP(listener net.Listener) {
	l.tcp = &tcpAcceptor{socket: l.socket, listener: listener, most: l.quota, total: l.cfg.MaxConnections, done: make(chan struct{})}
	go l.tcp.run()
}

// Carrier returns what the server listens on: UDP and TCP, or only one of them.
// It is UDP also where TCP was not ruled out but its port was taken.
func (l *Listener) Carrier() Carrier {
	switch {
	case l.tcp == nil:
		return UDP
	case l.cfg.Carrier == TCP:
		return TCP
	}
	return AnyCarrier
}

// listenOn starts a server on a socket, which is the Listener's from then on
// unless there is an error.
func listenOn(conn udp.Conn, cfg *Config) (*Listener, error) {
	identity := cfg.Identity
	if identity == nil {
		var err error
		if _, identity, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return nil, fmt.Errorf("transport: a key for this run: %w", err)
		}
	}
	certificate, err := seal.SelfSigned(identity)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	tickets, err := seal.NewTickets(nil)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	tokenKey, err := addressTokenKey(identity)
	if err != nil {
		return nil, err
	}
	l := &Listener{
		socket:      newSocket(conn, cfg, true),
		cfg:         cfg,
		certificate: certificate,
		resetKey:    seal.ResetKey(identity, conn.LocalAddr().Port()),
		tickets:     tickets,
		memory:      &memoryBudget{limit: serverMemory(availableMemory(), cfg.BulkMemory)},
		backlog:     make(chan *Conn, acceptBacklog),
		closed:      make(chan struct{}),
	}
	l.socket.endpoint = core.NewEndpoint(core.EndpointConfig{
		Rand:        rand.Reader,
		ResetKey:    l.resetKey,
		TokenKey:    tokenKey,
		MaxHalfOpen: maxHalfOpen,
		Accept:      l.configure,
	})
	conn.WatchRefusals(l.socket.refused)
	go l.socket.read()
	return l, nil
}

// addressTokenKey derives the key of the address tokens from the identity, so
// that they outlive the process as the identity does.
func addressTokenKey(identity ed25519.PrivateKey) (*seal.TokenKey, error) {
	secret, err := hkdf.Key(sha256.New, identity.Seed(), nil, "uft/1 address token key", seal.TokenKeySize)
	if err != nil {
		return nil, fmt.Errorf("transport: token key: %w", err)
	}
	key, err := seal.NewTokenKey(secret)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	return key, nil
}

// configure makes the configuration of a new connection. The endpoint calls it
// inside Route, so the socket's mutex is held.
func (l *Listener) configure(remote netip.AddrPort, validated bool) (cfg core.Config, refuse bool) {
	s := l.socket
	if isDone(l.closed) || len(s.conns) >= l.cfg.MaxConnections || len(l.backlog) == cap(l.backlog) || l.neighbours(remote) >= l.quota() {
		l.refused++
		return core.Config{}, true
	}
	l.accepted++
	c := newConn(s, l.cfg, remote)
	c.offer, c.budget = l.offer, l.memory
	s.newest = c
	free := l.freeMemory()
	cfg = l.cfg.coreConfig(c, initialCredit(free, len(s.conns)), s.mayFragment)
	cfg.RepairMemory = repairMemory(min(cfg.RepairMemory, int64(l.memory.window(false)/2)), free, len(s.conns))
	cfg.ResetKey = l.resetKey
	cfg.Engine = func(parameters []byte) seal.Engine {
		return seal.NewTLSServer(seal.ServerConfig{
			Certificate: l.certificate,
			Parameters:  parameters,
			Tickets:     l.tickets,
			AllowEarly:  validated,
		})
	}
	return cfg, false
}

// quota is how many connections the clients of one network may have, so that
// they cannot take all that there are.
func (l *Listener) quota() int { return max(l.cfg.MaxConnections/4, minQuota) }

// neighbours counts the connections whose clients count as one with this one.
// The socket's mutex is held.
func (l *Listener) neighbours(remote netip.AddrPort) (n int) {
	network := prefix.Of(remote.Addr())
	for _, c := range l.socket.conns {
		if prefix.Of(c.remote.Addr()) == network {
			n++
		}
	}
	return n
}

// freeMemory returns what the machine has free, as of a second ago at most.
func (l *Listener) freeMemory() int64 {
	if now := time.Now(); l.freeAt.IsZero() || now.Sub(l.freeAt) > time.Second {
		l.free, l.freeAt = availableMemory(), now
	}
	return l.free
}

// offer gives a connection to Accept. One for which there is no room is closed.
func (l *Listener) offer(c *Conn) {
	select {
	case l.backlog <- c:
	default:
		c.startClose(0, "the server has too many connections waiting")
	}
}

// Accept returns the next connection whose handshake is complete, or whose
// data has come before that (see Conn.EarlyData).
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	if isDone(l.closed) {
		return nil, ErrClosed
	}
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, ErrClosed
	case <-l.socket.readerDone:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Addr returns the address of the socket, a *net.UDPAddr.
func (l *Listener) Addr() net.Addr { return net.UDPAddrFromAddrPort(l.socket.udp.LocalAddr()) }

// Identity returns the public key that clients see.
func (l *Listener) Identity() ed25519.PublicKey {
	return l.certificate.PrivateKey.(ed25519.PrivateKey).Public().(ed25519.PublicKey)
}

// Stats returns a snapshot of the counters.
func (l *Listener) Stats() ListenerStats {
	s := l.socket
	s.mu.Lock()
	defer s.mu.Unlock()
	return ListenerStats{
		Connections:       len(s.conns),
		Accepted:          l.accepted,
		Refused:           l.refused,
		SimulatedLoss:     s.dropped.Load(),
		SocketDrops:       s.udp.SocketDrops(),
		ReceiveBufferSize: s.udp.ReceiveBuffer(),
	}
}

// Close ends the server: it closes all connections with code 0, waits until
// their peers were told, and closes the socket.
func (l *Listener) Close() error {
	l.once.Do(func() {
		// The endpoint is asked under the socket's mutex, so no connection
		// begins once the channel is closed under it.
		l.socket.mu.Lock()
		close(l.closed)
		l.socket.mu.Unlock()
		conns := l.socket.all()
		for _, c := range conns {
			c.startClose(0, "the server ends")
		}
		for _, c := range conns {
			_ = c.Close()
		}
		l.socket.udp.Close()
		<-l.socket.readerDone
		if l.tcp != nil {
			l.tcp.close()
		}
		for _, c := range conns {
			// The end of the reader is the end of its linger.
			c.wakeOwner()
			<-c.stopped
		}
	})
	return nil
}
