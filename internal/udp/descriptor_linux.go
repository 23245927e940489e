package udp

import (
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// A descriptor is the file descriptor of a socket, outside of the runtime's
// poller. That has every datagram which arrives wake a thread, whether anybody
// waits for it or not, and these wakings are what single datagrams cost most:
// see doorbell.
type descriptor struct {
	mu     sync.RWMutex // locked for Close, read-locked for everything else
	fd     int
	closed bool
}

// takeDescriptor makes a descriptor of a socket of package net, which is closed.
func takeDescriptor(socket *net.UDPConn) (*descriptor, error) {
	defer socket.Close()
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	d := new(descriptor)
	var failed error
	if err := raw.Control(func(fd uintptr) {
		d.fd, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return nil, err
	}
	return d, failed
}

// Control calls f with the descriptor, which stays open meanwhile: f must not
// wait. Its error says that the socket is closed.
func (d *descriptor) Control(f func(fd uintptr)) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return net.ErrClosed
	}
	f(uintptr(d.fd))
	return nil
}

// Close closes the descriptor.
func (d *descriptor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	d.closed = true
	return unix.Close(d.fd)
}
