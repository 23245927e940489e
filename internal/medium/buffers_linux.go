package medium

import (
	"net"

	"golang.org/x/sys/unix"
)

// socketBuffer is the size asked for the kernel's buffers of each socket,
// some 25 ms at 1 Gbit/s. What they cannot hold is lost before the model of
// the network sees it.
const socketBuffer = 4 << 20

// enlargeBuffers makes the kernel's buffers as large as it may. A privileged
// process may exceed the limits that the system sets (socket(7),
// SO_RCVBUFFORCE); others get what the limits allow.
func enlargeBuffers(socket *net.UDPConn) {
	// Failure only means smaller buffers.
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer)
	})
}
