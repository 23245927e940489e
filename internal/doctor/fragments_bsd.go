//go:build darwin || freebsd

package doctor

import (
	"net"

	"golang.org/x/sys/unix"
)

// forbidFragments has what the socket sends go in one piece or not at all. What
// the system knows of the route stays unknown; fragment says that it did not
// work.
func forbidFragments(conn *net.UDPConn, ipv6 bool) (route int, fragment bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, true
	}
	level, option := unix.IPPROTO_IP, unix.IP_DONTFRAG
	if ipv6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG
	}
	err = raw.Control(func(fd uintptr) {
		fragment = unix.SetsockoptInt(int(fd), level, option, 1) != nil
	})
	return 0, fragment || err != nil
}
