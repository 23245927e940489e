package transport

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/link"
	"example.com/uft/internal/wire"
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
	key := ed25519.PublicKey(bytes.Repeat([]byte("k"), ed25519.PublicKeySize))
	m.note(core.Event{Kind: core.EventClosed}, key, core.PathMemory{RTT: time.Second})
	if store.Load("host:1") != nil {
		t.Error("something was stored of a server that gave nothing")
	}
	m.note(core.Event{Kind: core.EventSession, Data: []byte("session")}, key, core.PathMemory{RTT: 123 * time.Millisecond, Rate: 5_000_000, Loss: 0.25})
	m.note(core.Event{Kind: core.EventToken, Data: []byte("token")}, key, core.PathMemory{})
	session, token, path := newMemory(store, "host:1").recall(nil)
	if string(session) != "session" || string(token) != "token" || path != (core.PathMemory{RTT: 123 * time.Millisecond, Rate: 5_000_000, Loss: 0.25}) {
		t.Errorf("%q, %q, %v", session, token, path)
	}
	if session, token, _ := newMemory(store, "host:2").recall(nil); session != nil || token != nil {
		t.Error("another server has the same session")
	}
}

func TestDamagedMemoryIsNone(t *testing.T) {
	m := &memory{identity: make([]byte, ed25519.PublicKeySize), session: bytes.Repeat([]byte("s"), 100), token: []byte("token"), path: core.PathMemory{RTT: time.Second}}
	whole := m.encode()
	var intact memory
	if intact.decode(whole); !bytes.Equal(intact.session, m.session) || intact.path != m.path {
		t.Errorf("session %q, round-trip time %v of intact data", intact.session, intact.path.RTT)
	}
	for n := range whole {
		var read memory
		read.decode(whole[:n])
		if read.session != nil && !bytes.Equal(read.session, m.session) {
			t.Errorf("%d bytes of %d: session %q", n, len(whole), read.session)
		}
	}
}

func TestMemoryOfAnotherServerIsNotUsed(t *testing.T) {
	key := ed25519.PublicKey(bytes.Repeat([]byte("k"), ed25519.PublicKeySize))
	store := &memoryStore{}
	newMemory(store, "host:1").note(core.Event{Kind: core.EventSession, Data: []byte("session")}, key, core.PathMemory{RTT: time.Second})
	refuse := func(ed25519.PublicKey) error { return errors.New("another key is expected") }
	if session, token, path := newMemory(store, "host:1").recall(refuse); session != nil || token != nil || path != (core.PathMemory{}) {
		t.Error("the session of a server that is not trusted is used")
	}
	// What a server with another key brings does not mix with what there was.
	m := newMemory(store, "host:1")
	other := bytes.Repeat([]byte("o"), ed25519.PublicKeySize)
	m.note(core.Event{Kind: core.EventToken, Data: []byte("token")}, other, core.PathMemory{})
	if session, token, _ := newMemory(store, "host:1").recall(nil); session != nil || string(token) != "token" {
		t.Errorf("session %q, token %q of a new server", session, token)
	}
	// A session whose server is not known is not used.
	withoutKey := wire.AppendField([]byte{memoryVersion}, fieldSession, []byte("session"))
	store.Store("host:1", withoutKey)
	if session, _, _ := newMemory(store, "host:1").recall(nil); session != nil {
		t.Error("a session without a key is used")
	}
}

func TestLongTokenIsNotKept(t *testing.T) {
	key := ed25519.PublicKey(bytes.Repeat([]byte("k"), ed25519.PublicKeySize))
	store := &memoryStore{}
	m := newMemory(store, "host:1")
	m.note(core.Event{Kind: core.EventSession, Data: []byte("session")}, key, core.PathMemory{})
	m.note(core.Event{Kind: core.EventToken, Data: make([]byte, maxToken+1)}, key, core.PathMemory{})
	if _, token, _ := m.recall(nil); token != nil {
		t.Errorf("a token of %d bytes is kept", len(token))
	}
	m.token = make([]byte, maxToken+1) // as an earlier program may have stored it
	store.Store("host:1", m.encode())
	if session, token, _ := newMemory(store, "host:1").recall(nil); session == nil || token != nil {
		t.Errorf("session %q, a token of %d bytes", session, len(token))
	}
}

// TestEarlyDataNeedsTrust lets a client change its mind about the server: what
// it sends must not leave before the server was verified.
func TestEarlyDataNeedsTrust(t *testing.T) {
	inWorld(t, link.Config{Delay: 20 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		store := &memoryStore{}
		c := w.dial(&Config{Session: store})
		w.accept()
		time.Sleep(time.Second)
		c.Close()

		wrong := errors.New("not this server")
		_, err := w.tryDial(t.Context(), &Config{
			Session:      store,
			VerifyServer: func(ed25519.PublicKey) error { return wrong },
		})
		if !errors.Is(err, wrong) {
			t.Errorf("Dial returned %v: it offered early data to a server that is refused", err)
		}
		if c = w.dial(&Config{Session: store, VerifyServer: func(ed25519.PublicKey) error { return nil }}); !c.EarlyData() {
			t.Error("no early data for a server that is trusted")
		}
	})
}

func FuzzMemory(f *testing.F) {
	f.Add((&memory{identity: make([]byte, ed25519.PublicKeySize), session: []byte("s"), token: []byte("t"), path: core.PathMemory{RTT: time.Second, Rate: 1000, Loss: 0.1}}).encode())
	f.Add([]byte{memoryVersion})
	f.Fuzz(func(t *testing.T, data []byte) {
		var m memory
		m.decode(data)
		if p := m.path; p.RTT < 0 || p.RTT > maxRememberedRTT || p.Rate < 0 || p.Rate > maxRememberedRate || p.Loss < 0 || p.Loss > 1 {
			t.Errorf("path %+v", p)
		}
	})
}
