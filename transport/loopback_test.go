package transport

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/uft/internal/udp"
)

// loopback runs a server on a real socket for the length of a test.
func loopback(t *testing.T, address string, cfg *Config) *Listener {
	t.Helper()
	l, err := Listen(address, cfg)
	if err != nil {
		t.Skipf("no server on %s: %v", address, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect dials a server on a real socket, over UDP if the configuration does not
// name a carrier: where UDP has no answer for a second, as on a machine that is
// too busy, TCP would take the connection. The server's end is closed with the
// Listener.
func connect(t *testing.T, address string, cfg *Config) *Conn {
	t.Helper()
	var own Config
	if cfg != nil {
		own = *cfg
	}
	if own.Carrier == AnyCarrier {
		own.Carrier = UDP
	}
	c, err := Dial(t.Context(), address, &own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.stopped
	})
	return c
}

// portOf returns the address of a server's port on a host.
func portOf(l *Listener, host string) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port)
}

func TestLoopback(t *testing.T) {
	for _, test := range []struct{ listen, dial string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"[::1]:0", "::1"},
		{":0", "127.0.0.1"},
		{":0", "::1"},
		{":0", "localhost"},
	} {
		t.Run(test.listen+" from "+test.dial, func(t *testing.T) {
			if ip := net.ParseIP(test.dial); ip != nil && ip.To4() == nil {
				loopback(t, "[::1]:0", nil) // skips where there is no IPv6
			}
			l := loopback(t, test.listen, nil)
			c := connect(t, portOf(l, test.dial), nil)
			s, err := l.Accept(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			go echo(s)
			p := random(300_000, 1)
			if got, err := roundTrip(c, p); err != nil || !bytes.Equal(got, p) {
				t.Errorf("%d bytes came back, %v", len(got), err)
			}
		})
	}
}

func TestLoopbackBulk(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	c := connect(t, l.Addr().String(), &Config{Loss: 0.02, Seed: 3})
	s, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.OpenBulk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := random(20<<20+5, 8)
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := sendAll(b, p); err != nil {
			t.Error(err)
		}
	})
	got, err := receiveAll(incoming(t, s), len(p))
	if err != nil || !bytes.Equal(got, p) {
		t.Errorf("error %v, equal %v", err, bytes.Equal(got, p))
	}
	sending.Wait()
	<-b.Delivered()
}

func TestLocalAddress(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	c := connect(t, l.Addr().String(), &Config{LocalAddress: "127.0.0.1:0"})
	s, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.LocalAddr().String() != s.RemoteAddr().String() {
		t.Errorf("sent from %v, arrived from %v", c.LocalAddr(), s.RemoteAddr())
	}
	if s.LocalAddr().String() != l.Addr().String() {
		t.Errorf("the server's end is %v, not %v", s.LocalAddr(), l.Addr())
	}
	if c, err := Dial(t.Context(), "[::1]:1", &Config{LocalAddress: "127.0.0.1:0"}); err == nil {
		t.Error("an IPv6 address was dialled from an IPv4 one")
		c.Close()
	}
}

func TestDialErrors(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:no-such-service", "256.0.0.1.invalid:1"} {
		if c, err := Dial(t.Context(), address, nil); err == nil {
			t.Errorf("Dial(%q) is no error", address)
			c.Close()
		}
	}
}

func TestSocketThatFails(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	c := connect(t, l.Addr().String(), nil)
	s, err := c.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.socket.udp.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	<-c.stopped
}

func TestRaceTakesTheAddressThatAnswers(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	addresses := []netip.AddrPort{
		silent.LocalAddr().(*net.UDPAddr).AddrPort(),
		l.Addr().(*net.UDPAddr).AddrPort(),
	}
	for range 2 {
		c := race(t, addresses)
		if c.RemoteAddr().String() != l.Addr().String() {
			t.Errorf("connected to %v, want %v", c.RemoteAddr(), l.Addr())
		}
		s, err := l.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go echo(s)
		if got, err := roundTrip(c, []byte("x")); err != nil || string(got) != "x" {
			t.Errorf("%q, %v", got, err)
		}
		slices.Reverse(addresses)
	}
}

func TestRacePassesOverAnAddressThatCannotBeSentTo(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	c := race(t, []netip.AddrPort{
		netip.MustParseAddrPort("[::1]:9"), // from an IPv4 socket
		l.Addr().(*net.UDPAddr).AddrPort(),
	})
	if c.RemoteAddr().String() != l.Addr().String() {
		t.Errorf("connected to %v, want %v", c.RemoteAddr(), l.Addr())
	}
}

// race dials several addresses over a real socket.
func race(t *testing.T, addresses []netip.AddrPort) *Conn {
	t.Helper()
	cfg, err := (*Config)(nil).checked()
	if err != nil {
		t.Fatal(err)
	}
	socket := listenUDP(t)
	c, err := dialOn(t.Context(), socket, "test", addresses, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.stopped
	})
	return c
}

func TestRaceThatAllLose(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	address := silent.LocalAddr().(*net.UDPAddr).AddrPort()
	cfg, err := (&Config{HandshakeTimeout: 100 * time.Millisecond}).checked()
	if err != nil {
		t.Fatal(err)
	}
	_, err = dialOn(t.Context(), listenUDP(t), "test", []netip.AddrPort{address, address, address}, cfg)
	var timeout *TimeoutError
	if !errors.As(err, &timeout) {
		t.Errorf("error %v, want a timeout", err)
	}
}

func TestInterleave(t *testing.T) {
	var found []netip.Addr
	for _, s := range []string{"192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1", "2001:db8::1", "192.0.2.3", "2001:db8::2", "2001:db8::1"} {
		found = append(found, netip.MustParseAddr(s))
	}
	var got []string
	for _, a := range interleave(found) {
		got = append(got, a.String())
	}
	want := []string{"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestInitialCredit(t *testing.T) {
	for _, test := range []struct {
		free        int64
		connections int
		want        int64
	}{
		{1 << 30, 0, maxInitialCredit},
		{1 << 30, 3, maxInitialCredit / 4},
		{40 << 20, 0, 10 << 20},
		{0, 0, minInitialCredit},
		{1 << 40, 1_000_000, minInitialCredit},
	} {
		if got := initialCredit(test.free, test.connections); got != test.want {
			t.Errorf("%d free, %d connections: %d, want %d", test.free, test.connections, got, test.want)
		}
	}
	var all int64
	for n := range 1024 {
		all += repairMemory(maxRepairMemory, 1<<30, n)
	}
	if all > 1<<30 || repairMemory(maxRepairMemory, 1<<30, 0) != maxRepairMemory || repairMemory(maxRepairMemory, 0, 9) != 1 {
		t.Errorf("1024 connections may keep %d bytes for repair, with 1 GiB free", all)
	}
	if got := parseMemoryInfo([]byte("MemTotal: 5 kB\nMemAvailable:   12345 kB\n")); got != 12345<<10 {
		t.Errorf("parsed %d", got)
	}
	for _, text := range []string{"", "MemAvailable:\n", "MemAvailable: much kB\n", "MemAvailable: -1 kB\n"} {
		if got := parseMemoryInfo([]byte(text)); got != unknownMemory {
			t.Errorf("%q: parsed %d", text, got)
		}
	}
}

// listenUDP opens a real socket, which becomes that of a Dial.
func listenUDP(t *testing.T) udp.Conn {
	t.Helper()
	socket, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return socket
}
