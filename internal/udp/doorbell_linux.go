package udp

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of a doorbell's pauses, implementation constants.
const (
	// arrivalPause is how long the reader of a steady stream of single datagrams
	// leaves them in the kernel, to take several at once. The runtime makes it a
	// millisecond where the machine is idle. It is of the order of the shortest
	// delay of an acknowledgement (docs/protocol.md §7.2); what it adds to a
	// round-trip time is at most the distance of two datagrams, since an
	// acknowledgement is for the newest.
	arrivalPause = 500 * time.Microsecond
	// streamLength messages are a steady stream where on average the next comes
	// within streamGap, and the kernel has joined so few datagrams that they have
	// no more than streamBytes. One of more than longTrain ends it. It is longer
	// than the first flight, whose times of arrival the sender learns from
	// (docs/protocol.md §8.2).
	streamLength = 512
	streamGap    = 300 * time.Microsecond
	streamBytes  = 4 << 10
	longTrain    = 16 << 10
	// streamDatagram is the size in bytes from which datagrams count: those of
	// file data, of which nearly all acknowledgements stay below.
	streamDatagram = 1000
	// After vainPauses in a row that brought one message at most, the stream is
	// over. A sender that paces in bursts leaves gaps of one or two.
	vainPauses = 4
)

// A doorbell wakes the reader of a socket when there is something to read, and
// lets it pause. An arriving datagram that wakes a thread costs several times
// what everything else costs that is done about it, and on the way that one
// takes through the runtime it wakes others. At 10 000 single datagrams a second
// a receiver therefore pauses, as a network card does that moderates its
// interrupts.
//
// The socket is watched by an epoll instance of its own (epoll(7)), for one
// event at a time, and the runtime's poller watches that: while the reader
// pauses, nothing wakes.
type doorbell struct {
	file   *os.File // the epoll instance
	raw    syscall.RawConn
	socket int // the descriptor that is watched

	wait   func(epoll uintptr) bool // look, bound once
	armed  bool
	failed bool // the socket has an error to tell
	events [1]unix.EpollEvent

	stream  int       // messages of the stream since its last reckoning
	since   time.Time // when that was
	bytes   int       // in them
	pausing bool
	paused  bool // before the last call
	vain    int  // pauses in a row that brought next to nothing
	full    bool // the last call brought as many messages as it could
}

// newDoorbell makes the doorbell of a socket.
func newDoorbell(socket int) (*doorbell, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	b := &doorbell{socket: socket}
	b.wait = b.look
	err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, socket, &unix.EpollEvent{Events: unix.EPOLLONESHOT})
	if err == nil {
		err = unix.SetNonblock(epoll, true) // or the runtime's poller does not take it
	}
	if err != nil {
		_ = unix.Close(epoll)
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	b.file = os.NewFile(uintptr(epoll), "epoll")
	b.raw, err = b.file.SyscallConn()
	return b, err
}

// await blocks until the socket has something to read, or an error to tell, or
// is closed.
func (b *doorbell) await() (failed bool, err error) {
	b.armed, b.failed = false, false
	if err := b.raw.Read(b.wait); err != nil {
		return false, net.ErrClosed
	}
	return b.failed, nil
}

// look asks for an event, the first time, and reports whether it has come. The
// descriptor of a socket that was closed is not watched any more, whatever it
// stands for by now.
func (b *doorbell) look(epoll uintptr) bool {
	if !b.armed {
		b.armed = true
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT}
		if unix.EpollCtl(int(epoll), unix.EPOLL_CTL_MOD, b.socket, &event) != nil {
			return true // the next call on the socket tells
		}
	}
	n, err := unix.EpollWait(int(epoll), b.events[:], 0)
	if n > 0 {
		b.failed = b.events[0].Events&unix.EPOLLERR != 0
	}
	return n > 0 || err != nil && err != unix.EINTR
}

// Close wakes the reader.
func (b *doorbell) Close() { _ = b.file.Close() }

// note counts a message of that many bytes in datagrams of segmentSize.
func (b *doorbell) note(bytes, segmentSize int) {
	switch {
	case bytes > longTrain:
		b.stream, b.pausing = 0, false
		return
	case segmentSize < streamDatagram:
		return
	case b.stream == 0:
		b.since, b.bytes = time.Now(), 0
	}
	b.stream, b.bytes = b.stream+1, b.bytes+bytes
	if b.stream == streamLength {
		b.pausing = time.Since(b.since) < streamLength*streamGap && b.bytes < streamLength*streamBytes
		b.stream = 0
	}
}

// pause pauses in a steady stream.
func (b *doorbell) pause() {
	if b.paused = b.pausing && !b.full; b.paused {
		time.Sleep(arrivalPause)
	}
}

// took says how many messages a call brought.
func (b *doorbell) took(messages int) {
	b.full = messages == maxArrivals
	switch {
	case !b.paused:
	case messages > 1:
		b.vain = 0
	default:
		if b.vain++; b.vain == vainPauses {
			b.vain, b.stream, b.pausing = 0, 0, false
		}
	}
}
