package transport

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/link"
)

// memoryStore is a SessionStore that lasts as long as the test.
type memoryStore struct {
	mu   sync.Mutex
	data map[string][]byte
}

func (m *memoryStore) Load(server string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data[server]
}

func (m *memoryStore) Store(server string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		m.data = map[string][]byte{}
	}
	m.data[server] = bytes.Clone(data)
}

func TestSecondConnectionSendsAtOnce(t *testing.T) {
	const delay = 50 * time.Millisecond
	inWorld(t, link.Config{Delay: delay}, nil, func(t *testing.T, w *world) {
		cfg := &Config{Session: &memoryStore{}}
		start := time.Now()
		c := w.dial(cfg)
		if c.EarlyData() || time.Since(start) < 2*delay {
			t.Error("the first connection sent before it heard from the server")
		}
		w.accept()
		time.Sleep(time.Second) // for the ticket and the token
		c.Close()

		start = time.Now()
		c = w.dial(cfg)
		if time.Since(start) != 0 || !c.EarlyData() {
			t.Fatalf("the second connection waited %v; early data: %v", time.Since(start), c.EarlyData())
		}
		stream, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		_ = stream.CloseWrite()
		s := w.accept()
		received, err := s.AcceptStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(received)
		if err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		if elapsed := time.Since(start); elapsed >= 2*delay || !s.EarlyData() {
			t.Errorf("the data came after %v; early data: %v", elapsed, s.EarlyData())
		}
		<-c.Connected()
		if c.PeerIdentity() == nil {
			t.Error("no identity after a resumed handshake")
		}
	})
}

func TestRejectedEarlyDataIsSentAgain(t *testing.T) {
	inWorld(t, link.Config{Delay: 20 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		cfg := &Config{Session: &memoryStore{}}
		c := w.dial(cfg)
		w.accept()
		time.Sleep(time.Second)
		c.Close()
		// The ticket keys die with the server.
		w.listener.Close()
		w.listener = w.listen(nil)

		c = w.dial(cfg)
		if !c.EarlyData() {
			t.Fatal("no early data was tried")
		}
		go func() { echo(w.accept()) }()
		p := random(5000, 1)
		if got, err := roundTrip(c, p); err != nil || !bytes.Equal(got, p) {
			t.Errorf("%d bytes came back, %v", len(got), err)
		}
	})
}

func TestMemoryRoundTrip(t *testing.T) {
	store := &memoryStore{}
	m := newMemory(store, "host:1")
	m.note(core.Event{Kind: core.EventClosed}, time.Second)
	if store.Load("host:1") != nil {
		t.Error("something was stored of a server that gave nothing")
	}
	m.note(core.Event{Kind: core.EventSession, Data: []byte("session")}, 123*time.Millisecond)
	m.note(core.Event{Kind: core.EventToken, Data: []byte("token")}, 0)
	session, token, rtt := newMemory(store, "host:1").recall()
	if string(session) != "session" || string(token) != "token" || rtt != 123*time.Millisecond {
		t.Errorf("%q, %q, %v", session, token, rtt)
	}
	if session, token, _ := newMemory(store, "host:2").recall(); session != nil || token != nil {
		t.Error("another server has the same session")
	}
}

func TestDamagedMemoryIsNone(t *testing.T) {
	m := &memory{session: bytes.Repeat([]byte("s"), 100), token: []byte("token"), rtt: time.Second}
	whole := m.encode()
	for n := range whole {
		var read memory
		read.decode(whole[:n])
		if read.session != nil && !bytes.Equal(read.session, m.session) {
			t.Errorf("%d bytes of %d: session %q", n, len(whole), read.session)
		}
	}
}

func FuzzMemory(f *testing.F) {
	f.Add((&memory{session: []byte("s"), token: []byte("t"), rtt: time.Second}).encode())
	f.Add([]byte{memoryVersion})
	f.Fuzz(func(t *testing.T, data []byte) {
		var m memory
		m.decode(data)
		if m.rtt < 0 || m.rtt > maxRememberedRTT {
			t.Errorf("round-trip time %v", m.rtt)
		}
	})
}
