package udp

import (
	"bytes"
	"sync"
	"syscall"

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

// receive makes one system call.
func (a *arrivals) receive(fd uintptr) syscall.Errno {
	for i := range a.messages {
		// The kernel puts the sizes of what it wrote in place of those of the
		// room that there is.
		header := &a.messages[i].header
		header.Namelen = unix.SizeofSockaddrInet6
		header.SetControllen(receiveControl)
		header.Flags = 0
	}
	count, errno := receiveMessages(fd, a.messages[:])
	a.next, a.count = 0, count
	return errno
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
