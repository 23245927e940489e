package transport

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/udp"
	"example.com/uft/internal/wire"
)

// closedPort is a socket that finds the port of every server closed.
type closedPort struct {
	udp.Conn
	asked atomic.Int32
}

func (c *closedPort) PortClosed(netip.AddrPort) bool {
	c.asked.Add(1)
	return true
}

// dialClosedPort connects over such a socket.
func dialClosedPort(t *testing.T, w *world, cfg *Config) (*closedPort, *Conn, error) {
	t.Helper()
	checked, err := cfg.checked()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := w.net.Listen(clientAddress)
	if err != nil {
		t.Fatal(err)
	}
	closed := &closedPort{Conn: socket}
	c, err := dialOn(t.Context(), closed, serverAddress.String(), []netip.AddrPort{serverAddress}, checked)
	if err == nil {
		w.conns = append(w.conns, c)
	}
	return closed, c, err
}

func TestServerThatIsGoneIsFoundOut(t *testing.T) {
	gone := link.Blackout{Start: time.Second, Length: time.Hour}
	inWorld(t, link.Config{Delay: 10 * time.Millisecond, Blackouts: []link.Blackout{gone}}, nil, func(t *testing.T, w *world) {
		_, c, err := dialClosedPort(t, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := s.Write([]byte("is anybody there?")); err != nil {
			t.Fatal(err)
		}
		silence := time.Now()
		<-c.Done()
		var closed *ClosedPortError
		if elapsed := time.Since(silence); !errors.As(c.Err(), &closed) || elapsed > 5*time.Second {
			t.Errorf("after %v: %v", elapsed, c.Err())
		}
	})
}

// TestSilenceAloneIsNoEnd: who has asked nothing has no answer to miss,
// whatever something on the way says about the port.
func TestSilenceAloneIsNoEnd(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		socket, c, err := dialClosedPort(t, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if asked := socket.asked.Load(); c.Err() != nil || asked != 0 {
			t.Errorf("error %v after %d questions", c.Err(), asked)
		}
	})
}

func TestQuestionMayBeLost(t *testing.T) {
	inWorld(t, link.Config{}, nil, func(t *testing.T, w *world) {
		socket, _, err := dialClosedPort(t, w, &Config{Loss: 1, HandshakeTimeout: 10 * time.Second})
		var timeout *TimeoutError
		if asked := socket.asked.Load(); !errors.As(err, &timeout) || asked != 0 {
			t.Errorf("with all datagrams lost: %v after %d questions", err, asked)
		}
	})
}

// TestKilledClient: a client whose program dies says nothing; the server's own
// datagrams come back, and it knows.
func TestKilledClient(t *testing.T) {
	inWorld(t, link.Config{Delay: 5 * time.Millisecond}, &Config{KeepAlive: time.Second}, func(t *testing.T, w *world) {
		c := w.dial(nil)
		server := w.accept()
		start := time.Now()
		time.Sleep(10 * time.Second)
		if err := server.Err(); err != nil {
			t.Fatalf("a client that has nothing to say was given up: %v", err)
		}
		killed := time.Now()
		_ = c.socket.udp.Close()
		<-server.Done()
		var gone *ClosedPortError
		if err := server.Err(); !errors.As(err, &gone) || !gone.Client || gone.Handshake {
			t.Errorf("the server was told %v", err)
		}
		if took := time.Since(killed); took > 6*time.Second {
			t.Errorf("noticed after %v, connected for %v", took, killed.Sub(start))
		}
	})
}

// TestRefusalsThatProveNothing: a router that has forgotten the client for a
// while, and a stranger who makes refusals up, end no connection that lives.
func TestRefusalsThatProveNothing(t *testing.T) {
	inWorld(t, link.Config{Delay: 5 * time.Millisecond}, &Config{KeepAlive: time.Second}, func(t *testing.T, w *world) {
		c := w.dial(nil)
		server := w.accept()
		client, _ := netip.ParseAddrPort(c.LocalAddr().String())
		server.mu.Lock()
		id := server.core.RemoteID()
		server.mu.Unlock()
		quote := func(id wire.ConnectionID) []byte {
			return append(wire.AppendShortHeader(nil, wire.ShortHeader{Destination: id}), make([]byte, 51)...)
		}
		genuine := quote(id)
		other := id
		other[0]++
		forged := quote(other)
		for _, test := range []struct {
			name   string
			quoted []byte
			silent time.Duration
		}{
			{"a router, for two seconds", genuine, 2 * time.Second},
			{"a stranger, for long", forged, 30 * time.Second},
			{"nothing quoted", nil, 30 * time.Second},
		} {
			w.deaf.Store(true) // nothing of the client's comes through
			for begin := time.Now(); time.Since(begin) < test.silent; time.Sleep(100 * time.Millisecond) {
				server.socket.refused(client, test.quoted)
			}
			w.deaf.Store(false)
			time.Sleep(5 * time.Second)
			if err := server.Err(); err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
	})
}
