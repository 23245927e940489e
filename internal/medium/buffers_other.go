//go:build !linux

package medium

import "net"

// socketBuffer is the size asked for the system's buffers of each socket,
// some 25 ms at 1 Gbit/s. What they cannot hold is lost before the model of
// the network sees it.
const socketBuffer = 4 << 20

// enlargeBuffers makes the system's buffers as large as it may. Systems that
// refuse the whole of it are asked for less.
func enlargeBuffers(socket *net.UDPConn) {
	for size := socketBuffer; size >= 256<<10; size /= 2 {
		if socket.SetReadBuffer(size) == nil {
			break
		}
	}
	for size := socketBuffer; size >= 256<<10; size /= 2 {
		if socket.SetWriteBuffer(size) == nil {
			break
		}
	}
}
