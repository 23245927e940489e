package udp

import "golang.org/x/sys/windows"

// bufferSize returns the size in bytes of the socket's buffer that option names,
// 0 where the system does not tell.
func bufferSize(fd uintptr, option int) int {
	size, err := windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, option)
	if err != nil {
		return 0
	}
	return size
}
