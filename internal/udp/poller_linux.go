package udp

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollerPause is how long a read waits beside the runtime's poller before it
// turns to that again, and so how long it may hold up Close.
const pollerPause = 10 * time.Millisecond

// isOfPoller reports whether an error of a read is of the runtime's poller rather
// than of a system call. An ICMP message wakes the poller with an error, and when
// at that moment the socket has nothing to read, and no room to write in its send
// buffer, the error is all there is to see: the poller takes the socket for one
// that cannot be waited for ("not pollable"), and fails every read, until the
// socket has something else to tell. The socket is sound all the while.
func isOfPoller(err error) bool {
	if err == nil || isClosed(err) {
		return false
	}
	var errno syscall.Errno
	return !errors.As(err, &errno)
}

// readBesidePoller waits a moment for messages by poll(2), which holds a thread,
// and holds those that are there.
func (c *conn) readBesidePoller() error {
	c.readRefusals() // as long as the socket has an error, poll returns at once
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		socket := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, _ = unix.Poll(socket, int(pollerPause.Milliseconds())) // what follows finds out
		if c.receiveBatch(fd) && c.reader.errno != 0 {
			failed = c.failure("read", "recvmmsg", c.reader.errno)
		}
	})
	return errors.Join(err, failed)
}
