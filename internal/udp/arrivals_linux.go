package udp

import (
	"bytes"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes of arrivals, implementation constants.
const (
	// maxArrivals is how many messages are received with one system call. More
	// save little: 31 of 32 entries into the kernel are gone.
	maxArrivals = 32
	// arrivalSize is the room for each in bytes: for any train, because where
	// the kernel joins datagrams every message may be one. The pages that
	// single datagrams do not reach are never touched and take no memory. The
	// 2 KiB more keep the messages from falling on the same lines of the
	// processor's caches, which a power of two makes them do.
	arrivalSize = MaxTrain + 2048
)

// arrivals are messages of one recvmmsg(2), to be handed out one after the
// other.
type arrivals struct {
	messages [maxArrivals]message
	parts    [maxArrivals]unix.Iovec
	from     [maxArrivals]socketAddress
	control  [maxArrivals][receiveControl]byte
	space    *[maxArrivals][arrivalSize]byte

	next, count int // those from next on are left
}

// arrivalSpace is not in use. It serves all sockets, because each needs it only
// from when something arrived until that is handed out.
var arrivalSpace = sync.Pool{New: func() any {
	a := &arrivals{space: new([maxArrivals][arrivalSize]byte)}
	for i := range a.messages {
		a.parts[i].Base = &a.space[i][0]
		a.parts[i].SetLen(MaxTrain)
		header := &a.messages[i].header
		header.Name = &a.from[i][0]
		header.Iov = &a.parts[i]
		header.SetIovlen(1)
		header.Control = &a.control[i][0]
	}
	return a
}}

// A oneArrival is a message that is received into a buffer of the caller's.
type oneArrival struct {
	message [1]message
	part    unix.Iovec
	from    socketAddress
	control [receiveControl]byte
}

// bind makes the message refer to the rest.
func (a *oneArrival) bind() {
	header := &a.message[0].header
	header.Name = &a.from[0]
	header.Iov = &a.part
	header.SetIovlen(1)
	header.Control = &a.control[0]
}

// into sets where the bytes go; nil lets go of the buffer.
func (a *oneArrival) into(buf []byte) {
	a.part.Base = unsafe.SliceData(buf)
	a.part.SetLen(len(buf))
}

// receive makes one system call.
func (a *oneArrival) receive(fd uintptr) syscall.Errno {
	a.message[0].makeRoom()
	_, errno := receiveMessages(fd, a.message[:])
	return errno
}

// receive makes one system call.
func (a *arrivals) receive(fd uintptr) syscall.Errno {
	for i := range a.messages {
		a.messages[i].makeRoom()
	}
	count, errno := receiveMessages(fd, a.messages[:])
	a.next, a.count = 0, count
	return errno
}

// makeRoom prepares a message for a call: the kernel puts the sizes of what it
// wrote in place of those of the room that there is.
func (m *message) makeRoom() {
	m.header.Namelen = unix.SizeofSockaddrInet6
	m.header.SetControllen(receiveControl)
	m.header.Flags = 0
}

// message returns the bytes and the control messages of message i.
func (a *arrivals) message(i int) (bytes, control []byte) {
	m := &a.messages[i]
	return a.space[i][:min(m.length, MaxTrain)], a.control[i][:m.header.Controllen]
}

// truncated reports whether message i was larger than any train.
func (a *arrivals) truncated(i int) bool { return a.messages[i].header.Flags&unix.MSG_TRUNC != 0 }

// sameRemote reports whether two messages come from one address.
func (a *arrivals) sameRemote(i, j int) bool {
	size, other := a.messages[i].header.Namelen, a.messages[j].header.Namelen
	return size == other && bytes.Equal(a.from[i][:size], a.from[j][:size])
}
