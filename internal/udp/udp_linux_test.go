package udp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTrainsCrossWithoutAllocation(t *testing.T) {
	a, b := open(t, "127.0.0.1:0"), open(t, "127.0.0.1:0")
	sent, buf, to := train(10*1064), make([]byte, MaxTrain), b.LocalAddr()
	allocated := testing.AllocsPerRun(100, func() {
		if err := a.WriteTrain(sent, 1064, to, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(sent); {
			arrived, _, _, _, _, err := b.ReadTrain(buf)
			if err != nil {
				t.Fatal(err)
			}
			n += arrived
		}
	})
	if allocated > 0 {
		t.Errorf("%v allocations a train, want none", allocated)
	}
}

func TestRefusedSegmentationIsRemembered(t *testing.T) {
	a, b := open(t, "127.0.0.1:0").(*conn), open(t, "127.0.0.1:0")
	// A segment larger than the interface's MTU is refused with EINVAL, and
	// the datagrams that follow one by one are too long to be sent at all:
	// the path is at fault, not the segmentation.
	const tooLong = 65_530
	part := train(tooLong + 100)
	if err := a.writePart(part, tooLong, b.LocalAddr(), netip.Addr{}); !refusesSegmentation(err) {
		t.Errorf("error %v, want one about the size", err)
	}
	if a.noSegmentation.Load() {
		t.Error("a datagram too long for the path turned segmentation off")
	}
	receive(t, b, 100, 100) // what was short enough has been sent
	// More segments than any kernel takes are refused too, and go one by one.
	sent := train(1000)
	if err := a.writePart(sent, 1, b.LocalAddr(), netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if !a.noSegmentation.Load() {
		t.Error("a train that went one by one left segmentation on")
	}
	if got, _, _ := receive(t, b, len(sent), 1); !bytes.Equal(got, sent) {
		t.Error("other bytes arrived than were sent")
	}
	sent = train(5 * 1064)
	if err := a.WriteTrain(sent, 1064, b.LocalAddr(), netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := receive(t, b, len(sent), 1064); !bytes.Equal(got, sent) {
		t.Error("other bytes arrived without segmentation than were sent")
	}
}

func TestRefusalsOfSegmentation(t *testing.T) {
	for _, err := range []error{unix.EIO, unix.EINVAL, unix.EMSGSIZE} {
		if !refusesSegmentation(err) {
			t.Errorf("%v is taken for no refusal", err)
		}
	}
	for _, err := range []error{nil, unix.ENOBUFS, unix.EPERM, errors.New("other")} {
		if refusesSegmentation(err) {
			t.Errorf("%v is taken for a refusal", err)
		}
	}
}

func TestSocketDropsAreCounted(t *testing.T) {
	a, b := open(t, "127.0.0.1:0"), open(t, "127.0.0.1:0")
	raw, err := b.(*conn).socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, MaxTrain)
	for range 100 {
		if err := a.WriteTrain(train(60*1000), 1000, b.LocalAddr(), netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	// The counter comes with the datagrams that are queued after a drop.
	for attempt := 0; b.SocketDrops() == 0; attempt++ {
		if attempt == 100 {
			t.Fatal("no drop counted")
		}
		if _, _, _, _, _, err := b.ReadTrain(buf); err != nil {
			t.Fatal(err)
		}
		if err := a.WriteTrain(train(60*1000), 1000, b.LocalAddr(), netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDropCounterWrapsAround(t *testing.T) {
	c := &conn{}
	for _, step := range []struct {
		kernel uint32
		want   uint64
	}{{5, 5}, {5, 5}, {1<<32 - 1, 1<<32 - 1}, {3, 1<<32 + 3}} {
		if c.countDrops(step.kernel); c.SocketDrops() != step.want {
			t.Errorf("after %d: %d drops, want %d", step.kernel, c.SocketDrops(), step.want)
		}
	}
}

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

// TestRefusals: a socket learns that nobody listens where it sent to, also as an
// IPv6 socket that sends to IPv4, and goes on to send to others.
func TestRefusals(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::]:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			conn, err := Listen(address)
			if err != nil {
				t.Skipf("no socket on %s: %v", address, err)
			}
			defer conn.Close()
			host := conn.LocalAddr().Addr()
			if host.IsUnspecified() {
				host = netip.MustParseAddr("127.0.0.1")
			}
			listen := func() Conn {
				other, err := Listen(netip.AddrPortFrom(host, 0).String())
				if err != nil {
					t.Fatal(err)
				}
				return other
			}
			gone, there := listen(), listen()
			defer there.Close()
			nobody := gone.LocalAddr()
			gone.Close()
			refused := make(chan netip.AddrPort, 100)
			conn.WatchRefusals(func(remote netip.AddrPort) { refused <- remote })
			go func() {
				buf := make([]byte, MaxTrain)
				for {
					if _, _, _, _, _, err := conn.ReadTrain(buf); err != nil {
						return
					}
				}
			}()
			buf := make([]byte, MaxTrain)
			for i := range 20 {
				if err := conn.WriteTrain([]byte{1}, 1, nobody, netip.AddrPort{}); err != nil {
					t.Errorf("to nobody: %v", err)
				}
				if got := <-refused; got != nobody {
					t.Errorf("refused by %v, not by %v", got, nobody)
				}
				if err := conn.WriteTrain([]byte{byte(i)}, 1, there.LocalAddr(), netip.AddrPort{}); err != nil {
					t.Errorf("to somebody: %v", err)
				}
				if n, _, _, _, _, err := there.ReadTrain(buf); err != nil || n != 1 || buf[0] != byte(i) {
					t.Fatalf("datagram %d: %d bytes, %v", i, n, err)
				}
			}
		})
	}
}
