package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// forgeICMP sends what anybody on the network may send: an ICMP message about a
// datagram that the port of a socket on this machine is said to have sent. It
// takes a raw socket.
func forgeICMP(t *testing.T, raw int, kind, code byte, port uint16) {
	t.Helper()
	inner := make([]byte, 20+8) // the headers of that datagram
	inner[0], inner[8], inner[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(inner[2:], 1092)
	copy(inner[12:], []byte{127, 0, 0, 1})
	copy(inner[16:], []byte{127, 9, 9, 9})
	binary.BigEndian.PutUint16(inner[20:], port)
	binary.BigEndian.PutUint16(inner[22:], 9)
	binary.BigEndian.PutUint16(inner[24:], 1072)
	icmp := append([]byte{kind, code, 0, 0, 0, 0, 5, 0}, inner...)
	sum := uint32(0)
	for i := 0; i < len(icmp); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(icmp[i:]))
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(icmp[2:], ^uint16(sum+sum>>16))
	outer := make([]byte, 20)
	outer[0], outer[8], outer[9] = 0x45, 64, unix.IPPROTO_ICMP
	copy(outer[12:], []byte{127, 66, 66, 66})
	copy(outer[16:], []byte{127, 0, 0, 1})
	if err := unix.Sendto(raw, append(outer, icmp...), 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
}

// TestForgedICMP: whatever a stranger's ICMP messages say, a socket that watches
// for refusals goes on to read, loses no train, and does not give segmentation
// up.
func TestForgedICMP(t *testing.T) {
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		t.Skipf("a raw socket needs root: %v", err)
	}
	defer unix.Close(raw) //nolint:errcheck // nothing is left to be sent
	for _, address := range []string{"127.0.0.1:0", "[::]:0"} {
		for _, m := range [][2]byte{
			{3, 0},
			{3, 1},
			{3, 2},
			{3, 3},
			{3, 4},
			{3, 5},
			{3, 6},
			{3, 7},
			{3, 8},
			{3, 9},
			{3, 10},
			{3, 11},
			{3, 12},
			{3, 13},
			{3, 14},
			{3, 15},
			{4, 0},
			{11, 0},
			{11, 1},
			{12, 0},
			{12, 1},
			{12, 2},
		} {
			t.Run(fmt.Sprintf("%s type %d code %d", address, m[0], m[1]), func(t *testing.T) {
				c, err := Listen(address)
				if err != nil {
					t.Skip(err)
				}
				defer c.Close()
				peer, err := Listen("127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer peer.Close()
				c.WatchRefusals(func(netip.AddrPort, []byte) {})
				here := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), c.LocalAddr().Port())
				buf := make([]byte, MaxTrain)
				for range 10 {
					forgeICMP(t, raw, m[0], m[1], here.Port())
					if err := c.WriteTrain(train(5*1064), 1064, peer.LocalAddr(), netip.AddrPort{}); err != nil {
						t.Fatalf("writing: %v", err)
					}
					for got := 0; got < 5*1064; {
						n, _, _, _, _, err := peer.ReadTrain(buf)
						if err != nil {
							t.Fatal(err)
						}
						got += n
					}
					forgeICMP(t, raw, m[0], m[1], here.Port())
					if err := peer.WriteTrain([]byte{1}, 1, here, netip.AddrPort{}); err != nil {
						t.Fatal(err)
					}
					if n, _, _, _, _, err := c.ReadTrain(buf); err != nil || n != 1 {
						t.Fatalf("reading: %d bytes, %v", n, err)
					}
				}
				if c.(*conn).slowPaths.has(peer.LocalAddr().Addr()) {
					t.Error("segmentation was given up")
				}
			})
		}
	}
}
