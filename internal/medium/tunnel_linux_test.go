package medium

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
	"example.com/uft/internal/tun"
)

// A namespace is a network namespace of a test.
type namespace struct {
	t    *testing.T
	file *os.File
}

// newNamespace makes a network namespace, or skips the test where that is not
// allowed.
func newNamespace(t *testing.T) namespace {
	t.Helper()
	n := namespace{t: t}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread ends with the goroutine, which never unlocks it.
		runtime.LockOSThread()
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			n.file, err = os.Open("/proc/thread-self/ns/net")
		}
	}()
	<-done
	if err != nil {
		t.Skip("no network namespace: ", err)
	}
	t.Cleanup(func() { n.file.Close() })
	return n
}

func (n namespace) path() string { return fmt.Sprintf("/proc/self/fd/%d", n.file.Fd()) }

// do runs f on a thread in the namespace. Sockets stay where they were made.
func (n namespace) do(f func() error) {
	n.t.Helper()
	errs := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			errs <- err
			return
		}
		errs <- f()
	}()
	if err := <-errs; err != nil {
		n.t.Fatal(err)
	}
}

const (
	leftIPv4, rightIPv4 = "10.97.0.1", "10.97.0.2"
	leftIPv6, rightIPv6 = "fd97::1", "fd97::2"
)

// A tunnelTest is a tunnel between two namespaces.
type tunnelTest struct {
	*testing.T
	left, right namespace
	tunnel      *Tunnel
	end         func() Counters
}

// openTunnel opens a tunnel between two new namespaces and serves it until the
// test, or its end function, ends it.
func openTunnel(t *testing.T, config TunnelConfig) *tunnelTest {
	t.Helper()
	test := &tunnelTest{T: t, left: newNamespace(t), right: newNamespace(t)}
	prefixes := func(four, six string) []netip.Prefix {
		return []netip.Prefix{netip.MustParsePrefix(four + "/24"), netip.MustParsePrefix(six + "/64")}
	}
	config.Left = tun.Config{Name: "tunnel", Namespace: test.left.path(), Addresses: prefixes(leftIPv4, leftIPv6)}
	config.Right = tun.Config{Name: "tunnel", Namespace: test.right.path(), Addresses: prefixes(rightIPv4, rightIPv6)}
	tunnel, err := OpenTunnel(config)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPERM) {
		t.Skip("no TUN device: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	test.tunnel = tunnel
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tunnel.Serve(ctx) }()
	over := false
	test.end = func() Counters {
		cancel()
		if !over {
			over = true
			if err := <-ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
		}
		return tunnel.Counters()
	}
	t.Cleanup(func() { test.end() })
	return test
}

// transfer sends bytes over TCP from the left to the right, and wants them
// there.
func (test *tunnelTest) transfer(host string, size int) {
	test.Helper()
	data := make([]byte, size)
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	var listener net.Listener
	test.right.do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
		return err
	})
	defer listener.Close()
	var client net.Conn
	test.left.do(func() (err error) {
		client, err = net.Dial("tcp", listener.Addr().String())
		return err
	})
	go func() {
		defer client.Close()
		_, _ = client.Write(data)
	}()
	server, err := listener.Accept()
	if err != nil {
		test.Fatal(err)
	}
	defer server.Close()
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, data) {
		test.Fatalf("%d of %d bytes arrived over %s, or others: %v", len(got), size, host, err)
	}
}

func TestTunnelCarriesTCP(t *testing.T) {
	test := openTunnel(t, TunnelConfig{
		Up:   link.Config{Delay: 2 * time.Millisecond, Loss: 0.01, Duplicate: 0.01, Reorder: 0.01, Corrupt: 0.01},
		Down: link.Config{Delay: 2 * time.Millisecond, Loss: 0.01},
		Seed: 1,
	})
	for _, host := range []string{rightIPv4, rightIPv6} {
		test.transfer(host, 2_000_000)
	}
	c := test.end()
	for _, d := range []DirectionCounters{c.Up, c.Down} {
		if d.In+d.Duplicated != d.Delivered+d.Lost || d.Lost == 0 || d.Overflow > 0 || d.Failed > 0 {
			t.Errorf("the counters do not add up: %+v", d)
		}
	}
	if c.Up.BytesIn < 4_000_000 || c.Up.Corrupted == 0 {
		t.Errorf("up: %+v", c.Up)
	}
}

// udpPair returns connected UDP sockets at the two ends.
func (test *tunnelTest) udpPair() (left, right *net.UDPConn) {
	test.Helper()
	a := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(leftIPv4 + ":7001"))
	b := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(rightIPv4 + ":7002"))
	test.right.do(func() (err error) {
		right, err = net.DialUDP("udp", b, a)
		return err
	})
	test.left.do(func() (err error) {
		left, err = net.DialUDP("udp", a, b)
		return err
	})
	test.Cleanup(func() {
		left.Close()
		right.Close()
	})
	return left, right
}

// receive reads one datagram and returns how long after begin.
func receive(t *testing.T, c *net.UDPConn, begin time.Time, want string) time.Duration {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 3000)
	n, err := c.Read(buffer)
	if err != nil || string(buffer[:n]) != want {
		t.Fatalf("received %.20q, %v; want %.20q", buffer[:n], err, want)
	}
	return time.Since(begin)
}

// TestTunnelIsNeverEarly: how late a packet is depends on the machine, but
// before its time it must not come.
func TestTunnelIsNeverEarly(t *testing.T) {
	const delay = 20 * time.Millisecond
	test := openTunnel(t, TunnelConfig{
		// 1000 bytes in 10 ms.
		Up:   link.Config{Delay: delay, Rate: 800_000, QueueBytes: 3000},
		Down: link.Config{Delay: delay},
	})
	left, right := test.udpPair()
	begin := time.Now()
	payload := strings.Repeat("x", 1000-28)
	// The queue takes three of them at once. The link needs a second for all of
	// them: a machine that stalls in between cannot drain it unnoticed.
	const sent = 100
	for range sent {
		if _, err := left.Write([]byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		if took, least := receive(t, right, begin, payload), delay+time.Duration(i+1)*10*time.Millisecond; took < least {
			t.Errorf("datagram %d took %v, less than the %v of the link", i, took, least)
		}
	}
	begin = time.Now()
	if _, err := right.Write([]byte("back")); err != nil {
		t.Fatal(err)
	}
	if took := receive(t, left, begin, "back"); took < delay {
		t.Errorf("back in %v, less than %v", took, delay)
	}
	if c := test.end(); c.Up.In < sent || c.Up.QueueDrops == 0 || c.Up.BytesOut == 0 {
		t.Errorf("up: %+v", c.Up)
	}
}

func TestTunnelMarksCongestion(t *testing.T) {
	test := openTunnel(t, TunnelConfig{
		Up: link.Config{Rate: 8_000_000, CoDel: link.CoDel{Target: 1, Interval: 1, ECN: true}},
	})
	left, right := test.udpPair()
	raw, err := left.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const ect0 = 0b10
	err = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, ect0) })
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = right.SyscallConn(); err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1) })
	if err != nil {
		t.Fatal(err)
	}
	payload := make([]byte, 1000-28)
	for range 50 {
		if _, err := left.Write(payload); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[byte]int{}
	control := make([]byte, 100)
	for range 50 { // none is dropped
		if err := right.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, n, _, _, err := right.ReadMsgUDP(make([]byte, 2000), control)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil || len(messages) != 1 {
			t.Fatalf("control messages %v, %v", messages, err)
		}
		seen[messages[0].Data[0]]++
	}
	c := test.end()
	if seen[ect0|1] == 0 || seen[ect0]+seen[ect0|1] != 50 || uint64(seen[ect0|1]) != c.Up.Marked {
		t.Errorf("received by codepoint %v, the link marked %d", seen, c.Up.Marked)
	}
}

func TestTunnelChangesWhileItRuns(t *testing.T) {
	var file bytes.Buffer
	capture, err := pcap.NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	test := openTunnel(t, TunnelConfig{Capture: capture})
	left, right := test.udpPair()
	send := func(text string) {
		if _, err := left.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	send("one")
	receive(t, right, time.Now(), "one")
	if err := test.tunnel.Change(link.Changes{Up: "loss=1"}); err != nil {
		t.Fatal(err)
	}
	send("two")
	waitFor(t, func() bool { return test.tunnel.Counters().Up.Lost == 1 })
	if err := test.tunnel.Change(link.Changes{Up: "loss=0", Down: "loss=2"}); err == nil {
		t.Error("a change that makes no sense for one direction was made")
	}
	if up, down := test.tunnel.Links(); up.Loss != 1 || down.Loss != 0 {
		t.Errorf("a change that was refused changed %v, %v", up, down)
	}
	if err := test.tunnel.Change(link.Changes{Up: "loss=0", Down: "delay=1ms"}); err != nil {
		t.Fatal(err)
	}
	send("three")
	receive(t, right, time.Now(), "three")
	test.end()
	if err := capture.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"up in 7001 to 7002: one []", "up out 7001 to 7002: one []",
		"up in 7001 to 7002: two [lost]",
		"up in 7001 to 7002: three []", "up out 7001 to 7002: three []",
	}
	if diff := cmp.Diff(want, readCapture(t, &file)); diff != "" {
		t.Errorf("the capture is another (-want +got):\n%s", diff)
	}
}

// TestTunnelHoldsItsRate floods a link and counts what it accepted: its rate
// times the time, and what it may still hold.
func TestTunnelHoldsItsRate(t *testing.T) {
	const rate, size, n = 50_000_000, 1250, 500 // 200 µs each, 100 ms in all
	test := openTunnel(t, TunnelConfig{Up: link.Config{Rate: rate, QueueBytes: 10 * n * size}})
	left, right := test.udpPair()
	enlargeBuffers(right)
	payload := make([]byte, size-28)
	begin := time.Now()
	for range n {
		if _, err := left.Write(payload); err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		receive(t, right, begin, string(payload))
	}
	if took, least := time.Since(begin), time.Duration(n*size*8)*time.Second/rate; took < least {
		t.Errorf("%d bytes took %v, less than the %v of the rate", n*size, took, least)
	}
	if c := test.end(); c.Up.QueueDrops > 0 || c.Up.BytesOut < n*size {
		t.Errorf("up: %+v", c.Up)
	}
}

func TestTunnelConfigErrors(t *testing.T) {
	good := TunnelConfig{Left: tun.Config{Name: "a"}, Right: tun.Config{Name: "b"}}
	address := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}
	for _, test := range []struct {
		explains string
		change   func(*TunnelConfig)
	}{
		{"left: interface name", func(c *TunnelConfig) { c.Left.Name = "" }},
		{"same name", func(c *TunnelConfig) { c.Right.Name = "a" }},
		{"without the tunnel", func(c *TunnelConfig) { c.Left.Addresses, c.Right.Addresses = address, address }},
		{"down: loss", func(c *TunnelConfig) { c.Down.Loss = 2 }},
		{"scenario: up: step 1", func(c *TunnelConfig) { c.Scenarios.Up.Steps = []link.Step{{Change: "x"}} }},
	} {
		c := good
		test.change(&c)
		_, err := OpenTunnel(c)
		if fault := (*ConfigError)(nil); !errors.As(err, &fault) || !strings.Contains(err.Error(), test.explains) {
			t.Errorf("%+v: %v, want a ConfigError with %q", c, err, test.explains)
		}
	}
	c := good
	c.Left.Namespace = "no-such-namespace"
	if _, err := OpenTunnel(c); err == nil || !strings.Contains(err.Error(), "ip netns add no-such-namespace") {
		t.Errorf("a namespace that is not there: %v", err)
	}
}
