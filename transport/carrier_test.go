package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// tcpRelay passes TCP connections on to a server, until they are cut.
type tcpRelay struct {
	t        *testing.T
	listener net.Listener
	to       string

	mu    sync.Mutex
	conns []net.Conn
	count int
	work  sync.WaitGroup
}

func newTCPRelay(t *testing.T, to string) *tcpRelay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &tcpRelay{t: t, listener: listener, to: to}
	r.work.Go(r.run)
	return r
}

func (r *tcpRelay) run() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.to)
		if err != nil {
			near.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, near, far)
		r.count++
		r.mu.Unlock()
		r.work.Go(func() { _, _ = io.Copy(far, near); far.Close() })
		r.work.Go(func() { _, _ = io.Copy(near, far); near.Close() })
	}
}

// cut breaks every connection and returns how many there have been so far.
func (r *tcpRelay) cut() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.(*net.TCPConn).SetLinger(0) // a reset, as of a NAT that has forgotten it
		c.Close()
	}
	r.conns = nil
	return r.count
}

func (r *tcpRelay) close() {
	r.listener.Close()
	r.cut()
	r.work.Wait()
}

// listenReal starts a server on this machine that sends back every stream.
func listenReal(t *testing.T, cfg *Config) *Listener {
	t.Helper()
	l, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			work.Go(func() { echoStreams(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return l
}

func echoStreams(c *Conn) {
	for {
		s, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		_, _ = io.Copy(s, s)
		_ = s.CloseWrite()
	}
}

// echoed sends n random bytes on a stream and compares what comes back.
func echoed(t *testing.T, c *Conn, n int) {
	t.Helper()
	s, err := c.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, n)
	random := rand.New(rand.NewPCG(uint64(n), 0))
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	go func() {
		if _, err := s.Write(want); err != nil {
			t.Errorf("writing: %v", err)
		}
		_ = s.CloseWrite()
	}()
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes came back, equal %v: %v", len(got), len(want), bytes.Equal(got, want), err)
	}
}

// TestOnlyTCP runs a server and a client that use nothing else, beside a client of
// the same server that uses UDP.
func TestOnlyTCP(t *testing.T) {
	l := listenReal(t, nil)
	if l.Carrier() != AnyCarrier {
		t.Fatalf("the server listens on %v", l.Carrier())
	}
	var clients []*Conn
	for _, carrier := range []Carrier{TCP, UDP, AnyCarrier} {
		c, err := Dial(t.Context(), l.Addr().String(), &Config{Carrier: carrier})
		if err != nil {
			t.Fatalf("%v: %v", carrier, err)
		}
		want := carrier
		if carrier == AnyCarrier {
			want = UDP
		}
		if got := c.Carrier(); got != want {
			t.Errorf("asked for %v, got %v", carrier, got)
		}
		clients = append(clients, c)
	}
	for _, c := range clients {
		echoed(t, c, 3<<20)
	}
	if s := clients[0].Stats(); s.PacketsLost+s.BulkBytesRepeated > 0 {
		t.Errorf("over TCP: %+v", s)
	}
	for _, c := range clients {
		_ = c.Close()
	}
}

// TestCloseOverTCP: the peer is told, although the program goes on to end at
// once, and everything that was received can still be read.
func TestCloseOverTCP(t *testing.T) {
	l, err := Listen("127.0.0.1:0", &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	if l.Carrier() != TCP {
		t.Errorf("the server listens on %v", l.Carrier())
	}
	c, err := Dial(t.Context(), l.Addr().String(), &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWithError(7, "enough")
	<-server.Done()
	var closed *CloseError
	if err := server.Err(); !errors.As(err, &closed) || !closed.Remote || closed.Code != 7 || closed.Reason != "enough" {
		t.Errorf("the server was told %v", err)
	}
	c, err = Dial(t.Context(), l.Addr().String(), &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	<-c.Done()
	if err := c.Err(); !errors.As(err, &closed) || !closed.Remote {
		t.Errorf("the client was told %v", err)
	}
}

// silentUDP is a UDP port that takes everything and says nothing, with a TCP
// relay to the server on the same port number.
func silentUDP(t *testing.T, to string) (address string, relay *tcpRelay) {
	t.Helper()
	relay = newTCPRelay(t, to)
	socket, err := net.ListenPacket("udp", relay.listener.Addr().String())
	if err != nil {
		t.Skipf("the UDP port of a free TCP port is taken: %v", err)
	}
	t.Cleanup(func() { socket.Close() })
	return relay.listener.Addr().String(), relay
}

// TestFallback: where UDP gets no answer the client goes over TCP, also with data
// that it has sent before any answer, unless it is told not to.
func TestFallback(t *testing.T) {
	l := listenReal(t, nil)
	address, relay := silentUDP(t, l.Addr().String())
	defer relay.close()
	store := &memoryStore{}
	for range 2 { // the second with a session, so with 0-RTT
		c, err := Dial(t.Context(), address, &Config{Session: store})
		if err != nil {
			t.Fatal(err)
		}
		echoed(t, c, 300_000)
		if c.Carrier() != TCP || c.EarlyData() {
			t.Errorf("carrier %v, early data %v", c.Carrier(), c.EarlyData())
		}
		_ = c.Close()
	}
	_, err := Dial(t.Context(), address, &Config{Carrier: UDP, HandshakeTimeout: 1500 * time.Millisecond})
	var silence *TimeoutError
	if !errors.As(err, &silence) || !silence.Handshake {
		t.Errorf("UDP alone: %v", err)
	}
}

// TestBrokenTCP cuts the TCP connection again and again in the middle of a
// transfer: another one takes its place, and nothing is missing.
func TestBrokenTCP(t *testing.T) {
	l := listenReal(t, nil)
	relay := newTCPRelay(t, l.Addr().String())
	defer relay.close()
	c, err := Dial(t.Context(), relay.listener.Addr().String(), &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // is nil
	stop := make(chan struct{})
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for cuts := 0; cuts < 5; cuts++ {
			timer := time.NewTimer(150 * time.Millisecond)
			select {
			case <-timer.C:
				relay.cut()
			case <-stop:
				timer.Stop()
				return
			}
		}
	})
	for relay.cutCount() < 4 {
		echoed(t, c, 1<<20)
	}
	close(stop)
	cutter.Wait()
	echoed(t, c, 1<<20)
}

func (r *tcpRelay) cutCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// TestClientOverTCPIsGone: a program that dies ends its TCP connection without a
// word of ours; the server waits a little for another one and then knows.
func TestClientOverTCPIsGone(t *testing.T) {
	l, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // is nil
	relay := newTCPRelay(t, l.Addr().String())
	c, err := Dial(t.Context(), relay.listener.Addr().String(), &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	relay.close()
	var gone *ClosedPortError
	<-server.Done()
	if err := server.Err(); !errors.As(err, &gone) || !gone.Client {
		t.Errorf("the server: %v", err)
	}
	<-c.Done()
	if err := c.Err(); !errors.As(err, &gone) || gone.Client {
		t.Errorf("the client: %v", err)
	}
}

// TestNobodyListensOnTCP is told soon, and not at once: callers may try again.
func TestNobodyListensOnTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, err = Dial(t.Context(), address, &Config{Carrier: TCP})
	var closed *ClosedPortError
	if !errors.As(err, &closed) || !closed.Handshake {
		t.Errorf("got %v", err)
	}
}

// TestTakenTCPPort: a server whose TCP port belongs to somebody else serves UDP,
// unless TCP was asked for.
func TestTakenTCPPort(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(other.Addr().(*net.TCPAddr).Port))
	l, err := Listen(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.Carrier() != UDP {
		t.Errorf("the server listens on %v", l.Carrier())
	}
	_ = l.Close()
	if l, err := Listen(address, &Config{Carrier: TCP}); err == nil {
		_ = l.Close()
		t.Error("listening on a TCP port that is taken")
	}
}

// TestStrangersOnTCP: what does not speak the protocol is let go, and holds up
// nobody.
func TestStrangersOnTCP(t *testing.T) {
	l := listenReal(t, nil)
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "uft1\x00\x00\x00\x00", "uft1\x00\x05\x00\x05hello"} {
		stranger, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		if _, err := stranger.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Dial(t.Context(), l.Addr().String(), &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	echoed(t, c, 100_000)
	_ = c.Close()
}

func TestCarriersOfAConfiguration(t *testing.T) {
	for _, test := range []struct {
		cfg  Config
		want Carrier
		ok   bool
	}{
		{Config{}, AnyCarrier, true},
		{Config{Loss: 0.1}, UDP, true},
		{Config{Loss: 0.1, Carrier: TCP}, 0, false},
		{Config{Carrier: TCP + 1}, 0, false},
	} {
		checked, err := test.cfg.checked()
		if (err == nil) != test.ok || err == nil && checked.Carrier != test.want {
			t.Errorf("%v with loss %v: %v", test.cfg.Carrier, test.cfg.Loss, err)
		}
	}
}
