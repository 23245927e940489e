package udp

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestControlMessages(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	for _, test := range []struct {
		name        string
		segmentSize int
		source      netip.Addr
		ipv6        bool
		want        received
	}{
		{"nothing", 0, netip.Addr{}, false, received{}},
		{"an IPv6 source", 0, v6, true, received{local: v6}},
		{"a mapped source", 0, v4, true, received{local: v4}},
		{"an IPv4 source", 0, v4, false, received{local: v4}},
		{"an IPv6 source on an IPv4 socket", 0, v6, false, received{}},
	} {
		control := appendSendControl(make([]byte, 0, sendControl), test.segmentSize, test.source, test.ipv6)
		if got := parseControl(control); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
		for n := range control {
			parseControl(control[:n:n])
		}
	}
	whole := appendSendControl(make([]byte, 0, sendControl), 1064, v6, true)
	if got := parseControl(whole); got.local != v6 {
		t.Errorf("a source behind a segment size: %+v", got)
	}
}

func TestReceivedControlMessages(t *testing.T) {
	number := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	var control []byte
	for _, message := range []struct {
		level, kind int32
		data        []byte
	}{
		{unix.SOL_UDP, unix.UDP_GRO, number(1064)},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, number(77)},
		{unix.SOL_IP, unix.IP_TOS, []byte{0xb8 | 3}},
		{unix.SOL_IP, unix.IP_TTL, number(64)},
	} {
		space := append(control, make([]byte, unix.CmsgSpace(len(message.data)))...)
		all, data := appendMessage(space[:len(control)], message.level, message.kind, len(message.data))
		copy(data, message.data)
		control = all
	}
	want := received{segmentSize: 1064, drops: 77, hasDrops: true, ecn: 3}
	if got := parseControl(control); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func FuzzParseControl(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendSendControl(make([]byte, 0, sendControl), 1064, netip.MustParseAddr("2001:db8::7"), true))
	f.Fuzz(func(t *testing.T, control []byte) {
		r := parseControl(control)
		if r.ecn > 3 || r.drops != 0 && !r.hasDrops {
			t.Errorf("%+v", r)
		}
	})
}
