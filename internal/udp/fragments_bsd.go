//go:build darwin || freebsd

package udp

import "golang.org/x/sys/unix"

// dontFragment sets the Don't Fragment bit of IPv4, and forbids the IPv6 layer to
// make fragments. It reports what the system took.
func dontFragment(fd uintptr) (v4, v6 bool) {
	v4 = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_DONTFRAG, 1) == nil
	v6 = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1) == nil
	return v4, v6
}
