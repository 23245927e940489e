package udp

import (
	"net/netip"
	"sync"
	"syscall"

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

	loaded int // messages that stand for datagrams
	gone   int // of which this many are done with

	// try sends what is left, for a RawConn. It is bound once, because a
	// closure made for a call is an allocation; what it found out stays here.
	try   func(fd uintptr) bool
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

// address sets where all messages go and come from. It reports whether a socket
// of this IP version can send there.
func (d *departure) address(remote netip.AddrPort, source netip.Addr, ipv6 bool) bool {
	size := d.remote.put(remote, ipv6)
	control := appendSendControl(d.control[:0], 0, source, ipv6)
	for i := range d.messages {
		header := &d.messages[i].header
		header.Namelen = size
		header.Control = nil
		if len(control) > 0 {
			header.Control = &d.control[0]
		}
		header.SetControllen(len(control))
	}
	return size > 0
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
		train = train[size:]
		d.loaded++
	}
	return train
}

// unload lets go of the caller's bytes.
func (d *departure) unload() {
	clear(d.parts[:])
}

// send makes one system call. It reports false where the socket's buffer is
// full and the caller should wait for room.
func (d *departure) send(fd uintptr) bool {
	d.sent, d.errno = sendMessages(fd, d.messages[d.gone:d.loaded])
	return d.errno != unix.EAGAIN
}

// depart sends what d holds. A datagram that fails is tried twice where the
// error may be of another, and then left out; the first error is returned.
func (c *conn) depart(d *departure) error {
	var first error
	triedAgain := false
	for d.gone < d.loaded {
		if err := c.raw.Write(d.try); err != nil {
			return err // the socket is closed
		}
		if d.errno == 0 {
			d.gone += d.sent
			triedAgain = false
			if d.gone < d.loaded {
				// The buffer is full, or the kernel told an error that it
				// will not repeat.
				c.readRefusals()
			}
			continue
		}
		if mayBeOfAnother(d.errno) && !triedAgain {
			c.readRefusals()
			triedAgain = true
			continue
		}
		if first == nil {
			first = c.failure("write", "sendmmsg", d.errno)
		}
		d.gone++
		triedAgain = false
	}
	return first
}
