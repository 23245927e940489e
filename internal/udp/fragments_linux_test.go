package udp

import (
	"net/netip"
	"testing"
)

// TestLongestDatagram: what an interface takes arrives in one piece, and a byte
// more is refused, not cut in pieces.
func TestLongestDatagram(t *testing.T) {
	for host, headers := range map[string]int{"127.0.0.1": 28, "[::1]": 48} {
		pairInNamespace(t, []string{"ip link set lo up mtu 9000"}, host, func(t *testing.T, a, b Conn) {
			if !ForbidFragments(a) {
				t.Errorf("%s: datagrams may be cut in pieces", host)
			}
			for range 2 {
				long := train(9000 - headers + 1)
				if err := a.WriteTrain(long, len(long), b.LocalAddr(), netip.AddrPort{}); !IsTooLong(err) {
					t.Errorf("%s: error %v for %d bytes, want one about the size", host, err, len(long))
				}
				longest := long[:9000-headers]
				if err := a.WriteTrain(longest, len(longest), b.LocalAddr(), netip.AddrPort{}); err != nil {
					t.Errorf("%s: %v", host, err)
				}
				arrives(t, a, b, longest, len(longest))
			}
		})
	}
}

// TestLargestPayload sends what no interface limits but the length fields do.
func TestLargestPayload(t *testing.T) {
	for host, size := range map[string]int{"127.0.0.1": 65507, "[::1]": 65487} {
		pairInNamespace(t, []string{"ip link set lo up mtu 65536"}, host, func(t *testing.T, a, b Conn) {
			long := train(size)
			if err := a.WriteTrain(long, size, b.LocalAddr(), netip.AddrPort{}); err != nil {
				t.Errorf("%s: %v", host, err)
			}
			arrives(t, a, b, long, size)
		})
	}
}
