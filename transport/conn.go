package transport

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"example.com/uft/internal/core"
)

// Bounds of the queue between the reader of the socket and a connection's
// owner, implementation constants. What does not fit is dropped, like
// datagrams that find the socket's buffer full.
const (
	maxQueuedTrains = 256
	maxQueuedMemory = 8 << 20 // bytes
)

// A Conn is a connection. Its methods may be called from several goroutines at
// once.
type Conn struct {
	socket *socket
	cfg    *Config
	remote netip.AddrPort

	trains       chan train
	queuedMemory atomic.Int64
	droppedHere  atomic.Uint64 // datagrams that did not fit the queue
	wake         chan struct{} // the owner has something to do

	connected chan struct{} // closed at the end of the handshake
	sendable  chan struct{} // closed when data may be sent
	done      chan struct{} // closed when the connection is over
	closeSent chan struct{} // closed when the close that we asked for has left
	leaving   chan struct{} // closed when the owner takes nothing more
	stopped   chan struct{} // closed when the owner has ended
	sendFails chan struct{} // closed at the first error of the socket

	// offer gives a server's connection to the Listener; nil at a client.
	offer   func(*Conn)
	offered bool // of the owner

	// memory is what a client keeps of the server; nil where it keeps nothing.
	memory *memory

	port portWatch // of the owner

	destination atomic.Pointer[destination] // of a server; nil: over TCP
	refusals    atomic.Uint64               // of datagrams, as ICMP tells

	// The carrier of the present path. Of the owner.
	connection  uint64   // its number; 0: UDP
	carried     *carried // nil: UDP, or one that is broken
	brokenAt    time.Time
	closeLeaves bool // the close is on its way
	discarded   bool // what the carrier had not written was dropped for it

	room          chan struct{} // a reader that waits may look at queuedMemory again
	tcpFailed     atomic.Bool   // an attempt to go over TCP has failed
	answered      chan struct{} // closed when a client has heard from the server
	answeredByTCP bool          // set before that

	// mu guards the core and everything below, and the fields of the
	// connection's streams and transfers where they say so.
	mu        sync.Mutex
	core      *core.Conn
	err       error // why the connection is over
	refused   error // of Config.VerifyServer
	sendError error // latest of the socket
	closing   bool  // this side asked to close

	carriedFrom netip.AddrPort // local address of the carrier, where there is one

	streams   map[uint64]*Stream
	senders   map[uint16]*BulkSender
	source    *BulkSender // whose block was asked for last
	receivers map[uint16]*BulkReceiver
	recent    *BulkReceiver // that receiver returned last: block after block belongs to the same
	resident  int64         // bytes of the buffers of all senders

	newStreams   []*Stream
	newReceivers []*BulkReceiver
	accepting    signal // something was added to one of the two
	progress     signal // something came from the peer

	backlog    int64         // bytes of transfers that the application holds or should take
	slabMemory int64         // bytes of the buffers that hold them
	budget     *memoryBudget // of the Listener; nil: there is none
	shares     bool          // the budget counts this connection
}

// newConn makes the shell of a connection. Its core follows.
func newConn(s *socket, cfg *Config, remote netip.AddrPort) *Conn {
	return &Conn{
		socket: s, cfg: cfg, remote: remote,
		trains:    make(chan train, maxQueuedTrains),
		wake:      make(chan struct{}, 1),
		connected: make(chan struct{}),
		sendable:  make(chan struct{}),
		done:      make(chan struct{}),
		closeSent: make(chan struct{}),
		leaving:   make(chan struct{}),
		stopped:   make(chan struct{}),
		sendFails: make(chan struct{}),
		answered:  make(chan struct{}),
		room:      make(chan struct{}, 1),
		streams:   map[uint64]*Stream{},
		senders:   map[uint16]*BulkSender{},
		receivers: map[uint16]*BulkReceiver{},
	}
}

// Connected returns a channel that is closed when the handshake is complete:
// the server is the one that it should be, and nothing that comes now is a
// replay.
func (c *Conn) Connected() <-chan struct{} { return c.connected }

// Done returns a channel that is closed when the connection is over. Err then
// says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection is over, or nil while it is not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// EarlyData reports whether what is sent or received now travels before the
// end of the handshake (0-RTT), so that it may be a replay.
func (c *Conn) EarlyData() bool { return !isDone(c.connected) }

// PeerIdentity returns the server's public key, at a client after the
// handshake. Otherwise it is nil.
func (c *Conn) PeerIdentity() ed25519.PublicKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.PeerIdentity()
}

// LocalAddr returns the address of the socket, which for UDP on all addresses of
// the machine is an unspecified one. It is a *net.UDPAddr, over TCP too.
func (c *Conn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.carriedFrom.IsValid() {
		return net.UDPAddrFromAddrPort(c.carriedFrom)
	}
	return net.UDPAddrFromAddrPort(c.socket.udp.LocalAddr())
}

// RemoteAddr returns the address of the peer when the connection was made. It
// is a *net.UDPAddr, over TCP too.
func (c *Conn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }

// Carrier returns what takes the datagrams of this connection at the moment,
// UDP or TCP. A client that would rather use UDP returns TCP only when the server
// has answered by it.
func (c *Conn) Carrier() Carrier {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.core.Path().Reliable && (c.offer != nil || c.cfg.Carrier == TCP || c.core.Answered()) {
		return TCP
	}
	return UDP
}

// SetRate sets the rate at which is sent, in bit/s with all headers from IP
// on; 0 lets the connection find it.
func (c *Conn) SetRate(bitsPerSecond int64) {
	c.mu.Lock()
	c.core.SetRate(c.socket.clock.now(), max(0, bitsPerSecond))
	c.mu.Unlock()
	c.wakeOwner()
}

// SetBackground has the connection send only what all others on the path leave, or
// no longer. A rate set by SetRate goes before it.
func (c *Conn) SetBackground(on bool) {
	c.mu.Lock()
	c.core.SetBackground(c.socket.clock.now(), on)
	c.mu.Unlock()
	c.wakeOwner()
}

// Close closes the connection with code 0; see CloseWithError.
func (c *Conn) Close() error { return c.CloseWithError(0, "") }

// CloseWithError closes the connection at once and tells the peer's program
// the code and the reason. It returns when the datagram that says so has been
// given to the system; the process may then exit. On a connection that is over
// it does nothing. The error is always nil.
func (c *Conn) CloseWithError(code uint64, reason string) error {
	c.startClose(code, reason)
	select {
	case <-c.closeSent:
	case <-c.stopped:
	}
	return nil
}

// startClose closes the connection without waiting for anything.
func (c *Conn) startClose(code uint64, reason string) {
	c.mu.Lock()
	if c.err == nil && !c.closing {
		c.core.Close(c.socket.clock.now(), code, reason)
	}
	c.closing = true
	c.mu.Unlock()
	c.wakeOwner()
}

// isClosing reports whether this side has closed the connection.
func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// abandon ends a connection whose socket is gone: nobody can be told. The core
// is closed so that it lets go of the handshake.
func (c *Conn) abandon(cause error) {
	c.mu.Lock()
	c.finish(convertError(cause, nil))
	c.core.Close(c.socket.clock.now(), 0, "")
	c.mu.Unlock()
	c.wakeOwner()
}

// finish records why the connection is over and releases all who wait. c.mu is
// held.
func (c *Conn) finish(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
}

// OpenStream opens a stream. It waits while the peer allows no further one.
func (c *Conn) OpenStream(ctx context.Context) (*Stream, error) {
	for {
		c.mu.Lock()
		if c.err != nil {
			defer c.mu.Unlock()
			return nil, c.err
		}
		id, err := c.core.OpenStream()
		if err == nil {
			s := c.addStream(id)
			c.mu.Unlock()
			return s, nil
		}
		progress := c.progress.wait()
		c.mu.Unlock()
		if !errors.Is(err, core.ErrStreamLimit) {
			return nil, convertError(err, nil)
		}
		if err := c.await(ctx, progress); err != nil {
			return nil, err
		}
	}
}

// AcceptStream returns the next stream that the peer has opened.
func (c *Conn) AcceptStream(ctx context.Context) (*Stream, error) {
	return accept(ctx, c, &c.newStreams)
}

// AcceptBulk returns the next transfer that the peer has begun.
func (c *Conn) AcceptBulk(ctx context.Context) (*BulkReceiver, error) {
	return accept(ctx, c, &c.newReceivers)
}

// accept waits for the first element of one of the connection's queues, which
// are guarded by its mutex. What came before the connection ended is still
// handed out.
func accept[T any](ctx context.Context, c *Conn, queue *[]T) (T, error) {
	var none T
	for {
		c.mu.Lock()
		if len(*queue) > 0 {
			first := (*queue)[0]
			(*queue)[0] = none
			*queue = (*queue)[1:]
			c.mu.Unlock()
			return first, nil
		}
		err := c.err
		more := c.accepting.wait()
		c.mu.Unlock()
		if err != nil {
			return none, err
		}
		if err := c.await(ctx, more); err != nil {
			return none, err
		}
	}
}

// await waits for a change or the end of the connection, both of which the
// caller then looks at, or for the end of the context, which is an error.
func (c *Conn) await(ctx context.Context, change <-chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-change:
		return nil
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// OpenBulk begins a transfer. It does not wait.
func (c *Conn) OpenBulk(ctx context.Context) (*BulkSender, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	id, err := c.core.OpenBulk()
	if err != nil {
		return nil, convertError(err, nil)
	}
	b := &BulkSender{conn: c, id: id, delivered: make(chan struct{})}
	c.senders[id] = b
	return b, nil
}

// addStream makes the shell of a stream. c.mu is held.
func (c *Conn) addStream(id uint64) *Stream {
	s := newStream(c, id)
	c.streams[id] = s
	return s
}
