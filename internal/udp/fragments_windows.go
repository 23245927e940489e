package udp

import "golang.org/x/sys/windows"

// Options of ws2ipdef.h that package windows has no names for.
const (
	ipDontFragment   = 14 // IP_DONTFRAGMENT
	ipv6DontFragment = 14 // IPV6_DONTFRAG
)

// dontFragment sets the Don't Fragment bit of IPv4, and forbids the IPv6 layer to
// make fragments. It reports what the system took.
func dontFragment(fd uintptr) (v4, v6 bool) {
	v4 = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, ipDontFragment, 1) == nil
	v6 = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, ipv6DontFragment, 1) == nil
	return v4, v6
}
