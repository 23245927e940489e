// Package tcp carries trains of datagrams over a TCP connection, where UDP does
// not get through (docs/protocol.md §8.5).
//
// A Carrier never makes its writer wait: what the connection does not take yet
// stays in memory, a little of it, and Writable says whether more should come.
// Its reader waits, and while nobody reads the sender's kernel is held up. So
// neither side's reading depends on its writing, and two sides that send all
// they can cannot wait for each other.
package tcp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// preface is what each side of the connection sends first.
const preface = "uft1"

// headerSize is the length in front of each train: its own, and that of its
// datagrams.
const headerSize = 4

// MaxTrain is the longest train that fits the length field, in bytes.
const MaxTrain = 1<<16 - 1

const (
	// queueLimit is from how many bytes on a Carrier is not writable. Two
	// trains keep the writer busy while the owner makes the next; more would
	// only stand in front of acknowledgements.
	queueLimit = 128 << 10
	// readBuffer serves small trains, of which one system call brings several;
	// long ones are read past it.
	readBuffer = 16 << 10
	// clientTimeout is after how long without an acknowledgement a client's
	// system gives the connection up, so that the client opens another one
	// from where it is now. A server keeps waiting: it cannot.
	clientTimeout = 10 * time.Second
	// prefaceTimeout is how long the other side may take to show that it
	// speaks the protocol.
	prefaceTimeout = 10 * time.Second
	// queueBound is what the queue never exceeds: some trains beyond
	// queueLimit, for what is sent without asking.
	queueBound = queueLimit + 4*MaxTrain
)

// ErrFull says that a train was not taken because too much waits already.
var ErrFull = errors.New("tcp: the other side does not take what is sent")

// ErrPreface says that something else than this protocol answers on the port.
var ErrPreface = errors.New("tcp: the other side does not speak this protocol")

// A Carrier is one TCP connection that carries trains. ReadTrain is for one
// goroutine; the other methods may be called from any.
type Carrier struct {
	conn          net.Conn
	local, remote netip.AddrPort
	writable      func() // told when the carrier has become writable again

	mu       sync.Mutex
	queue    []byte // framed, to be written
	begins   int    // bytes of the preface at its start
	full     bool   // Writable has said no since the queue was taken last
	finished bool   // nothing more is to be written
	err      error  // of writing
	wake     chan struct{}

	done chan struct{} // closed when the writer has ended
	once sync.Once

	// Of the reader.
	in     *bufio.Reader
	header [headerSize]byte
	server bool
	begun  bool // the preface was read
}

// Client makes the carrier of a client of an established connection. writable
// is called, by the carrier's own goroutine, whenever it has become writable
// again; it must not wait for anything.
func Client(conn net.Conn, writable func()) *Carrier {
	tune(conn, clientTimeout)
	c := newCarrier(conn, writable)
	c.mu.Lock()
	c.queueStart()
	c.mu.Unlock()
	return c
}

// Server makes the carrier of a server. It says nothing before the client has
// shown that it speaks the protocol.
func Server(conn net.Conn, writable func()) *Carrier {
	tune(conn, 0)
	c := newCarrier(conn, writable)
	c.server = true
	return c
}

func newCarrier(conn net.Conn, writable func()) *Carrier {
	c := &Carrier{
		conn: conn, writable: writable,
		local: addrPort(conn.LocalAddr()), remote: addrPort(conn.RemoteAddr()),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		in: bufio.NewReaderSize(conn, readBuffer),
	}
	go c.write()
	return c
}

// addrPort returns the address of a TCP connection; an IPv4 one is never mapped.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// LocalAddr returns the address on this side.
func (c *Carrier) LocalAddr() netip.AddrPort { return c.local }

// RemoteAddr returns the address of the other side.
func (c *Carrier) RemoteAddr() netip.AddrPort { return c.remote }

// Writable reports whether more should be written now. Where it does not, the
// function that the carrier was made with is called when it does again.
func (c *Carrier) Writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) >= queueLimit {
		c.full = true
	}
	return !c.full && c.err == nil && !c.finished
}

// queueStart queues the preface, in front of everything. c.mu is held.
func (c *Carrier) queueStart() {
	c.queue = append([]byte(preface), c.queue...)
	c.begins = len(preface)
	c.wakeWriter()
}

// Discard forgets what is queued and not being written yet. It serves before the
// close of a connection, which makes everything before it pointless.
func (c *Carrier) Discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = c.queue[:min(c.begins, len(c.queue))]
}

// WriteTrain queues a train of datagrams of segmentSize bytes each, of which the
// last may be shorter. It does not wait, and takes a few trains beyond what
// Writable allows; then it is ErrFull. Another error is that of an earlier
// write; nothing is sent any more then.
func (c *Carrier) WriteTrain(train []byte, segmentSize int) error {
	if len(train) == 0 {
		return nil
	}
	if len(train) > MaxTrain || segmentSize <= 0 {
		return fmt.Errorf("tcp: a train of %d bytes in datagrams of %d", len(train), segmentSize)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.finished {
		return net.ErrClosed
	}
	if len(c.queue)+headerSize+len(train) > queueBound {
		return ErrFull
	}
	c.queue = binary.BigEndian.AppendUint16(c.queue, uint16(len(train)))
	c.queue = binary.BigEndian.AppendUint16(c.queue, uint16(min(segmentSize, len(train))))
	c.queue = append(c.queue, train...)
	c.wakeWriter()
	return nil
}

func (c *Carrier) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write is the writer goroutine. It has one buffer and the queue another, and
// they change places.
func (c *Carrier) write() {
	defer close(c.done)
	var out []byte
	for range c.wake {
		for {
			c.mu.Lock()
			out, c.queue, c.begins = c.queue, out[:0], 0
			resumes, finished, broken := c.full, c.finished, c.err != nil
			c.full = false
			c.mu.Unlock()
			if broken {
				return
			}
			if resumes {
				c.writable()
			}
			if len(out) == 0 && finished {
				c.endWriting()
				return
			}
			if len(out) == 0 {
				break
			}
			if _, err := c.conn.Write(out); err != nil {
				c.fail(err)
				return
			}
		}
	}
}

// endWriting tells the other side that nothing more comes.
func (c *Carrier) endWriting() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // if it fails, the connection is gone already
	}
}

// fail notes that the connection takes nothing any more. Its reader finds out.
func (c *Carrier) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.queue = nil
	c.mu.Unlock()
	_ = c.conn.Close()
}

// ReadTrain waits for the next train and puts it into buf, which must have room
// for MaxTrain bytes: n bytes in datagrams of segmentSize each, of which the last
// may be shorter. After an error the carrier is of no more use; it is io.EOF
// where the other side has ended the connection between two trains.
func (c *Carrier) ReadTrain(buf []byte) (n, segmentSize int, err error) {
	if !c.begun {
		if err := c.readPreface(); err != nil {
			return 0, 0, err
		}
		c.begun = true
	}
	if _, err := io.ReadFull(c.in, c.header[:]); err != nil {
		return 0, 0, err
	}
	n, segmentSize = int(binary.BigEndian.Uint16(c.header[:])), int(binary.BigEndian.Uint16(c.header[2:]))
	if n == 0 || segmentSize == 0 || segmentSize > n || n > len(buf) {
		return 0, 0, fmt.Errorf("tcp: the other side broke the framing: a train of %d bytes in datagrams of %d", n, segmentSize)
	}
	if _, err := io.ReadFull(c.in, buf[:n]); err != nil {
		return 0, 0, err
	}
	return n, segmentSize, nil
}

// readPreface reads the other side's preface; a server then sends its own.
func (c *Carrier) readPreface() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(prefaceTimeout)); err != nil {
		return err
	}
	var got [len(preface)]byte
	if _, err := io.ReadFull(c.in, got[:]); err != nil {
		return err
	}
	if string(got[:]) != preface {
		return ErrPreface
	}
	if c.server {
		c.mu.Lock()
		c.queueStart()
		c.mu.Unlock()
	}
	return c.conn.SetReadDeadline(time.Time{})
}

// Finish writes what is queued, says that nothing more comes, and waits until
// the other side has ended the connection too, so that what it has not read is
// not lost with a reset; but no longer than the patience. ReadTrain must go on
// being called meanwhile.
func (c *Carrier) Finish(patience time.Duration, ended <-chan struct{}) {
	c.mu.Lock()
	c.finished = true
	c.mu.Unlock()
	c.wakeWriter()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// Close ends the connection at once.
func (c *Carrier) Close() {
	c.once.Do(func() {
		c.fail(net.ErrClosed)
		c.wakeWriter()
		<-c.done
	})
}
