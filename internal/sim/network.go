package sim

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"net/netip"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/wire"
)

// A Direction names one of the two links.
type Direction int

// The directions, as seen from a client.
const (
	Up   Direction = iota // from the clients to the server
	Down                  // from the server to the clients
)

// Config is what a Network is made with.
type Config struct {
	Seed     uint64
	Up, Down link.Config // the network in either direction, shared by all clients
	// UpSteps and DownSteps say how it changes as time passes.
	UpSteps, DownSteps link.Scenario

	// Client, Server and Endpoint change the configurations that connections
	// and the server's endpoint are made with; nil leaves them alone.
	Client, Server func(*core.Config)
	Endpoint       func(*core.EndpointConfig)

	// Carrier has the paths be those of a carrier that loses nothing and paces
	// by itself, such as a TCP connection (docs/protocol.md §8.5).
	Carrier bool
	// Resident says whether file bytes are in memory when the core asks for
	// them; nil means always.
	Resident func(sender core.Role, transfer uint16, offset uint64) bool
	// Late is how late a program may be to look at its sockets and timers, as
	// on a busy machine (late.go); 0: never.
	Late time.Duration
	// AllowEarly has the server accept 0-RTT.
	AllowEarly bool
	// NoTranscript leaves out the digest of Network.Transcript, which takes
	// about a third of the time of a long run.
	NoTranscript bool
	// Trace receives what the connections trace, with the name of the side.
	Trace func(side string, e core.TraceEvent)
}

// Bounds of a run: far more than any scenario needs, so that what never ends
// is found and not waited for.
const (
	maxSteps      = 20_000_000
	maxStepsAtRow = 10_000 // without time passing
	trainSegments = 61
)

// Network is a server, its clients and what lies between them.
type Network struct {
	cfg      Config
	now      instant.Time
	queue    arrivals
	sequence uint64
	links    [2]*link.Link
	entered  [2]int

	server  *Server
	clients map[netip.AddrPort]*Peer // by the address that the server sees
	peers   []*Peer                  // all that are alive, in the order of their making
	closed  []*Peer                  // some that are over, for errors
	dialled int

	looks   *rand.Rand                      // how late programs are
	looking map[netip.AddrPort]instant.Time // when what came to an address is or was read

	carriers   map[uint64]bool // the open ones
	connection uint64          // the newest carrier

	transcript hash.Hash
	buffer     []byte
	train      []byte     // of the arrivals handed over at the moment
	free       []*arrival // served, to be used again
	deliveries []link.Delivery
	err        error

	// Filter may look at, change or drop (by returning false) a datagram as
	// it enters a link; index counts those of the direction from 0.
	Filter func(d Direction, index int, datagram []byte) bool
	// Sent is told of every datagram that a connection or the endpoint sends.
	Sent func(d Direction, now instant.Time, datagram []byte)
	// SentTo is told where each goes.
	SentTo func(d Direction, to netip.AddrPort, datagram []byte)
	// Carried is told of the traffic of others (Carry) as it enters a link.
	Carried func(d Direction, now instant.Time, size int)
}

// New returns a network with a server and no client. Time begins at one second.
func New(cfg Config) *Network {
	n := &Network{
		cfg: cfg, now: instant.Time(time.Second),
		clients:    make(map[netip.AddrPort]*Peer),
		carriers:   make(map[uint64]bool),
		transcript: sha256.New(),
		buffer:     make([]byte, trainSegments*wire.MaxDatagram),
	}
	n.looks, n.looking = rand.New(n.random(2)), make(map[netip.AddrPort]instant.Time)
	n.links[Up] = link.New(cfg.Up, 2*cfg.Seed)
	n.links[Down] = link.New(cfg.Down, 2*cfg.Seed+1)
	n.links[Up].Follow(cfg.UpSteps)
	n.links[Down].Follow(cfg.DownSteps)
	n.links[Up].Start(n.now)
	n.links[Down].Start(n.now)
	n.server = newServer(n)
	return n
}

// Now returns the virtual time.
func (n *Network) Now() instant.Time { return n.now }

// Elapsed returns the virtual time since the network was made.
func (n *Network) Elapsed() time.Duration { return n.now.Sub(instant.Time(time.Second)) }

// Server returns the server.
func (n *Network) Server() *Server { return n.server }

// Link returns the counters of one direction.
func (n *Network) Link(d Direction) link.Counters { return n.links[d].Counters() }

// Transcript is a digest of every datagram sent so far with its time and
// direction. Two runs of one script with one seed have the same.
func (n *Network) Transcript() string { return fmt.Sprintf("%x", n.transcript.Sum(nil)[:8]) }

// random returns the source of randomness with that name under the seed.
func (n *Network) random(name uint64) *rand.ChaCha8 {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], n.cfg.Seed)
	binary.LittleEndian.PutUint64(seed[8:], name)
	return rand.NewChaCha8(seed)
}

// ErrTime says that a run did not reach its end within its time.
var ErrTime = errors.New("the simulated time is over")

// Run lets time pass until the condition holds, for at most limit. It returns
// an error that wraps ErrTime when the condition never held, and the first
// violation of what always has to hold.
func (n *Network) Run(limit time.Duration, until func() bool) error {
	end := n.now.Add(limit)
	n.wakeAll() // whatever the script has done before
	for steps, inRow := 0, 0; ; steps++ {
		n.flush()
		if n.err != nil {
			return fmt.Errorf("at %v: %w", n.Elapsed(), n.err)
		}
		if until() {
			return nil
		}
		at := n.next()
		for _, p := range n.peers {
			at = instant.Min(at, p.due())
		}
		if at.After(end) {
			n.now = max(n.now, end)
			return fmt.Errorf("%w after %v; %s", ErrTime, limit, n.describe())
		}
		if at.After(n.now) {
			n.now, inRow = at, 0
		}
		if inRow++; inRow > maxStepsAtRow || steps > maxSteps {
			return fmt.Errorf("at %v: no end after %d steps, %d of them without time passing; %s", n.Elapsed(), steps, inRow, n.describe())
		}
		n.deliver()
		n.expire()
	}
}

// Sleep lets time pass.
func (n *Network) Sleep(d time.Duration) error {
	err := n.Run(d, func() bool { return false })
	if errors.Is(err, ErrTime) {
		return nil
	}
	return err
}

// describe names the state of all connections, for errors.
func (n *Network) describe() string {
	text := fmt.Sprintf("seed %d", n.cfg.Seed)
	for _, p := range n.closed {
		text += fmt.Sprintf("; %s: %v", p.Name, p.Closed)
	}
	for _, p := range n.peers {
		s := p.Conn.Stats()
		text += fmt.Sprintf("; %s: sent %d received %d datagrams, window %d, in flight %d, pace %d, RTT %v, lost %d, probes %d, deadline %v",
			p.Name, s.DatagramsSent, s.DatagramsReceived, s.Window, s.Inflight, s.PacingRate, s.SmoothedRTT, s.PacketsLost, s.ProbeTimeouts, p.Conn.Deadline())
	}
	return text
}

// fail keeps the first violation.
func (n *Network) fail(format string, args ...any) {
	if n.err == nil {
		n.err = fmt.Errorf(format, args...)
	}
}

// deliver hands over everything that arrives now. Datagrams that arrive at the
// same time on the same path are one train, as the kernel would give them.
func (n *Network) deliver() {
	for !n.next().After(n.now) {
		a := heap.Pop(&n.queue).(*arrival)
		if a.do != nil {
			a.do()
			if !a.foreign {
				n.wakeAll()
			}
			continue
		}
		if n.putOff(a) {
			continue
		}
		train, size := append(n.train[:0], a.datagram...), len(a.datagram)
		for len(n.queue) > 0 && len(train)/size < trainSegments && len(train)%size == 0 {
			b := n.queue[0]
			if b.at.After(n.now) || b.do != nil || n.cfg.Late > 0 && !b.seen || b.from != a.from || b.to != a.to || b.connection != a.connection || b.ecn != a.ecn || len(b.datagram) > size {
				break
			}
			heap.Pop(&n.queue)
			train = append(train, b.datagram...)
			n.free = append(n.free, b)
		}
		n.train = train
		n.handOver(a, train, size)
		n.free = append(n.free, a)
	}
}

func (n *Network) handOver(a *arrival, train []byte, size int) {
	if a.to == ServerAddress {
		n.server.receive(a, train, size)
		return
	}
	if p := n.clients[a.to]; p != nil {
		p.receive(n.path(p.local, a.from, a.connection), a.ecn, train, size)
	}
}

// path describes the way between two addresses as the shell of local sees it.
func (n *Network) path(local, remote netip.AddrPort, connection uint64) core.Path {
	carrier := n.cfg.Carrier || connection != 0
	return core.Path{Local: local, Remote: remote, Reliable: carrier, CarrierPaced: carrier, Connection: connection}
}

// expire calls the connections whose timer has run out.
func (n *Network) expire() {
	for _, p := range n.peers {
		if p.wake() {
			p.Conn.HandleTimeout(n.now)
			p.awake = true
		}
	}
}

// wakeAll has every connection called: the script may have done anything.
func (n *Network) wakeAll() {
	for _, p := range n.peers {
		p.awake = true
	}
}

// flush lets the connections to which something has happened, and their
// applications, do what they can now, and forgets connections that are over. The
// others wait for their deadlines, as on a machine of their own: called whenever
// anything happens anywhere, they would all send at the moments in which the
// bottleneck has room for one more datagram, and the first in the list would have it.
func (n *Network) flush() {
	gone := false
	for i := 0; i < len(n.peers); i++ { // an application may dial, so the list may grow
		p := n.peers[i]
		if p.awake && !p.asleep() {
			p.awake = false
			p.flush()
		}
		gone = gone || p.Conn.Gone()
	}
	if !gone {
		return
	}
	kept := n.peers[:0]
	for _, p := range n.peers {
		if !p.Conn.Gone() {
			kept = append(kept, p)
			continue
		}
		n.closed = append(n.closed[:min(len(n.closed), 8)], p)
		if p.Role == core.Server {
			n.server.endpoint.Remove(p.Conn)
			delete(n.server.byConn, p.Conn)
		}
	}
	clear(n.peers[len(kept):])
	n.peers = kept
}

// send puts a datagram on its way, by a carrier or, where connection is 0, by
// the link.
func (n *Network) send(d Direction, from, to netip.AddrPort, connection uint64, datagram []byte) {
	n.record(d, datagram)
	if n.Sent != nil {
		n.Sent(d, n.now, datagram)
	}
	if n.SentTo != nil {
		n.SentTo(d, to, datagram)
	}
	if connection != 0 {
		n.sendByCarrier(d, from, to, connection, datagram)
		return
	}
	index := n.entered[d]
	n.entered[d]++
	if n.Filter != nil {
		datagram = append([]byte(nil), datagram...)
		if !n.Filter(d, index, datagram) {
			return
		}
	}
	extra := n.extraDelay(d, from, to)
	n.deliveries = n.links[d].Admit(n.now, len(datagram), n.deliveries[:0])
	for _, arriving := range n.deliveries {
		a := n.arrival(datagram)
		a.at, a.from, a.to = arriving.At.Add(extra), from, to
		arriving.Damage(a.datagram)
		n.push(a)
	}
}

// record adds a datagram to the transcript.
func (n *Network) record(d Direction, datagram []byte) {
	if n.cfg.NoTranscript {
		return
	}
	var head [10]byte
	binary.LittleEndian.PutUint64(head[:], uint64(n.now))
	head[8] = byte(d)
	n.transcript.Write(head[:])
	n.transcript.Write(datagram)
}

// extraDelay is how much longer than the link the way of a client is.
func (n *Network) extraDelay(d Direction, from, to netip.AddrPort) time.Duration {
	if d == Down {
		from = to
	}
	if p := n.clients[from]; p != nil {
		return p.extraDelay
	}
	return 0
}

// Inject has a datagram arrive at the server now, as if it came from that
// address, or at the client of that address where toClient is set.
func (n *Network) Inject(toClient bool, address netip.AddrPort, datagram []byte) {
	n.Delay(0, toClient, address, datagram)
}

// Delay is Inject after a time.
func (n *Network) Delay(by time.Duration, toClient bool, address netip.AddrPort, datagram []byte) {
	a := &arrival{at: n.now.Add(by), from: address, to: ServerAddress, datagram: append([]byte(nil), datagram...)}
	if toClient {
		a.from, a.to = ServerAddress, address
	}
	n.push(a)
}
