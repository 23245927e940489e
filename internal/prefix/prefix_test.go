package prefix

import (
	"net/netip"
	"testing"
)

func TestOf(t *testing.T) {
	for _, test := range []struct {
		one, other string
		same       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:0:0:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		one, other := netip.MustParseAddr(test.one), netip.MustParseAddr(test.other)
		if same := Of(one) == Of(other); same != test.same {
			t.Errorf("%v and %v: one client %v", one, other, same)
		}
	}
	if got := Of(netip.Addr{}); got.IsValid() {
		t.Errorf("no address has the prefix %v", got)
	}
}
