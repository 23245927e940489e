package udp

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTrainsCrossWithoutAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has sync.Pool lose what it holds")
	}
	for _, m := range append(modes, oneByOne) {
		t.Run(m.name, func(t *testing.T) {
			a, b := m.open(t, "127.0.0.1:0"), m.open(t, "127.0.0.1:0")
			sent, buf, to := train(10*1064), make([]byte, MaxTrain), b.LocalAddr()
			allocated := testing.AllocsPerRun(100, func() {
				if err := m.write(a, sent, 1064, to); err != nil {
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
		})
	}
}

func TestSocketDropsAreCounted(t *testing.T) { inEachMode(t, socketDropsAreCounted) }

func socketDropsAreCounted(t *testing.T, m mode) {
	a, b := m.open(t, "127.0.0.1:0"), m.open(t, "127.0.0.1:0")
	setOption(t, b.(*conn), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
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

// TestRefusals: a socket learns that nobody listens where it sent to, also as an
// IPv6 socket that sends to IPv4, and goes on to send to others.
func TestRefusals(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::]:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, m mode) { refusals(t, m, address) })
		})
	}
}

func refusals(t *testing.T, m mode, address string) {
	conn := m.open(t, address)
	host := conn.LocalAddr().Addr()
	if host.IsUnspecified() {
		host = netip.MustParseAddr("127.0.0.1")
	}
	other := netip.AddrPortFrom(host, 0).String()
	gone, there := m.open(t, other), m.open(t, other)
	nobody := gone.LocalAddr()
	gone.Close()
	refused := make(chan netip.AddrPort, 100)
	conn.WatchRefusals(func(remote netip.AddrPort, quoted []byte) {
		if len(quoted) == 0 || !bytes.Contains(train(300), quoted) {
			t.Errorf("% x is quoted, which was not sent", quoted)
		}
		refused <- remote
	})
	go func() {
		buf := make([]byte, MaxTrain)
		for {
			if _, _, _, _, _, err := conn.ReadTrain(buf); err != nil {
				return
			}
		}
	}()
	for i := range 20 {
		// By one call for each datagram, and by whatever takes a train.
		datagrams := 1 + i%3
		if err := conn.WriteTrain(train(datagrams*100), 100, nobody, netip.AddrPort{}); err != nil {
			t.Errorf("to nobody: %v", err)
		}
		if got := <-refused; got != nobody {
			t.Errorf("refused by %v, not by %v", got, nobody)
		}
		sent := train(datagrams*100 + i)
		if err := conn.WriteTrain(sent, 100, there.LocalAddr(), netip.AddrPort{}); err != nil {
			t.Errorf("to somebody: %v", err)
		}
		if got, _, _ := receive(t, there, len(sent), 100); !bytes.Equal(got, sent) {
			t.Fatalf("train %d: other bytes arrived than were sent", i)
		}
	}
}
