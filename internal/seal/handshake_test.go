package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var (
	clientParameters = bytes.Repeat([]byte{0xc1}, 32)
	serverParameters = bytes.Repeat([]byte{0x5e}, 42)
)

// side is one end of a handshake in memory and what has come of it.
type side struct {
	name   string
	engine Engine
	piece  int // the peer's flights arrive in pieces of this many bytes; 0 is in one

	log         []string // the events, with the length of what was written
	flights     map[Level][]byte
	read, write map[Level]*Keys
	parameters  []byte
	session     []byte
	rejected    bool
	state       *tls.ConnectionState
	err         error
}

func newSide(t *testing.T, name string, engine Engine) *side {
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	})
	return &side{
		name: name, engine: engine,
		flights: map[Level][]byte{}, read: map[Level]*Keys{}, write: map[Level]*Keys{},
	}
}

// step takes one event and hands what it writes to the peer. It reports
// whether there was one.
func (s *side) step(peer *side) bool {
	event, ok := s.engine.NextEvent()
	if !ok {
		return false
	}
	line := event.Kind.String()
	switch event.Kind {
	case EventWriteCrypto:
		line = fmt.Sprintf("%s %s %d", line, event.Level, len(event.Data))
		s.flights[event.Level] = append(s.flights[event.Level], event.Data...)
		peer.deliver(event.Level, event.Data)
	case EventReadKeys:
		line = fmt.Sprintf("%s %s", line, event.Level)
		s.read[event.Level] = event.Read
	case EventWriteKeys:
		line = fmt.Sprintf("%s %s", line, event.Level)
		s.write[event.Level] = event.Write
	case EventPeerParameters:
		s.parameters = event.Parameters
	case EventEarlyDataRejected:
		s.rejected = true
	case EventSession:
		s.session = event.Session
	case EventHandshakeDone:
		s.state = event.State
		if s.name == "server" {
			s.err = s.engine.SendTicket()
		}
	}
	s.log = append(s.log, line)
	return true
}

func (s *side) deliver(level Level, data []byte) {
	size := s.piece
	if size == 0 {
		size = len(data)
	}
	for piece := range slices.Chunk(data, size) {
		if s.err == nil {
			s.err = s.engine.HandleCrypto(level, bytes.Clone(piece))
		}
	}
}

// pair is a client and a server of one kind of engine.
type pair struct{ client, server *side }

// start starts both, the server first.
func (p pair) start(t *testing.T) {
	t.Helper()
	for _, s := range []*side{p.server, p.client} {
		if err := s.engine.Start(); err != nil {
			t.Fatalf("%s: start: %v", s.name, err)
		}
	}
}

// run carries messages to and fro until both are silent or one has failed.
func (p pair) run(t *testing.T) {
	t.Helper()
	p.start(t)
	for p.client.err == nil && p.server.err == nil {
		client, server := p.client.step(p.server), p.server.step(p.client)
		if !client && !server {
			return
		}
	}
}

// wantDone fails the test unless both sides have completed the handshake and
// what either seals at any level opens at the other.
func (p pair) wantDone(t *testing.T, resumed bool) {
	t.Helper()
	for _, s := range []*side{p.client, p.server} {
		if s.err != nil {
			t.Fatalf("%s: %v", s.name, s.err)
		}
		if s.state == nil {
			t.Fatalf("%s: the handshake is not done: %q", s.name, s.log)
		}
		if s.state.DidResume != resumed || s.state.NegotiatedProtocol != ALPN || s.state.Version != tls.VersionTLS13 {
			t.Errorf("%s: resumed %v, protocol %q, version %#x", s.name, s.state.DidResume, s.state.NegotiatedProtocol, s.state.Version)
		}
	}
	if !bytes.Equal(p.server.parameters, clientParameters) || !bytes.Equal(p.client.parameters, serverParameters) {
		t.Errorf("parameters at the server %x, at the client %x", p.server.parameters, p.client.parameters)
	}
	if !bytes.Equal(SessionParameters(p.client.session), serverParameters) {
		t.Errorf("parameters in the session are %x", SessionParameters(p.client.session))
	}
	for _, level := range []Level{Handshake, Application} {
		wantAgreement(t, level, p.client.write[level], p.server.read[level])
		wantAgreement(t, level, p.server.write[level], p.client.read[level])
	}
}

func wantAgreement(t *testing.T, level Level, write, read *Keys) {
	t.Helper()
	if write == nil || read == nil {
		t.Fatalf("%s: keys are missing: write %v, read %v", level, write != nil, read != nil)
	}
	if _, err := read.Open(nil, nil, write.Seal(nil, nil, []byte("payload"), 0, 1), 0, 1); err != nil {
		t.Errorf("%s: the keys of the two sides differ", level)
	}
}

// wantAlert fails the test unless the side has failed with this alert.
func (s *side) wantAlert(t *testing.T, alert uint8) {
	t.Helper()
	failure, ok := errors.AsType[*AlertError](s.err)
	if !ok || failure.Alert != alert || s.state != nil {
		t.Errorf("%s: error %v, done %v; want alert %d", s.name, s.err, s.state != nil, alert)
	}
}

// kind is a kind of engine; the tests of this file hold for all of them.
type kind struct {
	name string
	// pair makes an unstarted pair. The session may be nil; early offers
	// 0-RTT and allow accepts it.
	pair func(t *testing.T, session []byte, early, allow bool) pair
}

// kinds returns the TLS and the null engine.
func kinds(t *testing.T) []kind {
	world := newTLSWorld(t)
	random := rand.NewChaCha8([32]byte{2})
	null := func(t *testing.T, session []byte, early, allow bool) pair {
		client := NewNull(Client, random, clientParameters)
		client.Session, client.EarlyData = session, early
		server := NewNull(Server, random, serverParameters)
		server.AllowEarly = allow
		return pair{newSide(t, "client", client), newSide(t, "server", server)}
	}
	return []kind{{"TLS", world.pair}, {"null", null}}
}

// Both engines give the same events in the same order, with the same lengths:
// that is what makes a simulation with the null one mean something. Where a new
// version of Go sends other lengths, those of null.go follow.
func TestFlights(t *testing.T) {
	const (
		full = iota
		resumed
		early
		rejected
	)
	want := []struct {
		name           string
		client, server []string
	}{
		full: {
			"full",
			[]string{
				"write crypto Initial 1476",
				"write keys Handshake", "read keys Handshake", "peer parameters",
				"write crypto Handshake 36", "write keys Application", "handshake done", "read keys Application",
				"session",
			},
			[]string{
				"peer parameters",
				"write crypto Initial 1178", "write keys Handshake", "read keys Handshake",
				"write crypto Handshake 410", "write keys Application", "handshake done", "read keys Application",
				"write crypto Application 171",
			},
		},
		resumed: {
			"resumed",
			[]string{
				"write crypto Initial 1669",
				"write keys Handshake", "read keys Handshake", "peer parameters",
				"write crypto Handshake 36", "write keys Application", "handshake done", "read keys Application",
				"session",
			},
			[]string{
				"peer parameters",
				"write crypto Initial 1184", "write keys Handshake", "read keys Handshake",
				"write crypto Handshake 100", "write keys Application", "handshake done", "read keys Application",
				"write crypto Application 171",
			},
		},
		early: {
			"with 0-RTT",
			[]string{
				"write crypto Initial 1673", "write keys 0-RTT",
				"write keys Handshake", "read keys Handshake", "peer parameters",
				"write crypto Handshake 36", "write keys Application", "handshake done", "read keys Application",
				"session",
			},
			[]string{
				"peer parameters", "read keys 0-RTT",
				"write crypto Initial 1184", "write keys Handshake", "read keys Handshake",
				"write crypto Handshake 104", "write keys Application", "handshake done", "read keys Application",
				"write crypto Application 171",
			},
		},
		rejected: {
			"with 0-RTT rejected",
			[]string{
				"write crypto Initial 1673", "write keys 0-RTT",
				"write keys Handshake", "read keys Handshake", "peer parameters", "early data rejected",
				"write crypto Handshake 36", "write keys Application", "handshake done", "read keys Application",
				"session",
			},
			[]string{
				"peer parameters",
				"write crypto Initial 1184", "write keys Handshake", "read keys Handshake",
				"write crypto Handshake 100", "write keys Application", "handshake done", "read keys Application",
				"write crypto Application 171",
			},
		},
	}
	for _, k := range kinds(t) {
		var session []byte
		for i, flight := range want {
			t.Run(k.name+" "+flight.name, func(t *testing.T) {
				p := k.pair(t, session, i >= early, i == early)
				p.run(t)
				p.wantDone(t, i != full)
				session = p.client.session
				if !slices.Equal(p.client.log, flight.client) {
					t.Errorf("client\n got %q\nwant %q", p.client.log, flight.client)
				}
				if !slices.Equal(p.server.log, flight.server) {
					t.Errorf("server\n got %q\nwant %q", p.server.log, flight.server)
				}
				if i == early {
					wantAgreement(t, Early, p.client.write[Early], p.server.read[Early])
				}
			})
		}
	}
}

func TestFlightsInPieces(t *testing.T) {
	for _, k := range kinds(t) {
		for _, piece := range []int{1, 3, 500} {
			t.Run(fmt.Sprint(k.name, " ", piece), func(t *testing.T) {
				p := k.pair(t, nil, false, false)
				p.client.piece, p.server.piece = piece, piece
				p.run(t)
				p.wantDone(t, false)
			})
		}
	}
}

// Each side may be closed after any event, and twice; TestMain finds what a
// handshake leaves behind.
func TestCloseAtEveryStep(t *testing.T) {
	for _, k := range kinds(t) {
		for steps := range 20 {
			p := k.pair(t, nil, false, false)
			if steps > 0 {
				p.start(t)
			}
			for range steps {
				p.client.step(p.server)
				p.server.step(p.client)
			}
			for _, s := range []*side{p.client, p.server, p.client} {
				if err := s.engine.Close(); err != nil {
					t.Errorf("%s %s after %d steps: %v", k.name, s.name, steps, err)
				}
				if event, ok := s.engine.NextEvent(); ok {
					t.Errorf("%s %s after %d steps: event %s of a closed engine", k.name, s.name, steps, event.Kind)
				}
			}
		}
	}
}

func TestGarbageIsAnAlert(t *testing.T) {
	for _, k := range kinds(t) {
		for _, c := range []struct {
			name  string
			level Level
			data  []byte
		}{
			{"bytes", Initial, []byte("\xffgarbage that is no handshake message")},
			{"a short message of zeros", Initial, []byte{1, 0, 0, 20, 23: 0}},
			{"a message too long", Initial, []byte{1, 0xff, 0xff, 0xff, 0}},
			{"another level", Handshake, []byte{1, 0, 0, 0}},
			{"no such level", 9, []byte{1, 0, 0, 0}},
		} {
			t.Run(k.name+" "+c.name, func(t *testing.T) {
				p := k.pair(t, nil, false, false)
				p.start(t)
				for _, s := range []*side{p.client, p.server} {
					first := s.engine.HandleCrypto(c.level, c.data)
					if _, ok := errors.AsType[*AlertError](first); !ok {
						t.Errorf("%s: error %v", s.name, first)
					}
					if again := s.engine.HandleCrypto(Initial, []byte{1}); again != first {
						t.Errorf("%s: after %v comes %v", s.name, first, again)
					}
				}
			})
		}
	}
}

func TestPartOfAMessageLeadsToNothing(t *testing.T) {
	for _, k := range kinds(t) {
		p := k.pair(t, nil, false, false)
		p.start(t)
		hello, _ := p.client.engine.NextEvent()
		p.server.deliver(Initial, hello.Data[:len(hello.Data)-1])
		if event, ok := p.server.engine.NextEvent(); ok || p.server.err != nil {
			t.Errorf("%s: %s, %v", k.name, event.Kind, p.server.err)
		}
	}
}

// The server is done only when the client has proved that it has the keys.
func TestWrongFinished(t *testing.T) {
	for _, k := range kinds(t) {
		p := k.pair(t, nil, false, false)
		p.start(t)
		engine := p.server.engine
		p.server.engine = holdFinished{engine}
		for p.client.step(p.server) || p.server.step(p.client) {
			continue
		}
		p.server.engine = engine
		damaged := bytes.Clone(p.client.flights[Handshake])
		damaged[len(damaged)-1] ^= 1
		p.server.deliver(Handshake, damaged)
		p.server.wantAlert(t, alertDecryptError)
	}
}

// holdFinished keeps the client's Handshake flight from a server.
type holdFinished struct{ Engine }

func (h holdFinished) HandleCrypto(level Level, data []byte) error {
	if level == Handshake {
		return nil
	}
	return h.Engine.HandleCrypto(level, data)
}

func TestEventsOwnTheirData(t *testing.T) {
	for _, k := range kinds(t) {
		p := k.pair(t, nil, false, false)
		p.run(t)
		hello := bytes.Clone(p.client.flights[Initial])
		q := k.pair(t, nil, false, false)
		q.start(t)
		event, _ := q.client.engine.NextEvent()
		before := bytes.Clone(event.Data)
		q.server.deliver(Initial, event.Data)
		for q.server.step(q.client) || q.client.step(q.server) {
			continue
		}
		if !bytes.Equal(event.Data, before) {
			t.Errorf("%s: the data of an event has changed", k.name)
		}
		if bytes.Equal(before, hello) {
			t.Errorf("%s: two handshakes begin with the same bytes", k.name)
		}
	}
}

// A source of randomness that fails stops a handshake before it begins.
func TestNoRandomness(t *testing.T) {
	empty := bytes.NewReader(nil)
	for _, engine := range []Engine{
		NewNull(Client, empty, nil),
		NewTLSClient(ClientConfig{Verify: func(ed25519.PublicKey) error { return nil }, Rand: empty}),
	} {
		err := engine.Start()
		failure, ok := errors.AsType[*AlertError](err)
		if !ok || failure.Alert != alertInternalError {
			t.Errorf("%T: error %v", engine, err)
		}
		_ = engine.Close()
	}
}
