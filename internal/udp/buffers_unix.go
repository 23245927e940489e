//go:build !windows && !linux

package udp

import "syscall"

// bufferSize returns the size in bytes of the socket's buffer that option names,
// 0 where the system does not tell.
func bufferSize(fd uintptr, option int) int {
	size, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, option)
	if err != nil {
		return 0
	}
	return size
}
