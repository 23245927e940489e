package transport

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/uft/internal/leaktest"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/udp"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var (
	serverAddress = netip.MustParseAddrPort("192.0.2.1:4242")
	clientAddress = netip.MustParseAddrPort("192.0.2.2:0")
)

// A world is a server and its clients on a network in memory, in virtual time.
type world struct {
	t        *testing.T
	net      *udp.MemoryNet
	listener *Listener
	client   netip.AddrPort // that clients dial from
	conns    []*Conn
	deaf     atomic.Bool  // nothing that clients send arrives
	longest  atomic.Int64 // bytes of a datagram that arrives; 0: any does
}

// inWorld runs a script in a bubble of virtual time. Both directions of the
// network behave like path; cfg is that of the server. In the end everything
// is closed, and the bubble fails if a goroutine is left.
func inWorld(t *testing.T, path link.Config, cfg *Config, script func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, client: clientAddress}
		impaired := impairment(t, path)
		w.net = udp.NewMemoryNet(func(from, to netip.AddrPort, datagram []byte) (time.Duration, bool) {
			if longest := w.longest.Load(); w.deaf.Load() && from != serverAddress || longest > 0 && int64(len(datagram)) > longest {
				return 0, true
			}
			return impaired(from, to, datagram)
		})
		w.listener = w.listen(cfg)
		defer w.close()
		script(t, w)
	})
}

// impairment makes the network of a link's configuration.
func impairment(t *testing.T, path link.Config) udp.Impairment {
	const seed = 7
	t.Logf("seed %d", seed)
	there, back := link.New(path, seed), link.New(path, seed+1)
	start := time.Now()
	return func(from, _ netip.AddrPort, datagram []byte) (time.Duration, bool) {
		l := there
		if from == serverAddress {
			l = back
		}
		now := instant.Time(time.Since(start)) + 1
		deliveries := l.Admit(now, len(datagram), nil)
		if len(deliveries) == 0 {
			return 0, true
		}
		deliveries[0].Damage(datagram)
		return deliveries[0].At.Sub(now), false
	}
}

func (w *world) listen(cfg *Config) *Listener {
	w.t.Helper()
	checked, err := cfg.checked()
	if err != nil {
		w.t.Fatal(err)
	}
	socket, err := w.net.Listen(serverAddress)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := listenOn(socket, checked)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// tryDial connects a client.
func (w *world) tryDial(ctx context.Context, cfg *Config) (*Conn, error) {
	checked, err := cfg.checked()
	if err != nil {
		w.t.Fatal(err)
	}
	socket, err := w.net.Listen(w.client)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := dialOn(ctx, socket, serverAddress.String(), []netip.AddrPort{serverAddress}, checked)
	if err == nil {
		w.conns = append(w.conns, c)
	}
	return c, err
}

// dial connects a client, which has to work.
func (w *world) dial(cfg *Config) *Conn {
	w.t.Helper()
	c, err := w.tryDial(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatalf("Dial: %v", err)
	}
	return c
}

// accept returns the server's end of the next connection.
func (w *world) accept() *Conn {
	w.t.Helper()
	c, err := w.listener.Accept(w.t.Context())
	if err != nil {
		w.t.Fatalf("Accept: %v", err)
	}
	return c
}

// close ends everything and waits until it has: the time of a bubble stands
// still once its test is over.
func (w *world) close() {
	for _, c := range w.conns {
		c.Close()
		<-c.stopped
	}
	w.listener.Close()
	// Attempts that failed linger too.
	time.Sleep(2 * maxLinger)
}

// random returns n bytes from a seed.
func random(n int, seed uint64) []byte {
	p := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = source.Read(p)
	return p
}

// echo serves one connection: every stream is sent back.
func echo(c *Conn) {
	for {
		s, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			if _, err := io.Copy(s, s); err != nil {
				return
			}
			_ = s.CloseWrite()
		}()
	}
}

// roundTrip sends p on a stream of its own and returns what comes back.
func roundTrip(c *Conn, p []byte) ([]byte, error) {
	s, err := c.OpenStream(context.Background())
	if err != nil {
		return nil, err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := s.Write(p)
		sent <- errors.Join(err, s.CloseWrite())
	}()
	got, err := io.ReadAll(s)
	return got, errors.Join(err, <-sent)
}

func TestEcho(t *testing.T) {
	for _, path := range []link.Config{
		{Delay: 20 * time.Millisecond},
		{Delay: 20 * time.Millisecond, Loss: 0.2, Jitter: 5 * time.Millisecond, Corrupt: 0.02},
	} {
		inWorld(t, path, nil, func(t *testing.T, w *world) {
			c := w.dial(nil)
			go echo(w.accept())
			for _, n := range []int{0, 1, 1000, 100_000, 1_000_000} {
				p := random(n, 1)
				got, err := roundTrip(c, p)
				if err != nil || !bytes.Equal(got, p) {
					t.Fatalf("%d bytes: %d came back, error %v", n, len(got), err)
				}
			}
		})
	}
}

func TestManyStreams(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		go echo(w.accept())
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				p := random(5000+i, uint64(i))
				got, err := roundTrip(c, p)
				if err != nil || !bytes.Equal(got, p) {
					t.Errorf("stream %d: %d of %d bytes came back, error %v", i, len(got), len(p), err)
				}
			})
		}
		all.Wait()
	})
}

func TestPeersKnowEachOther(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	inWorld(t, link.Config{Delay: time.Millisecond}, &Config{Identity: key}, func(t *testing.T, w *world) {
		var seen ed25519.PublicKey
		c := w.dial(&Config{VerifyServer: func(k ed25519.PublicKey) error { seen = k; return nil }})
		s := w.accept()
		<-c.Connected()
		if want := key.Public(); !seen.Equal(want) || !c.PeerIdentity().Equal(want) || !w.listener.Identity().Equal(want) {
			t.Errorf("verified %x, PeerIdentity %x, want %x", seen, c.PeerIdentity(), want)
		}
		if c.EarlyData() {
			t.Error("early data after the handshake")
		}
		if c.RemoteAddr().String() != serverAddress.String() || s.RemoteAddr().String() != c.LocalAddr().String() {
			t.Errorf("client %v → %v, server %v → %v", c.LocalAddr(), c.RemoteAddr(), s.LocalAddr(), s.RemoteAddr())
		}
	})
}

func TestRefusedIdentity(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		cause := errors.New("another key than last time")
		_, err := w.tryDial(t.Context(), &Config{VerifyServer: func(ed25519.PublicKey) error { return cause }})
		var refused *IdentityError
		if !errors.As(err, &refused) || !errors.Is(err, cause) || !refused.Key.Equal(w.listener.Identity()) {
			t.Errorf("error %v (%T), want an *IdentityError that wraps the cause", err, err)
		}
	})
}

func TestCloseTellsThePeer(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		s := w.accept()
		stream, err := s.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWithError(42, "enough"); err != nil {
			t.Error(err)
		}
		if err := c.Err(); !errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("the error of the side that closed is %v", err)
		}
		_, err = stream.Read(make([]byte, 10))
		var closed *CloseError
		if !errors.As(err, &closed) || !closed.Remote || !closed.Application || closed.Code != 42 || closed.Reason != "enough" {
			t.Errorf("the peer reads %v", err)
		}
		<-s.Done()
		if errors.Is(s.Err(), ErrClosed) {
			t.Errorf("the peer's error %v says that it closed", s.Err())
		}
		if _, err := c.OpenStream(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("OpenStream after Close: %v", err)
		}
		if _, err := c.OpenBulk(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("OpenBulk after Close: %v", err)
		}
	})
}

func TestListenerCloseEndsConnections(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		w.accept()
		if err := w.listener.Close(); err != nil {
			t.Error(err)
		}
		<-c.Done()
		var closed *CloseError
		if !errors.As(c.Err(), &closed) || !closed.Remote {
			t.Errorf("the client finds %v", c.Err())
		}
		if _, err := w.listener.Accept(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	})
}

func TestTimeouts(t *testing.T) {
	inWorld(t, link.Config{Loss: 1}, nil, func(t *testing.T, w *world) {
		_, err := w.tryDial(t.Context(), &Config{HandshakeTimeout: 3 * time.Second})
		var timeout *TimeoutError
		var asNet net.Error
		if !errors.As(err, &timeout) || !timeout.Handshake || !errors.As(err, &asNet) || !asNet.Timeout() {
			t.Errorf("Dial into the void: %v", err)
		}
	})
	silent := link.Blackout{Start: time.Second, Length: time.Hour}
	inWorld(t, link.Config{Delay: time.Millisecond, Blackouts: []link.Blackout{silent}}, nil, func(t *testing.T, w *world) {
		c := w.dial(&Config{IdleTimeout: 5 * time.Second})
		s := w.accept()
		for _, c := range []*Conn{c, s} {
			<-c.Done()
			var timeout *TimeoutError
			if !errors.As(c.Err(), &timeout) || timeout.Handshake {
				t.Errorf("silence ends with %v", c.Err())
			}
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	inWorld(t, link.Config{Loss: 1}, nil, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.tryDial(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial: %v", err)
		}
	})
}

func TestContextsBoundOnlyTheirCalls(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		go echo(w.accept())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for name, call := range map[string]func() error{
			"AcceptStream":    func() error { _, err := c.AcceptStream(ctx); return err },
			"AcceptBulk":      func() error { _, err := c.AcceptBulk(ctx); return err },
			"Listener.Accept": func() error { _, err := w.listener.Accept(ctx); return err },
		} {
			if err := call(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := roundTrip(c, []byte("still there")); err != nil || string(got) != "still there" {
			t.Errorf("afterwards: %q, %v", got, err)
		}
	})
}

func TestServerIsFull(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, &Config{MaxConnections: 1}, func(t *testing.T, w *world) {
		w.dial(nil)
		if _, err := w.tryDial(t.Context(), &Config{HandshakeTimeout: time.Second}); err == nil {
			t.Error("a connection too many was accepted")
		}
		stats := w.listener.Stats()
		if stats.Connections != 1 || stats.Accepted != 1 || stats.Refused == 0 {
			t.Errorf("%+v", stats)
		}
	})
}

func TestSimulatedLossIsCounted(t *testing.T) {
	lossy := &Config{Loss: 0.3, Seed: 5}
	inWorld(t, link.Config{Delay: 5 * time.Millisecond}, lossy, func(t *testing.T, w *world) {
		c := w.dial(lossy)
		go echo(w.accept())
		p := random(200_000, 3)
		if got, err := roundTrip(c, p); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%d bytes came back, %v", len(got), err)
		}
		stats := c.Stats()
		share := float64(stats.SimulatedLoss) / float64(stats.DatagramsSent)
		if share < 0.2 || share > 0.4 || w.listener.Stats().SimulatedLoss == 0 {
			t.Errorf("%d of %d datagrams were thrown away, want 30 %%", stats.SimulatedLoss, stats.DatagramsSent)
		}
	})
}

func TestLossFilterKeepsTrains(t *testing.T) {
	f := &lossFilter{link: link.New(link.Config{Loss: 0.5}, 11)}
	lost, sent := 0, 0
	for range 200 {
		var want []byte
		train := make([]byte, 10*100+30)
		for i := range train {
			train[i] = byte(i / 100)
		}
		got := f.filter(train, 100)
		for i := 0; i < len(got); i += 100 {
			want = append(want, bytes.Repeat(got[i:i+1], min(100, len(got)-i))...)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("datagrams were mixed")
		}
		sent += 11
		lost += 11 - (len(got)+99)/100
	}
	if share := float64(lost) / float64(sent); share < 0.45 || share > 0.55 {
		t.Errorf("%v of the datagrams were lost, want half", share)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, cfg := range map[string]*Config{
		"loss":     {Loss: 1.5},
		"rate":     {FixedRate: -1},
		"mode":     {FixedRate: 1e6, Background: true},
		"memory":   {BulkMemory: -1},
		"identity": {Identity: make(ed25519.PrivateKey, 5)},
	} {
		if l, err := Listen("127.0.0.1:0", cfg); err == nil {
			t.Errorf("%s: Listen accepts %+v", name, cfg)
			l.Close()
		}
		if c, err := Dial(t.Context(), "127.0.0.1:9", cfg); err == nil {
			t.Errorf("%s: Dial accepts %+v", name, cfg)
			c.Close()
		}
	}
}

func TestConvertedErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want any
	}{
		{&core.PeerError{Code: 3, Reason: "x"}, new(*CloseError)},
		{&core.LocalError{Code: 3}, new(*CloseError)},
		{&core.ApplicationError{Code: 3}, new(*CloseError)},
		{&core.TimeoutError{}, new(*TimeoutError)},
		{&core.ResetError{}, new(*ResetError)},
		{&core.VersionError{Versions: []uint32{5}}, new(*VersionError)},
	} {
		got := convertError(test.err, nil)
		if !errors.As(got, test.want) {
			t.Errorf("%T becomes %T", test.err, got)
		}
		if got.Error() == "" {
			t.Errorf("%T says nothing", got)
		}
	}
	if convertError(nil, nil) != nil || convertStreamError(nil, 0) != nil {
		t.Error("no error becomes one")
	}
	if err := convertStreamError(core.ErrFinished, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("a finished stream: %v", err)
	}
}
