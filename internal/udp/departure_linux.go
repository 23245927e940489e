package udp

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A departure is a run of datagrams to one address, each with a message of its
// own, to be sent by sendmmsg(2). All share the address and the control
// messages. It refers to the caller's bytes while they are sent.
type departure struct {
	messages [MaxSegments]message
	parts    [MaxSegments]unix.Iovec
	remote   socketAddress
	control  [sendControl]byte
	// The sizes of remote and control in bytes.
	remoteLen  uint32
	controlLen int

	used   int // parts that refer to the caller's bytes
	loaded int // messages that stand for datagrams
	gone   int // of which this many are done with

	// try sends what is left. It is bound once, because a closure made for a
	// call is an allocation; what it found out stays here.
	try   func(fd uintptr)
	sent  int
	errno syscall.Errno
}

// departures are not in use. They serve all sockets.
var departures = sync.Pool{New: func() any {
	d := new(departure)
	d.try = d.send
	for i := range d.messages {
		header := &d.messages[i].header
		header.Name = &d.remote[0]
		header.Iov = &d.parts[i]
		header.SetIovlen(1)
	}
	return d
}}

// address sets where all messages go and come from, and of what size the
// datagrams are that the kernel is to make of each, 0 for one. It reports whether
// a socket of this IP version can send there.
func (d *departure) address(remote netip.AddrPort, scope uint32, source netip.Addr, segmentSize int, ipv6 bool) bool {
	d.remoteLen = d.remote.put(remote, ipv6)
	if scope != 0 {
		binary.NativeEndian.PutUint32(d.remote[24:], scope)
	}
	d.controlLen = len(appendSendControl(d.control[:0], segmentSize, source, ipv6))
	return d.remoteLen > 0
}

// load makes messages of as many datagrams of the train as there is room for,
// and returns the others.
func (d *departure) load(train []byte, segmentSize int) (rest []byte) {
	d.loaded, d.gone = 0, 0
	for len(train) > 0 && d.loaded < len(d.parts) {
		size := min(segmentSize, len(train))
		part := &d.parts[d.loaded]
		part.Base = &train[0]
		part.SetLen(size)
		header := &d.messages[d.loaded].header
		header.Namelen = d.remoteLen
		header.Control = nil
		if d.controlLen > 0 {
			header.Control = &d.control[0]
		}
		header.SetControllen(d.controlLen)
		train = train[size:]
		d.loaded++
	}
	d.used = max(d.used, d.loaded)
	return train
}

// unload lets go of the caller's bytes.
func (d *departure) unload() {
	clear(d.parts[:d.used])
	d.used = 0
}

// send makes one system call.
func (d *departure) send(fd uintptr) {
	d.sent, d.errno = sendMessages(fd, d.messages[d.gone:d.loaded])
}

// depart sends what d holds, waiting while the socket's buffer is full. A
// datagram that fails is tried again where the error may be of another, and then
// left out; the first error is returned.
func (c *conn) depart(d *departure) error {
	var first error
	attempts := 0
	for d.gone < d.loaded {
		if err := c.raw.Control(d.try); err != nil {
			return c.wrap("write", err) // the socket is closed
		}
		switch attempts++; {
		case d.errno == 0:
			d.gone += d.sent
			attempts = 0
			if d.gone < d.loaded {
				// The buffer is full, or the kernel told an error that it
				// will not repeat.
				c.readRefusals()
			}
		case d.errno == unix.EAGAIN:
			attempts = 0
			c.awaitRoom()
		case mayBeOfAnother(d.errno) && attempts < sendAttempts:
			c.readRefusals()
		default:
			if first == nil {
				first = c.failure("write", "sendmmsg", d.errno)
			}
			d.gone++
			attempts = 0
		}
	}
	return first
}

// roomPause is how long a write waits at most for room in the socket's buffer
// before it looks again, and so how long it may hold up Close.
const roomPause = 10 * time.Millisecond

// awaitRoom waits by poll(2), which holds a thread, for room in the buffer. At 8
// MiB that is rare.
func (c *conn) awaitRoom() {
	c.readRefusals() // as long as the socket has an error, poll returns at once
	_ = c.raw.Control(func(fd uintptr) {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(roomPause.Milliseconds()))
	})
}
