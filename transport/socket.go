package transport

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/link"
	"example.com/uft/internal/udp"
	"example.com/uft/internal/wire"
)

// pathOfTrain is where a train came from and what routers wrote on it.
type pathOfTrain struct {
	path    core.Path
	ecn     core.ECN
	carried *carried // that it came by; nil: UDP
}

// A socket is a UDP socket with the connections on it: those of a Listener, or
// those that one Dial tries. Its reader goroutine finds the connection of each
// train.
type socket struct {
	udp    udp.Conn
	clock  clock
	server bool
	// mayFragment: datagrams may be cut in pieces on their way. Only Linux forbids
	// it unasked.
	mayFragment bool

	simulated *lossFilter // nil: none
	dropped   atomic.Uint64

	// mu guards what follows. It may be locked while no Conn's mutex is held,
	// and no Conn's mutex is locked under it.
	mu       sync.Mutex
	endpoint *core.Endpoint
	conns    map[*core.Conn]*Conn
	users    int   // of the socket; the last to leave closes it
	newest   *Conn // made for the connection that the endpoint is creating
	carriers map[uint64]*carried

	connections atomic.Uint64 // TCP connections so far: their numbers

	readerDone chan struct{}
}

// newSocket makes a socket with one user, the caller. The endpoint is set by
// the caller, who then starts the reader.
func newSocket(conn udp.Conn, cfg *Config, server bool) *socket {
	s := &socket{
		udp: conn, clock: newClock(), server: server,
		conns: map[*core.Conn]*Conn{}, carriers: map[uint64]*carried{}, users: 1, readerDone: make(chan struct{}),
	}
	s.mayFragment = (cfg.BlockSize == 0 && runtime.GOOS != "linux") || !udp.ForbidFragments(conn)
	if cfg.Loss > 0 {
		s.simulated = &lossFilter{link: link.New(link.Config{Loss: cfg.Loss}, cfg.Seed)}
	}
	return s
}

// A destination is where a server's datagrams go, and what they begin with.
type destination struct {
	remote netip.AddrPort
	id     wire.ConnectionID
}

// refused tells a connection that one of its datagrams, which began with quoted,
// came back because nobody listens at remote. Where the quotation is too short to
// show whose it was, anybody may have made it up.
func (s *socket) refused(remote netip.AddrPort, quoted []byte) {
	id, ok := wire.DestinationID(quoted)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if to := c.destination.Load(); to != nil && *to == (destination{remote, id}) {
			c.refusals.Add(1)
			c.wakeOwner()
		}
	}
}

// add makes a dialled connection known.
func (s *socket) add(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint.AddClient(c.core)
	s.conns[c.core] = c
	s.users++
}

// remove forgets a connection.
func (s *socket) remove(c *Conn) {
	s.mu.Lock()
	s.endpoint.Remove(c.core)
	delete(s.conns, c.core)
	s.mu.Unlock()
	s.dropCarriers(c)
	s.leave()
}

// established tells the endpoint that a connection is no longer half-open.
func (s *socket) established(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint.Established(c.core)
}

// leave ends the use of the socket by one user.
func (s *socket) leave() {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if last {
		s.udp.Close()
	}
}

// all returns the connections of the socket.
func (s *socket) all() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// read is the reader goroutine.
func (s *socket) read() {
	slab := takeSlab()
	defer func() { giveSlab(slab) }()
	for {
		n, segmentSize, remote, local, ecn, err := s.udp.ReadTrain(slab[:])
		if err != nil {
			close(s.readerDone)
			for _, c := range s.all() {
				c.abandon(err)
			}
			return
		}
		path := pathOfTrain{path: core.Path{Remote: remote}, ecn: core.ECN(ecn & 3)}
		if s.server {
			// A client lets the system choose its address for every train: it
			// may have changed networks since the last one.
			path.path.Local = local
		}
		if s.dispatch(slab, n, segmentSize, path) {
			slab = takeSlab()
		}
	}
}

// dispatch hands the datagrams of a train to their connections. The kernel
// joins datagrams by their addresses, and two connections of one program, or
// behind one relay, have the same. It reports whether the slab was given away.
func (s *socket) dispatch(slab *slabBuffer, n, segmentSize int, path pathOfTrain) (given bool) {
	if run := sameConnection(slab[:n], segmentSize); run == n && n > smallTrain {
		if c := s.route(slab[:min(n, segmentSize)], path); c != nil {
			c.take(train{large: slab, length: n, segmentSize: segmentSize, path: path})
			return true
		}
		return false
	}
	for rest := slab[:n]; len(rest) > 0; {
		run := rest[:sameConnection(rest, segmentSize)]
		rest = rest[len(run):]
		if c := s.route(run[:min(len(run), segmentSize)], path); c != nil {
			c.take(copyTrain(run, segmentSize, path))
		}
	}
	return false
}

// sameConnection returns the length in bytes of the run of datagrams at the
// start of a train that have one form of header and one connection ID.
func sameConnection(p []byte, segmentSize int) int {
	if len(p) <= segmentSize {
		return len(p)
	}
	first, ok := wire.DestinationID(p[:segmentSize])
	long := wire.IsLong(p)
	for end := segmentSize; end < len(p); end += segmentSize {
		datagram := p[end:min(end+segmentSize, len(p))]
		id, known := wire.DestinationID(datagram)
		if !ok || !known || id != first || wire.IsLong(datagram) != long {
			return end
		}
	}
	return len(p)
}

// route finds the connection of a datagram, and starts one where the datagram
// begins one. It sends the answer where the endpoint itself has one.
func (s *socket) route(datagram []byte, path pathOfTrain) *Conn {
	s.mu.Lock()
	if k := path.carried; k != nil && k.conn.Load() != nil {
		// A TCP connection carries one connection: nothing else may come of it.
		c := s.conns[s.endpoint.Find(path.path, datagram)]
		s.mu.Unlock()
		if c != k.conn.Load() {
			return nil
		}
		return c
	}
	route := s.endpoint.Route(s.clock.now(), time.Now().Unix(), path.path, datagram)
	c := s.conns[route.Conn]
	newest := s.newest
	s.newest = nil
	if route.New && newest != nil {
		c = newest
		c.core = route.Conn
		s.conns[route.Conn] = c
		s.users++
	}
	if path.carried != nil && c != nil {
		// Under the mutex, so that a connection that is forgotten finds all its
		// carriers.
		path.carried.conn.Store(c)
	}
	s.mu.Unlock()
	if route.New && c != nil {
		go c.run()
	}
	if len(route.Reply) > 0 && (path.carried == nil || path.carried.carrier.Writable()) {
		_ = s.send(route.Reply, len(route.Reply), path.path)
	}
	return c
}

// send sends a train after the simulated loss. Only a closed socket is an
// error of consequence; everything else is loss.
func (s *socket) send(buf []byte, segmentSize int, path core.Path) error {
	if s.simulated != nil {
		n := len(buf)
		buf = s.simulated.filter(buf, segmentSize)
		if len(buf) < n {
			s.dropped.Add(uint64((n - len(buf) + segmentSize - 1) / segmentSize))
		}
		if len(buf) == 0 {
			return nil
		}
	}
	if path.Reliable {
		if k := s.carriedBy(path.Connection); k != nil {
			_ = k.carrier.WriteTrain(buf, segmentSize) // where it is broken, its reader says so
		}
		return nil
	}
	var local netip.AddrPort
	if s.server {
		local = path.Local
	}
	return s.udp.WriteTrain(buf, segmentSize, path.Remote, local)
}

// portClosed asks whether somebody listens at remote. The question is a
// datagram like any other, so the simulated loss may take it.
func (s *socket) portClosed(remote netip.AddrPort) bool {
	if s.simulated != nil && len(s.simulated.filter([]byte{0}, 1)) == 0 {
		s.dropped.Add(1)
		return false
	}
	return s.udp.PortClosed(remote)
}

// isClosed reports whether an error of send says that the socket is gone.
func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// A lossFilter throws datagrams away for Config.Loss.
type lossFilter struct {
	mu     sync.Mutex
	link   *link.Link
	result [1]link.Delivery
}

// filter draws for every datagram of a train and closes the gaps of those that
// are lost. The train stays one: only its last datagram may be shorter.
func (f *lossFilter) filter(buf []byte, segmentSize int) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := 0
	for start := 0; start < len(buf); start += segmentSize {
		datagram := buf[start:min(start+segmentSize, len(buf))]
		// The time plays no part in a loss drawn for each datagram by itself.
		if len(f.link.Admit(clockStart, len(datagram), f.result[:0])) > 0 {
			kept += copy(buf[kept:], datagram)
		}
	}
	return buf[:kept]
}
