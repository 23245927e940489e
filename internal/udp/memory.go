package udp

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// An Impairment decides the fate of a datagram on a MemoryNet: how long it
// takes, or that it is lost. It may change the bytes. It is never called twice
// at once.
type Impairment func(from, to netip.AddrPort, datagram []byte) (delay time.Duration, lost bool)

// A MemoryNet is a network in memory for tests. Its goroutines only ever wait
// on channels, so it also serves inside a testing/synctest bubble.
type MemoryNet struct {
	impairment Impairment // nil: a perfect network

	mu       sync.Mutex
	sockets  map[netip.AddrPort]*memoryConn
	nextPort uint16
}

// memoryQueue is the receive buffer of a socket in memory, in datagrams.
const memoryQueue = 8192

// firstMemoryPort is the first port that a MemoryNet chooses by itself.
const firstMemoryPort = 49152

// NewMemoryNet returns a network without sockets. Without an impairment every
// datagram arrives at once.
func NewMemoryNet(impairment Impairment) *MemoryNet {
	return &MemoryNet{
		impairment: impairment,
		sockets:    map[netip.AddrPort]*memoryConn{},
		nextPort:   firstMemoryPort,
	}
}

// Listen opens a socket on a specific address; port 0 lets the network choose.
func (m *MemoryNet) Listen(address netip.AddrPort) (Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if address.Port() == 0 {
		address = netip.AddrPortFrom(address.Addr(), m.nextPort)
		m.nextPort++
	}
	if m.sockets[address] != nil {
		return nil, fmt.Errorf("udp: %v is in use", address)
	}
	c := &memoryConn{
		net:    m,
		local:  address,
		queue:  make(chan memoryDatagram, memoryQueue),
		closed: make(chan struct{}),
	}
	m.sockets[address] = c
	return c, nil
}

// send takes a datagram to where it belongs, which may be nowhere.
func (m *MemoryNet) send(from, to netip.AddrPort, datagram []byte) {
	d := memoryDatagram{from: from, bytes: append([]byte(nil), datagram...)}
	m.mu.Lock()
	defer m.mu.Unlock()
	var delay time.Duration
	if m.impairment != nil {
		var lost bool
		if delay, lost = m.impairment(from, to, d.bytes); lost {
			return
		}
	}
	if delay <= 0 {
		m.deliver(to, d)
		return
	}
	time.AfterFunc(delay, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.deliver(to, d)
	})
}

// deliver puts a datagram into the queue of its receiver. m.mu is held.
func (m *MemoryNet) deliver(to netip.AddrPort, d memoryDatagram) {
	c := m.sockets[to]
	if c == nil {
		if sender := m.sockets[d.from]; sender != nil && sender.refused != nil {
			go sender.refused(to, d.bytes[:min(len(d.bytes), maxQuoted)]) // it may call what sends
		}
		return
	}
	select {
	case c.queue <- d:
	default:
		c.drops.Add(1)
	}
}

// memoryDatagram is a datagram on its way or in a queue.
type memoryDatagram struct {
	from  netip.AddrPort
	bytes []byte
}

// memoryConn is a socket of a MemoryNet.
type memoryConn struct {
	net    *MemoryNet
	local  netip.AddrPort
	queue  chan memoryDatagram
	closed chan struct{}
	once   sync.Once
	drops  atomic.Uint64

	refused func(remote netip.AddrPort, quoted []byte) // guarded by the mutex of the network

	// held was taken from the queue and did not fit the last train.
	held *memoryDatagram
}

func (c *memoryConn) LocalAddr() netip.AddrPort { return c.local }
func (c *memoryConn) SocketDrops() uint64       { return c.drops.Load() }
func (c *memoryConn) ReceiveBuffer() int        { return 0 }

// forbidFragments reports true: a network in memory has no fragments.
func (c *memoryConn) forbidFragments() bool { return true }

// PortClosed returns false: nothing in memory answers for a machine.
func (c *memoryConn) PortClosed(netip.AddrPort) bool { return false }

// WatchRefusals is told by the network at once.
func (c *memoryConn) WatchRefusals(tell func(netip.AddrPort, []byte)) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.refused = tell
}

func (c *memoryConn) Close() error {
	c.once.Do(func() {
		c.net.mu.Lock()
		delete(c.net.sockets, c.local)
		c.net.mu.Unlock()
		close(c.closed)
	})
	return nil
}

// ReadTrain joins datagrams of one sender that wait in the queue, as the
// kernel does: equal ones, and one shorter at the end.
func (c *memoryConn) ReadTrain(buf []byte) (n, segmentSize int, remote, local netip.AddrPort, ecn byte, err error) {
	first, err := c.first()
	if err != nil {
		return 0, 0, netip.AddrPort{}, netip.AddrPort{}, 0, err
	}
	n = copy(buf, first.bytes)
	segmentSize = n
	for count := 1; count < MaxSegments && n%max(segmentSize, 1) == 0; count++ {
		var next memoryDatagram
		select {
		case next = <-c.queue:
		default:
			return n, segmentSize, first.from, c.local, 0, nil
		}
		if next.from != first.from || len(next.bytes) > segmentSize || len(next.bytes) == 0 || n+len(next.bytes) > len(buf) {
			c.held = &next
			break
		}
		n += copy(buf[n:], next.bytes)
	}
	return n, segmentSize, first.from, c.local, 0, nil
}

// first returns the next datagram, waiting for it.
func (c *memoryConn) first() (memoryDatagram, error) {
	select {
	case <-c.closed:
		return memoryDatagram{}, c.closedError("read")
	default:
	}
	if c.held != nil {
		d := *c.held
		c.held = nil
		return d, nil
	}
	select {
	case d := <-c.queue:
		return d, nil
	case <-c.closed:
		return memoryDatagram{}, c.closedError("read")
	}
}

func (c *memoryConn) WriteTrain(buf []byte, segmentSize int, remote, _ netip.AddrPort) error {
	return eachDatagram(buf, segmentSize, func(datagram []byte) error {
		select {
		case <-c.closed:
			return c.closedError("write")
		default:
		}
		c.net.send(c.local, remote, datagram)
		return nil
	})
}

func (c *memoryConn) closedError(operation string) error {
	return &net.OpError{Op: operation, Net: "memory", Addr: net.UDPAddrFromAddrPort(c.local), Err: net.ErrClosed}
}
