package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// train returns n bytes that differ from datagram to datagram.
func train(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i/251)
	}
	return p
}

// receive reads trains until it has want bytes. It checks that every datagram
// but the last has the given size, and returns the addresses of the last train.
func receive(t *testing.T, c Conn, want, size int) (got []byte, remote, local netip.AddrPort) {
	t.Helper()
	// A datagram that is missing ends the test here rather than by hanging.
	guard := time.AfterFunc(time.Minute, func() { c.Close() })
	defer guard.Stop()
	buf := make([]byte, MaxTrain)
	for len(got) < want {
		n, segmentSize, from, to, _, err := c.ReadTrain(buf)
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", len(got), want, err)
		}
		if segmentSize != size && len(got)+n < want {
			t.Fatalf("a train of %d bytes has datagrams of %d, want %d", n, segmentSize, size)
		}
		got = append(got, buf[:n]...)
		remote, local = from, to
	}
	return got, remote, local
}

// at returns the socket's port on another address.
func at(c Conn, address string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(address), c.LocalAddr().Port())
}

func TestTrains(t *testing.T) {
	for _, test := range []struct {
		name        string
		size, bytes int
	}{
		{"a single datagram", 1064, 1064},
		{"a single byte", 1, 1},
		{"equal datagrams", 1064, 61 * 1064},
		{"a shorter last one", 1064, 10*1064 + 100},
		{"more datagrams than one call takes", 100, 150 * 100},
		{"more bytes than one call takes", 1200, 100 * 1200},
		{"datagrams that fill a call alone", 40_000, 3 * 40_000},
	} {
		for _, host := range []string{"127.0.0.1", "[::1]"} {
			t.Run(test.name+" on "+host, func(t *testing.T) {
				inEachMode(t, func(t *testing.T, m mode) {
					a, b := m.open(t, host+":0"), m.open(t, host+":0")
					sent := train(test.bytes)
					if err := a.WriteTrain(sent, test.size, b.LocalAddr(), netip.AddrPort{}); err != nil {
						t.Fatal(err)
					}
					got, remote, local := receive(t, b, len(sent), test.size)
					if !bytes.Equal(got, sent) {
						t.Error("other bytes arrived than were sent")
					}
					if remote != a.LocalAddr() || local != b.LocalAddr() {
						t.Errorf("from %v to %v, want from %v to %v", remote, local, a.LocalAddr(), b.LocalAddr())
					}
				})
			})
		}
	}
}

func TestDualStackAnswersFromTheAddressThatWasAddressed(t *testing.T) {
	inEachMode(t, answersFromTheAddressThatWasAddressed)
}

func answersFromTheAddressThatWasAddressed(t *testing.T, m mode) {
	server := m.open(t, ":0")
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
		if host != "127.0.0.1" && !canBind(host) {
			t.Logf("no address %s here", host)
			continue
		}
		client := m.open(t, net.JoinHostPort(host, "0"))
		question, answer := []byte("question"), train(5*1064)
		if err := client.WriteTrain(question, len(question), at(server, host), netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
		_, remote, local := receive(t, server, len(question), len(question))
		if remote != client.LocalAddr() {
			t.Errorf("%s: question from %v, want %v", host, remote, client.LocalAddr())
		}
		if !server.LocalAddr().Addr().IsUnspecified() || !sourceIsKnown(local) {
			t.Skip("this system does not tell which address was addressed")
		}
		if local != at(server, host) {
			t.Errorf("%s: question to %v, want %v", host, local, at(server, host))
		}
		if err := server.WriteTrain(answer, 1064, remote, local); err != nil {
			t.Fatal(err)
		}
		if _, remote, _ = receive(t, client, len(answer), 1064); remote != at(server, host) {
			t.Errorf("%s: answer from %v, want %v", host, remote, at(server, host))
		}
	}
}

func sourceIsKnown(a netip.AddrPort) bool { return !a.Addr().IsUnspecified() }

func canBind(host string) bool {
	c, err := Listen(net.JoinHostPort(host, "0"))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func TestUnspecifiedIPv4MeansIPv4Alone(t *testing.T) {
	if got := modes[0].open(t, "0.0.0.0:0").LocalAddr().Addr(); !got.Is4() {
		t.Errorf("0.0.0.0 is bound to %v", got)
	}
}

func TestListenErrors(t *testing.T) {
	taken := modes[0].open(t, "127.0.0.1:0")
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:http3", "127.0.0.1:99999", taken.LocalAddr().String()} {
		if c, err := Listen(address); err == nil && address != "" {
			t.Errorf("Listen(%q) = %v, want an error", address, c.LocalAddr())
			c.Close()
		} else if err == nil {
			c.Close() // an empty address is any address and any port
		}
	}
}

func TestCloseEndsReadAndWrite(t *testing.T) {
	memory, err := NewMemoryNet(nil).Listen(netip.MustParseAddrPort("192.0.2.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("memory", func(t *testing.T) { closeEndsReadAndWrite(t, memory) })
	inEachMode(t, func(t *testing.T, m mode) { closeEndsReadAndWrite(t, m.open(t, "127.0.0.1:0")) })
}

func closeEndsReadAndWrite(t *testing.T, c Conn) {
	done := make(chan error)
	go func() {
		_, _, _, _, _, err := c.ReadTrain(make([]byte, MaxTrain))
		done <- err
	}()
	c.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadTrain during Close: %v", err)
	}
	if _, _, _, _, _, err := c.ReadTrain(make([]byte, MaxTrain)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadTrain after Close: %v", err)
	}
	if err := c.WriteTrain(train(3000), 1000, at(c, "127.0.0.1"), netip.AddrPort{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("WriteTrain after Close: %v", err)
	}
}

func TestNobodyListensIsNoEnd(t *testing.T) { inEachMode(t, nobodyListensIsNoEnd) }

func nobodyListensIsNoEnd(t *testing.T, m mode) {
	// The ICMP messages about the first train must not keep the later one
	// from being received.
	gone := m.open(t, "127.0.0.1:0")
	address := gone.LocalAddr()
	gone.Close()
	a, b := m.open(t, "127.0.0.1:0"), m.open(t, "127.0.0.1:0")
	for range 5 {
		if err := a.WriteTrain(train(2128), 1064, address, netip.AddrPort{}); isClosed(err) {
			t.Fatal(err)
		}
	}
	if err := b.WriteTrain(train(2128), 1064, a.LocalAddr(), netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	receive(t, a, 2128, 1064)
}

func TestEmptyAndTooLongDatagramsDoNoHarm(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		c := m.open(t, "127.0.0.1:0")
		from, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(c.LocalAddr()))
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		for _, size := range []int{50, 0, 200, 70} {
			if _, err := from.Write(train(size)); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, 100) // so 200 is too long
		for _, want := range []int{50, 0, 70} {
			n, segmentSize, remote, _, _, err := c.ReadTrain(buf)
			if err != nil || n != want || segmentSize != want || !bytes.Equal(buf[:n], train(want)) {
				t.Errorf("%d bytes in datagrams of %d, error %v; want one of %d", n, segmentSize, err, want)
			}
			if remote != unmap(from.LocalAddr().(*net.UDPAddr).AddrPort()) {
				t.Errorf("from %v, want %v", remote, from.LocalAddr())
			}
		}
	})
}

func TestGrantedBuffers(t *testing.T) {
	c := modes[0].open(t, "127.0.0.1:0")
	got := BuffersOf(c)
	if got.Asked != socketBuffer || got.Receive <= 0 || got.Send <= 0 || got.Receive != c.ReceiveBuffer() {
		t.Errorf("%+v, receive buffer %d", got, c.ReceiveBuffer())
	}
	memory, err := NewMemoryNet(nil).Listen(alice)
	if err != nil {
		t.Fatal(err)
	}
	if got := BuffersOf(memory); got != (Buffers{}) {
		t.Errorf("a socket in memory: %+v", got)
	}
}
