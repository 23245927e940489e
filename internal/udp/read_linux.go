package udp

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// batchAfter is how many messages in a row that the kernel did not join with
// others are read one by one before several are asked for at once. Even with
// UDP_GRO an interface may not join, and there is nothing to join in a run of
// single datagrams from many peers.
const batchAfter = 32

// reader is what the goroutine that calls ReadTrain works with.
type reader struct {
	// patience is batchAfter, or 0 where the kernel joins no datagrams at all.
	patience int
	// alone counts messages in a row that were single datagrams.
	alone int

	// held are messages that were received and not handed out yet, nil for none.
	held *arrivals

	// The call that receives: bound once, because a closure made for a call is
	// an allocation. It leaves an error in errno.
	receiveOne, receiveBatch func(fd uintptr)
	one                      oneArrival
	errno                    syscall.Errno

	scope     uint32 // the last interface that an address was to be understood on
	scopeName string
}

// An arrival is what a message said of a train, or of one datagram.
type arrival struct {
	bytes         []byte
	segmentSize   int
	remote, local netip.AddrPort
	ecn           byte
}

func (c *conn) ReadTrain(buf []byte) (n, segmentSize int, remote, local netip.AddrPort, ecn byte, err error) {
	for {
		train, ok, err := c.next(buf)
		switch {
		case ok:
			return len(train.bytes), train.segmentSize, train.remote, train.local, train.ecn, nil
		case err == nil:
		case isClosed(err) || !isPassing(err) && !isOfICMP(err):
			return 0, 0, netip.AddrPort{}, netip.AddrPort{}, 0, err
		default:
			c.readRefusals()
		}
	}
}

// next takes one step: it hands out a train or a datagram, or receives what will
// be handed out, or meets what is to be skipped.
func (c *conn) next(buf []byte) (train arrival, ok bool, err error) {
	r := &c.reader
	switch {
	case r.held != nil && !c.closed.Load():
		train, ok = c.nextHeld(buf)
		return train, ok, nil
	case r.alone < r.patience && !c.bell.pausing:
		return c.readOne(buf)
	}
	return train, false, c.readBatch()
}

// bind makes the calls.
func (r *reader) bind() {
	r.one.bind()
	r.receiveOne = func(fd uintptr) { r.errno = r.one.receive(fd) }
	r.receiveBatch = r.hold
}

// receive makes a call until it receives something, and waits for that.
func (c *conn) receive(call func(fd uintptr)) error {
	for {
		if err := c.raw.Control(call); err != nil {
			return c.wrap("read", err)
		}
		switch c.reader.errno {
		case 0:
			return nil
		case unix.EAGAIN:
			failed, err := c.bell.await()
			if failed {
				c.readRefusals() // until they are read, there is no waiting
			}
			if err == nil {
				continue
			}
			return c.wrap("read", err)
		default:
			return c.failure("read", "recvmmsg", c.reader.errno)
		}
	}
}

// readOne reads one message, which is a train or a datagram. It is not ok where
// it does not fit buf: it is none of ours then.
func (c *conn) readOne(buf []byte) (train arrival, ok bool, err error) {
	one := &c.reader.one
	one.into(buf)
	err = c.receive(c.reader.receiveOne)
	one.into(nil)
	if err != nil {
		return arrival{}, false, err
	}
	m := &one.message[0]
	train = c.arrivalOf(buf[:min(int(m.length), len(buf))], one.control[:m.header.Controllen])
	train.remote = c.remoteOf(&one.from)
	return train, m.header.Flags&unix.MSG_TRUNC == 0, nil
}

// arrivalOf makes an arrival of the bytes and the control messages of a message,
// without its remote address, and counts.
func (c *conn) arrivalOf(bytes, control []byte) arrival {
	info := parseControl(control)
	if info.hasDrops {
		c.countDrops(info.drops)
	}
	a := arrival{bytes: bytes, segmentSize: info.segmentSize, local: c.local, ecn: info.ecn}
	if info.local.IsValid() {
		a.local = netip.AddrPortFrom(info.local, c.local.Port())
	}
	if a.segmentSize <= 0 || a.segmentSize > len(bytes) {
		a.segmentSize = len(bytes)
	}
	c.bell.note(len(bytes), a.segmentSize)
	if a.segmentSize < len(bytes) {
		c.reader.alone = 0
	} else if c.reader.alone < batchAfter {
		c.reader.alone++
	}
	return a
}

// readBatch waits for messages and holds them, more of them at once in a steady
// stream.
func (c *conn) readBatch() error {
	r := &c.reader
	if r.held != nil {
		r.release() // of a socket that is closed
	}
	c.bell.pause()
	if err := c.receive(r.receiveBatch); err != nil {
		return err
	}
	c.bell.took(r.held.count)
	return nil
}

// hold receives a batch. Its space serves other sockets where nothing is there.
func (r *reader) hold(fd uintptr) {
	batch := arrivalSpace.Get().(*arrivals)
	if r.errno = batch.receive(fd); r.errno != 0 {
		arrivalSpace.Put(batch)
		return
	}
	r.held = batch
}

// release gives the space of the batch back.
func (r *reader) release() {
	arrivalSpace.Put(r.held)
	r.held = nil
}

// nextHeld puts into buf what the next of the held messages make: one train
// that the kernel joined, or as many datagrams in a row as have one size, except
// for a shorter one at the end, and are equal in everything else. It is not ok
// where there is none that fits buf.
func (c *conn) nextHeld(buf []byte) (train arrival, ok bool) {
	batch, first := c.reader.held, c.reader.held.next
	defer func() {
		if batch.next == batch.count {
			c.reader.release()
		}
	}()
	train = c.arrivalOf(batch.message(first))
	train.remote = c.remoteOf(&batch.from[first])
	batch.next++
	if batch.truncated(first) || len(train.bytes) > len(buf) {
		return arrival{}, false
	}
	n := copy(buf, train.bytes)
	if joined := train.segmentSize < n; joined || n == 0 {
		train.bytes = buf[:n]
		return train, true
	}
	for batch.next < batch.count && n%train.segmentSize == 0 && batch.sameRemote(first, batch.next) {
		if !batch.truncated(batch.next) {
			bytes, control := batch.message(batch.next)
			follower := c.arrivalOf(bytes, control)
			if !follower.continues(&train) || n+len(bytes) > len(buf) {
				break
			}
			n += copy(buf[n:], bytes)
		}
		batch.next++
	}
	train.bytes = buf[:n]
	return train, true
}

// continues reports whether a message from the same sender may follow a train
// of equal datagrams as one more of them, or as its last.
func (a *arrival) continues(train *arrival) bool {
	return len(a.bytes) > 0 && len(a.bytes) <= train.segmentSize && a.segmentSize == len(a.bytes) &&
		a.local == train.local && a.ecn == train.ecn
}

// remoteOf returns the sender's address, in the form in which package net gives
// it: with the name of the interface where the address belongs to one link.
func (c *conn) remoteOf(from *socketAddress) netip.AddrPort {
	remote, scope := from.addrPort()
	if scope == 0 {
		return remote
	}
	r := &c.reader
	if r.scope != scope {
		r.scope, r.scopeName = scope, strconv.FormatUint(uint64(scope), 10)
		if link, err := net.InterfaceByIndex(int(scope)); err == nil {
			r.scopeName = link.Name
		}
	}
	return netip.AddrPortFrom(remote.Addr().WithZone(r.scopeName), remote.Port())
}
