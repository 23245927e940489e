package doctor

import (
	"net"

	"golang.org/x/sys/unix"
)

// forbidFragments has what the socket sends go in one piece or not at all,
// whatever ICMP has said of the path before. route is how large a datagram may
// be with its headers as the kernel knows it: what the interface takes, or what
// a router has said. fragment says that it did not work.
func forbidFragments(conn *net.UDPConn, ipv6 bool) (route int, fragment bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, true
	}
	level, discover, probe, mtu := unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE, unix.IP_MTU
	if ipv6 {
		level, discover, probe, mtu = unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE, unix.IPV6_MTU
	}
	err = raw.Control(func(fd uintptr) {
		fragment = unix.SetsockoptInt(int(fd), level, discover, probe) != nil
		route, _ = unix.GetsockoptInt(int(fd), level, mtu)
	})
	return route, fragment || err != nil
}
