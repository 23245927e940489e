// Package medium is a relay for UDP that behaves like a bad network. It
// stands between clients and a server and treats the datagrams of each
// direction as the model in package link decides.
//
// A relay works in one of two ways. Without Config.From it learns clients as
// a NAT does: each address that sends to it gets a socket of its own towards
// the server, so many clients are served at once and the server tells them
// apart. With Config.From it stands between two fixed addresses and uses its
// one listening socket for both: each of the two sees the other at the
// relay's address, and either may send first.
//
// All clients share one link per direction, as they would share a line: a
// rate is the rate of all of them together. Only the bytes of a datagram are
// relayed, not its marks in the IP header (ECN, hop limit).
//
// Delays are kept to about a millisecond, which is what timers on common
// systems give; rates are exact over any longer time.
package medium

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
)

// Bounds that apply where the Config names none.
const (
	// DefaultIdleTimeout is a common life of a UDP mapping in a NAT; RFC 4787
	// REQ-5 recommends five minutes.
	DefaultIdleTimeout    = 5 * time.Minute
	DefaultMaxClients     = 1024
	DefaultMaxQueuedBytes = 256 << 20
)

// A Config says where a relay stands and what it does.
type Config struct {
	Listen string // the address, host:port, where clients send to
	To     string // the address of the server
	From   string // the address of the only client, or empty to learn clients

	Up        link.Config // from clients to the server
	Down      link.Config // from the server to clients
	Scenarios Scenarios
	Seed      uint64 // of all chance on both links

	// IdleTimeout is how long a learned client may be silent, and unspoken
	// to, before it is forgotten. MaxClients bounds how many are remembered:
	// one more takes the place of the one idle for longest. MaxQueuedBytes
	// bounds the memory of delayed datagrams; what does not fit is dropped
	// and counted. Zero values mean the defaults above.
	IdleTimeout    time.Duration
	MaxClients     int
	MaxQueuedBytes int

	// Capture receives what enters and leaves, each datagram as an IP packet
	// from its client to the server or back; nil for none.
	Capture *pcap.Writer
	Trace   *Trace // nil for none
}

// A ConfigError is an error of Listen for a Config that cannot work anywhere,
// as against one for which this machine has no room just now.
type ConfigError struct{ reason error }

func (e *ConfigError) Error() string { return e.reason.Error() }

// Unwrap returns what is wrong with the configuration.
func (e *ConfigError) Unwrap() error { return e.reason }

// A Relay is a socket with two links behind it. Its methods may be called
// from any goroutine.
type Relay struct {
	config Config
	socket *net.UDPConn
	to     netip.AddrPort
	from   netip.AddrPort // valid only with Config.From
	began  time.Time      // the epoch of the relay's clock

	wake  chan struct{} // tells the scheduler of an earlier delivery
	done  chan struct{} // closed by Close
	tasks sync.WaitGroup

	strangers atomic.Uint64
	unserved  atomic.Uint64

	// mu guards what follows, the links included.
	mu         sync.Mutex
	closed     bool
	up, down   direction
	flows      map[netip.AddrPort]*flow
	nextExpiry instant.Time
	schedule   schedule
	queued     int             // bytes of memory held by parcels
	alarm      instant.Time    // until when the scheduler sleeps; 0 while it is awake
	deliveries []link.Delivery // reused by forward
}

// A direction is one of the two links with what the relay adds to it.
type direction struct {
	upward bool
	link   *link.Link
	meter  *meter // of the trace; nil for none

	// waiting is the number of parcels in the schedule or just being sent by
	// the scheduler. Only while it is zero may a datagram pass the schedule
	// by, or it would overtake them.
	waiting  int
	overflow uint64
	failed   atomic.Uint64
}

// Listen opens the socket of a relay. Nothing is relayed before Serve. An
// error is a *ConfigError where the configuration is at fault.
func Listen(config Config) (*Relay, error) {
	if err := validateLinks(config.Up, config.Down, config.Scenarios); err != nil {
		return nil, &ConfigError{err}
	}
	r := &Relay{
		config: withDefaults(config),
		began:  time.Now(),
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		flows:  make(map[netip.AddrPort]*flow),
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	upSeed, downSeed := seeds(config.Seed)
	r.up = direction{upward: true, meter: config.Trace.of(true), link: link.New(withHeaders(config.Up, r.to), upSeed)}
	r.down = direction{meter: config.Trace.of(false), link: link.New(withHeaders(config.Down, r.to), downSeed)}
	r.up.link.Follow(config.Scenarios.Up)
	r.down.link.Follow(config.Scenarios.Down)
	r.nextExpiry = r.now().Add(r.config.IdleTimeout)
	return r, nil
}

// open resolves the addresses and opens the listening socket.
func (r *Relay) open() error {
	local, err := net.ResolveUDPAddr("udp", r.config.Listen)
	if err != nil {
		return fmt.Errorf("address to listen at: %w", err)
	}
	if r.to, err = resolve(r.config.To); err != nil {
		return fmt.Errorf("address of the server: %w", err)
	}
	if r.config.From != "" {
		if r.from, err = resolve(r.config.From); err != nil {
			return fmt.Errorf("address of the client: %w", err)
		}
	}
	if r.socket, err = net.ListenUDP("udp", local); err != nil {
		// The cause alone: the rest of an OpError repeats the address.
		if operation := (*net.OpError)(nil); errors.As(err, &operation) {
			err = operation.Err
		}
		return fmt.Errorf("cannot listen at %s: %w", r.config.Listen, err)
	}
	if err := r.checkAddresses(); err != nil {
		r.socket.Close()
		return &ConfigError{err}
	}
	enlargeBuffers(r.socket)
	return nil
}

// checkAddresses refuses addresses that cannot work together.
func (r *Relay) checkAddresses() error {
	local := r.LocalAddr()
	if local == r.to {
		return fmt.Errorf("the relay would send to itself: it listens at %v, and the server is said to be there too", local)
	}
	if !r.from.IsValid() {
		return nil
	}
	if r.from == r.to {
		return fmt.Errorf("client and server have the same address %v", r.to)
	}
	// An unspecified IPv6 address listens for IPv4 too, on all systems that
	// Go opens a dual-stack socket on.
	if any6 := local.Addr().Is6() && local.Addr().IsUnspecified(); !any6 {
		for _, peer := range [...]netip.AddrPort{r.from, r.to} {
			if peer.Addr().Is4() != local.Addr().Is4() {
				return fmt.Errorf("%v cannot be reached from %v: with a fixed client one socket serves both sides, so all addresses must be IPv4, or all IPv6",
					peer, local)
			}
		}
	}
	return nil
}

// LocalAddr returns the address that clients send to.
func (r *Relay) LocalAddr() netip.AddrPort {
	return unmap(r.socket.LocalAddr().(*net.UDPAddr).AddrPort())
}

// Serve relays until the context ends, or Close is called, and then returns
// nil; datagrams still delayed are lost. It returns an error only when the
// listening socket fails. It may be called once.
func (r *Relay) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.Close)
	defer stop()
	r.tasks.Go(r.deliver)
	err := r.receive()
	r.Close()
	r.tasks.Wait()
	return err
}

// Close ends Serve and closes all sockets.
func (r *Relay) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	close(r.done)
	r.socket.Close()
	for _, f := range r.flows {
		f.close()
	}
}

// Counters is what a relay did so far.
type Counters struct {
	Up, Down  DirectionCounters
	Clients   int    // clients remembered now
	Strangers uint64 // datagrams from others than the two fixed addresses
	Unserved  uint64 // datagrams of clients for whom no socket could be opened
}

// DirectionCounters is what happened in one direction. A datagram counted as
// delivered by the link may be in Waiting, Overflow or Failed.
type DirectionCounters struct {
	link.Counters
	Waiting  int    // deliveries that are delayed now
	Overflow uint64 // deliveries dropped for lack of memory (Config.MaxQueuedBytes)
	Failed   uint64 // deliveries that the system refused to send
	Unseen   uint64 // packets that the kernel dropped before a tunnel could read them
}

// Counters returns what the relay did so far, also after its end.
func (r *Relay) Counters() Counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Counters{
		Up:        r.up.counters(),
		Down:      r.down.counters(),
		Clients:   len(r.flows),
		Strangers: r.strangers.Load(),
		Unserved:  r.unserved.Load(),
	}
}

// Links returns the configurations of the links as they are now.
func (r *Relay) Links() (up, down link.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up.link.Config(), r.down.link.Config()
}

// Change changes the links by the words of a specification, both or neither.
func (r *Relay) Change(c link.Changes) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return change(r.up.link, r.down.link, r.now(), c)
}

// change changes two links, both or neither.
func change(up, down *link.Link, now instant.Time, c link.Changes) error {
	before := up.Config()
	if err := up.Amend(now, c.Up); err != nil {
		return err
	}
	if err := down.Amend(now, c.Down); err != nil {
		up.Change(now, before)
		return err
	}
	return nil
}

func (d *direction) counters() DirectionCounters {
	return DirectionCounters{
		Counters: d.link.Counters(),
		Waiting:  d.waiting,
		Overflow: d.overflow,
		Failed:   d.failed.Load(),
	}
}

// now reads the relay's clock. It starts at one, since a zero instant means
// "not set".
func (r *Relay) now() instant.Time { return instant.Time(time.Since(r.began)) + 1 }

func withDefaults(c Config) Config {
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = DefaultIdleTimeout
	}
	if c.MaxClients <= 0 {
		c.MaxClients = DefaultMaxClients
	}
	if c.MaxQueuedBytes <= 0 {
		c.MaxQueuedBytes = DefaultMaxQueuedBytes
	}
	return c
}

// withHeaders makes a rate count whole IP packets, as a line does.
func withHeaders(c link.Config, to netip.AddrPort) link.Config {
	const (
		ipv4AndUDP = 20 + 8
		ipv6AndUDP = 40 + 8
	)
	if c.HeaderBytes == 0 {
		c.HeaderBytes = ipv6AndUDP
		if to.Addr().Is4() {
			c.HeaderBytes = ipv4AndUDP
		}
	}
	return c
}

// seeds derives the seeds of the two links, so that the directions do not
// lose the same datagrams.
func seeds(seed uint64) (up, down uint64) { return seed, ^seed }

// resolve turns host:port into an address that can be sent to.
func resolve(address string) (netip.AddrPort, error) {
	resolved, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	a := unmap(resolved.AddrPort())
	if !a.IsValid() || a.Addr().IsUnspecified() || a.Port() == 0 {
		return netip.AddrPort{}, &ConfigError{fmt.Errorf("%q: a host and a port above 0 are needed to send there", address)}
	}
	return a, nil
}

// unmap gives an IPv4 address its short form, so that equal addresses compare
// equal whatever socket they were seen on.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
