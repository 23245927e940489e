package transfer_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// firstFlight is a relay in front of a server that passes no answer on, from when
// it is armed on: the server gets the client's first flight, again and again, and
// never the end of the handshake. From when it holds on, it gets nothing either.
type firstFlight struct {
	client, server *net.UDPConn
	armed          atomic.Bool
	holds          atomic.Bool
	held           chan []byte // what the server did not get
	work           sync.WaitGroup
}

func newFirstFlight(t *testing.T, server string) *firstFlight {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	r := &firstFlight{held: make(chan []byte, 1000)}
	if r.client, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	if r.server, err = net.DialUDP("udp", nil, to); err != nil {
		t.Fatal(err)
	}
	var from atomic.Pointer[net.UDPAddr]
	r.work.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, address, err := r.client.ReadFromUDP(buf)
			if err != nil {
				return
			}
			from.Store(address)
			if r.holds.Load() {
				r.held <- append([]byte(nil), buf[:n]...)
				continue
			}
			_, _ = r.server.Write(buf[:n])
		}
	})
	r.work.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.server.Read(buf)
			if err != nil {
				return
			}
			if !r.armed.Load() {
				_, _ = r.client.WriteToUDP(buf[:n], from.Load())
			}
		}
	})
	t.Cleanup(func() {
		r.client.Close()
		r.server.Close()
		r.work.Wait()
	})
	return r
}

// oneSession is a transport.SessionStore for one server.
type oneSession struct {
	mu   sync.Mutex
	data []byte
	kept chan struct{} // holds a value once something was stored
}

func (s *oneSession) Load(string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

func (s *oneSession) Store(_ string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = append([]byte(nil), data...)
	select {
	case s.kept <- struct{}{}:
	default:
	}
}

// TestCommitBeforeTheHandshakeIsOver: what a client sends in its first flight is
// committed at once where nothing of that name is there, and replaces nothing
// before the handshake is over.
func TestCommitBeforeTheHandshakeIsOver(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Overwrite: true}, nil)
	relay := newFirstFlight(t, h.addr)
	store := &oneSession{kept: make(chan struct{}, 1)}
	dial := func() *transport.Conn {
		conn, err := transport.Dial(soon(t), relay.client.LocalAddr().String(), &transport.Config{Session: store, Carrier: transport.UDP})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	first := dial()
	<-first.Connected()
	for range 2 { // the token and the ticket
		<-store.kept
	}
	_ = first.Close()

	old := filepath.Join(h.dir, "old")
	if err := os.WriteFile(old, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	relay.armed.Store(true)
	conn := dial()
	if !conn.EarlyData() {
		t.Fatal("no 0-RTT with a session and a token")
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	sources := make([]transfer.Source, 2)
	for i, name := range []string{"old", "new"} {
		sources[i].Path = filepath.Join(h.here, name)
		if err := os.WriteFile(sources[i].Path, []byte("as it is sent"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(soon(t))
	sent := make(chan []transfer.Result, 1)
	go func() { sent <- client.Send(ctx, sources, transfer.Options{}) }()
	for e := range h.events {
		if e.Started {
			continue
		}
		if e.Result.Name != "new" || e.Result.Err != nil {
			t.Errorf("%s ended first: %v", e.Result.Name, e.Result.Err)
		}
		break
	}
	if got, err := os.ReadFile(filepath.Join(h.dir, "new")); err != nil || string(got) != "as it is sent" {
		t.Errorf("the new file: %q, %v", got, err)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "as it was" {
		t.Errorf("the old file was replaced: %q, %v", got, err)
	}
	cancel()
	<-sent
	_ = conn.Close()
}
