package core

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// newTestEndpoint returns an endpoint that accepts everybody, unless change
// says otherwise.
func newTestEndpoint(t *testing.T, change func(*EndpointConfig)) *Endpoint {
	t.Helper()
	random := rand.NewChaCha8([32]byte{2})
	key, err := seal.NewTokenKey(make([]byte, seal.TokenKeySize))
	if err != nil {
		t.Fatal(err)
	}
	cfg := EndpointConfig{
		Rand: random, ResetKey: make([]byte, 32), TokenKey: key,
		Accept: func(netip.AddrPort, bool) (Config, bool) {
			return Config{Rand: random, Engine: func(p []byte) seal.Engine { return seal.NewNull(seal.Server, random, p) }}, false
		},
	}
	if change != nil {
		change(&cfg)
	}
	return NewEndpoint(cfg)
}

// firstDatagram returns the first datagram of a new client.
func firstDatagram(t *testing.T, seed byte) []byte {
	t.Helper()
	c := newTestClient(t, func(cfg *Config) { cfg.Rand = rand.NewChaCha8([32]byte{seed}) })
	buf := make([]byte, 2*wire.MaxDatagram)
	n, _, _, _ := c.Transmit(instant.Time(time.Second), buf, 1)
	return buf[:n]
}

func TestRoute(t *testing.T) {
	path := Path{Local: there, Remote: here}
	now := instant.Time(time.Second)
	e := newTestEndpoint(t, nil)
	first := firstDatagram(t, 1)
	kept := bytes.Clone(first)
	r := e.Route(now, 0, path, first)
	if r.Conn == nil || !r.New || r.Reply != nil {
		t.Fatalf("a first datagram: %+v", r)
	}
	if !bytes.Equal(first, kept) {
		t.Error("the datagram was changed")
	}
	if again := e.Route(now, 0, path, first); again.Conn != r.Conn || again.New {
		t.Errorf("its repeat: %+v", again)
	}
	short := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: r.Conn.localID})
	if got := e.Route(now, 0, path, append(bytes.Clone(short), make([]byte, 20)...)); got.Conn != r.Conn {
		t.Errorf("an Application packet: %+v", got)
	}
	e.Remove(r.Conn)
	if e.Len() != 0 || len(e.byID) != 0 || len(e.halfOpen) != 0 {
		t.Errorf("%d connections, %d ids and %d half-open ones are left", e.Len(), len(e.byID), len(e.halfOpen))
	}

	damaged := bytes.Clone(first)
	damaged[len(damaged)-1] ^= 1
	for name, datagram := range map[string][]byte{
		"nothing": nil, "one byte": {0xc0}, "a small Initial": first[:1199], "a damaged Initial": damaged,
		"a short packet too short for a reset": append(bytes.Clone(short), make([]byte, 24)...),
		"zeros":                                make([]byte, 1200),
	} {
		if got := e.Route(now, 0, path, datagram); got.Conn != nil || got.Reply != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if e.Len() != 0 {
		t.Errorf("%d connections came of it", e.Len())
	}
}

func TestStatelessResetReply(t *testing.T) {
	e := newTestEndpoint(t, nil)
	unknown := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: wire.ConnectionID{7}})
	for size := len(unknown); size < 200; size++ {
		datagram := append(bytes.Clone(unknown), make([]byte, size-len(unknown))...)
		reply := e.Route(1, 0, Path{Remote: here}, datagram).Reply
		if size < 38 {
			if reply != nil {
				t.Errorf("%d bytes were answered", size)
			}
			continue
		}
		token := seal.ResetToken(make([]byte, 32), wire.ConnectionID{7})
		if len(reply) < 37 || len(reply) >= size || !bytes.HasSuffix(reply, token[:]) || wire.IsLong(reply) {
			t.Errorf("%d bytes were answered by %x", size, reply)
		}
	}
	silent := newTestEndpoint(t, func(cfg *EndpointConfig) { cfg.ResetKey = nil })
	if r := silent.Route(1, 0, Path{Remote: here}, append(unknown, make([]byte, 100)...)); r.Reply != nil {
		t.Error("a reset without a key")
	}
}

// TestDialledConnection finds a client by its connection ID, and by the
// server's address for what may be a stateless reset.
func TestDialledConnection(t *testing.T) {
	e := newTestEndpoint(t, func(cfg *EndpointConfig) { cfg.Accept = nil })
	c := newTestClient(t, nil)
	e.AddClient(c)
	path := Path{Local: here, Remote: there}
	mine := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: c.localID})
	mine = append(mine, make([]byte, 20)...)
	other := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: wire.ConnectionID{9}})
	other = append(other, make([]byte, 50)...)
	if e.Len() != 1 || e.Route(1, 0, path, mine).Conn != c || e.Route(1, 0, path, other).Conn != c {
		t.Error("the client is not found")
	}
	if r := e.Route(1, 0, path, firstDatagram(t, 3)); r.Conn != nil || r.Reply != nil {
		t.Error("an endpoint that only dials has accepted a connection")
	}
	e.Remove(c)
	if e.Len() != 0 || e.Route(1, 0, path, mine).Conn != nil {
		t.Error("the client is still known")
	}
}

// TestHalfOpenIsBounded: with no key for tokens nobody can prove an address, so
// what is too much is dropped.
func TestHalfOpenIsBounded(t *testing.T) {
	e := newTestEndpoint(t, func(cfg *EndpointConfig) { cfg.TokenKey, cfg.MaxHalfOpen = nil, 5 })
	var conns []*Conn
	for seed := range byte(20) {
		if r := e.Route(1, 0, Path{Remote: here}, firstDatagram(t, seed)); r.New {
			conns = append(conns, r.Conn)
		}
	}
	if len(conns) != 5 || e.Len() != 5 {
		t.Errorf("%d connections", e.Len())
	}
	e.Established(conns[0])
	if r := e.Route(1, 0, Path{Remote: here}, firstDatagram(t, 100)); !r.New {
		t.Error("there is room for another, and it was not accepted")
	}
}

func TestOldTokensProveNothing(t *testing.T) {
	e := newTestEndpoint(t, nil)
	const issued = 1_700_000_000
	seals := func(kind seal.TokenKind) []byte {
		token, err := seal.SealToken(e.cfg.TokenKey, seal.Token{Kind: kind, Address: here, IssuedAt: issued}, e.cfg.Rand)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, test := range []struct {
		kind seal.TokenKind
		at   int64
		want bool
	}{
		{seal.TokenRetry, issued, true},
		{seal.TokenRetry, issued + retryTokenLife, true},
		{seal.TokenRetry, issued + retryTokenLife + 1, false},
		{seal.TokenRetry, issued - 1, false}, // from the future
		{seal.TokenAddress, issued + addressTokenLife, true},
		{seal.TokenAddress, issued + addressTokenLife + 1, false},
	} {
		var from initialContext
		e.checkToken(&from, test.at, Path{Remote: here}, seals(test.kind))
		if from.validated != test.want {
			t.Errorf("kind %d after %d s: %v", test.kind, test.at-issued, from.validated)
		}
	}
}

// TestParametersProveTheConnectionIDs changes what a server says of itself.
func TestParametersProveTheConnectionIDs(t *testing.T) {
	c := newTestClient(t, nil)
	good := wire.Parameters{
		InitialSource: c.remoteID, OriginalDestination: c.originalDestination, HasOriginalDestination: true, MaxDatagram: wire.MaxDatagram,
	}
	if err := c.handleParameters(good.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*wire.Parameters){
		"another source":         func(p *wire.Parameters) { p.InitialSource[0]++ },
		"another destination":    func(p *wire.Parameters) { p.OriginalDestination[0]++ },
		"no destination":         func(p *wire.Parameters) { p.HasOriginalDestination = false },
		"a Retry that never was": func(p *wire.Parameters) { p.HasRetrySource = true },
	} {
		p := good
		change(&p)
		var violated *wire.Error
		if err := c.handleParameters(p.Append(nil)); !errors.As(err, &violated) || violated.Code != wire.CodeTransportParameter {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.role = Server
	if err := c.handleParameters(good.Append(nil)); err == nil {
		t.Error("a client sent a server's parameter")
	}
}

func TestBulkProgress(t *testing.T) {
	c := newTestClient(t, nil)
	id, err := c.OpenBulk()
	if err != nil {
		t.Fatal(err)
	}
	c.ExtendBulk(id, 4096)
	c.SkipBulk(id, 1024, 2048)
	transfer := c.bulkOut.get(id)
	for range 2 {
		offset, n, repeat := transfer.block(1<<20, wire.BlockSize)
		transfer.took(offset, n, repeat)
	}
	if got := c.BulkSent(id); got != (BulkSent{Acked: 1024, Highest: 3072, LowestUnacked: 0}) {
		t.Errorf("%+v", got)
	}
	if !c.BulkAcked(id, 1024, 2048) || c.BulkAcked(id, 1000, 1100) {
		t.Error("what was skipped counts as acknowledged, nothing else does")
	}
	transfer.ack(0, 1024)
	if got := c.BulkSent(id); got.LowestUnacked != 2048 || got.Acked != 2048 {
		t.Errorf("%+v", got)
	}
	c.ResetBulk(id, 1)
	if !c.BulkAcked(id, 0, 4096) {
		t.Error("a transfer given up still holds memory")
	}
	if got := c.BulkSent(99); got != (BulkSent{}) || !c.BulkAcked(99, 0, 1) {
		t.Error("an unknown transfer")
	}
}

// TestErrorsNameTheSide: each says who ended the connection.
func TestErrorsNameTheSide(t *testing.T) {
	for want, err := range map[string]error{
		"by this side: FLOW_CONTROL": &LocalError{Code: wire.CodeFlowControl, Reason: "r"},
		"by the peer: FLOW_CONTROL":  &PeerError{Code: wire.CodeFlowControl, Reason: "r"},
		"by the peer: NO_ERROR":      &PeerError{},
		"by the peer (code 3)":       &ApplicationError{Code: 3},
		"by this side (code 3)":      &ApplicationError{Code: 3, Local: true},
		"no answer within 1s":        &TimeoutError{Handshake: true, After: time.Second},
		"from the peer for 1s":       &TimeoutError{After: time.Second},
		"restarted":                  &ResetError{},
		"0x1":                        &VersionError{Versions: []uint32{1}},
		"stream 4":                   &StreamError{ID: 4},
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not contain %q", err, want)
		}
	}
}
