package seal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"testing"
	"testing/cryptotest"
	"time"
)

// tlsWorld is a server process and a client that knows it.
type tlsWorld struct {
	identity ed25519.PrivateKey
	client   ClientConfig
	server   ServerConfig
}

func newTLSWorld(t testing.TB) *tlsWorld {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = 1
	w := &tlsWorld{identity: ed25519.NewKeyFromSeed(seed)}
	certificate, err := SelfSigned(w.identity)
	if err != nil {
		t.Fatal(err)
	}
	w.client = ClientConfig{Parameters: clientParameters, Verify: func(key ed25519.PublicKey) error {
		if !key.Equal(w.identity.Public()) {
			t.Errorf("the client was shown the key %x", key)
		}
		return nil
	}}
	w.server = ServerConfig{Certificate: certificate, Parameters: serverParameters}
	w.restart(t)
	return w
}

// restart is what a new process of the same server forgets: its ticket keys.
func (w *tlsWorld) restart(t testing.TB) {
	t.Helper()
	tickets, err := NewTickets(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Tickets = tickets
}

func (w *tlsWorld) pair(t *testing.T, session []byte, early, allow bool) pair {
	client, server := w.client, w.server
	client.Session, client.EarlyData, server.AllowEarly = session, early, allow
	return pair{newSide(t, "client", NewTLSClient(client)), newSide(t, "server", NewTLSServer(server))}
}

// connect completes a handshake and returns the session it leaves behind.
func (w *tlsWorld) connect(t *testing.T) []byte {
	t.Helper()
	p := w.pair(t, nil, false, false)
	p.run(t)
	p.wantDone(t, false)
	return p.client.session
}

func TestHandshakeIsPostQuantum(t *testing.T) {
	w := newTLSWorld(t)
	for _, session := range [][]byte{nil, w.connect(t)} {
		p := w.pair(t, session, false, false)
		p.run(t)
		p.wantDone(t, session != nil)
		if curve := p.client.state.CurveID; curve != tls.X25519MLKEM768 {
			t.Errorf("the key exchange is %s", curve)
		}
	}
}

func TestClientHelloNamesNobody(t *testing.T) {
	w := newTLSWorld(t)
	p := w.pair(t, w.connect(t), true, true)
	p.run(t)
	if hello := p.client.flights[Initial]; bytes.Contains(hello, []byte(noServerName)) {
		t.Errorf("the ClientHello names a server: %q", hello)
	}
	if name := p.server.state.ServerName; name != "" {
		t.Errorf("the server was called %q", name)
	}
	if certificates := p.server.state.PeerCertificates; len(certificates) != 0 {
		t.Errorf("the client has sent %d certificates", len(certificates))
	}
}

func TestWrongIdentity(t *testing.T) {
	w := newTLSWorld(t)
	session := w.connect(t)
	errPin := errors.New("this is not the server we know")
	w.client.Verify = func(ed25519.PublicKey) error { return errPin }
	for name, session := range map[string][]byte{"full": nil, "resumed": session} {
		t.Run(name, func(t *testing.T) {
			p := w.pair(t, session, false, false)
			p.run(t)
			p.client.wantAlert(t, 42) // bad_certificate
			if !errors.Is(p.client.err, errPin) {
				t.Errorf("error %v does not wrap that of Verify", p.client.err)
			}
			if p.client.write[Application] != nil || p.server.state != nil {
				t.Error("the handshake went on")
			}
		})
	}
}

// A server that shows somebody else's certificate passes Verify, and then fails
// to sign.
func TestStolenCertificate(t *testing.T) {
	w := newTLSWorld(t)
	other := make([]byte, ed25519.SeedSize)
	w.server.Certificate.PrivateKey = ed25519.NewKeyFromSeed(other)
	p := w.pair(t, nil, false, false)
	p.run(t)
	p.client.wantAlert(t, alertDecryptError)
}

func TestIdentityOfAnotherKind(t *testing.T) {
	w := newTLSWorld(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Certificate = tls.Certificate{Certificate: [][]byte{encoded}, PrivateKey: key}
	p := w.pair(t, nil, false, false)
	p.run(t)
	p.client.wantAlert(t, 42) // bad_certificate
}

func TestAnotherProtocol(t *testing.T) {
	w := newTLSWorld(t)
	foreign := &tlsEngine{conn: tls.QUICClient(&tls.QUICConfig{TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h3"}, InsecureSkipVerify: true,
	}})}
	foreign.conn.SetTransportParameters(clientParameters)
	p := pair{newSide(t, "client", foreign), newSide(t, "server", NewTLSServer(w.server))}
	p.run(t)
	p.server.wantAlert(t, 120) // no_application_protocol
}

func TestEarlyDataOnce(t *testing.T) {
	w := newTLSWorld(t)
	session := w.connect(t)

	first := w.pair(t, session, true, true)
	first.run(t)
	first.wantDone(t, true)
	if first.server.read[Early] == nil || first.client.rejected {
		t.Fatal("0-RTT with a fresh ticket was not accepted")
	}

	// The client uses the same session again, with a ClientHello of its own.
	again := w.pair(t, session, true, true)
	again.run(t)
	again.wantDone(t, true)
	if again.server.read[Early] == nil || again.client.rejected {
		t.Error("0-RTT with another ClientHello was not accepted")
	}

	// Somebody else sends the recorded first flight again, as it was, in pieces,
	// and with something behind it.
	for _, how := range []struct {
		name  string
		piece int
		more  []byte
	}{{"as it was", 0, nil}, {"in pieces", 100, nil}, {"and more", 0, []byte{1, 0, 0, 0}}} {
		replay := w.pair(t, nil, false, true)
		replay.start(t)
		replay.server.piece = how.piece
		replay.server.deliver(Initial, append(bytes.Clone(first.client.flights[Initial]), how.more...))
		for replay.server.step(newSide(t, "client", NewNull(Client, rand.Reader, nil))) {
			continue
		}
		if replay.server.err != nil && how.more == nil || replay.server.read[Early] != nil {
			t.Errorf("replay %s: error %v, 0-RTT accepted %v", how.name, replay.server.err, replay.server.read[Early] != nil)
		}
	}

	// The session that the second connection has given is good for 0-RTT.
	next := w.pair(t, again.client.session, true, true)
	next.run(t)
	next.wantDone(t, true)
	if next.server.read[Early] == nil {
		t.Error("0-RTT with the newer ticket was not accepted")
	}
}

func TestEarlyDataRefused(t *testing.T) {
	for _, c := range []struct {
		name                    string
		offer, allow, restarted bool
		age                     time.Duration
		resumed, offered        bool
	}{
		{name: "not offered", allow: true, resumed: true},
		{name: "address not validated", offer: true, resumed: true, offered: true},
		{name: "server restarted", offer: true, allow: true, restarted: true, offered: true},
		{name: "ticket of last week", offer: true, allow: true, age: 8 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTLSWorld(t)
			session := w.connect(t)
			if c.restarted {
				w.restart(t)
			}
			later := func() time.Time { return time.Now().Add(c.age) }
			w.client.Time, w.server.Time = later, later
			p := w.pair(t, session, c.offer, c.allow)
			p.run(t)
			p.wantDone(t, c.resumed)
			if p.server.read[Early] != nil || (p.client.write[Early] != nil) != c.offered || p.client.rejected != c.offered {
				t.Errorf("accepted %v, offered %v, rejected %v", p.server.read[Early] != nil, p.client.write[Early] != nil, p.client.rejected)
			}
		})
	}
}

func TestServerWithoutTickets(t *testing.T) {
	w := newTLSWorld(t)
	session := w.connect(t)
	w.server.Tickets = nil
	p := w.pair(t, session, true, true)
	p.run(t)
	if p.client.state == nil || p.client.state.DidResume || p.client.session != nil || !p.client.rejected {
		t.Errorf("client: %q, error %v", p.client.log, p.client.err)
	}
}

// A session that cannot be read costs a full handshake and nothing else.
func TestDamagedSessionIsIgnored(t *testing.T) {
	w := newTLSWorld(t)
	session := w.connect(t)
	noState, err := storedSession{ticket: []byte("ticket"), parameters: serverParameters}.encode()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(session)
	damaged[len(damaged)/2] ^= 1
	for name, session := range map[string][]byte{
		"empty": {}, "damaged": damaged, "cut short": session[:len(session)-1], "without state": noState,
	} {
		t.Run(name, func(t *testing.T) {
			p := w.pair(t, session, true, true)
			p.run(t)
			p.wantDone(t, false)
		})
	}
}

func TestTicketBeforeTheEnd(t *testing.T) {
	w := newTLSWorld(t)
	p := w.pair(t, nil, false, false)
	p.start(t)
	p.server.err = p.server.engine.SendTicket()
	p.server.wantAlert(t, alertInternalError)
}

// TLS has key updates of its own, which RFC 9001 §6 forbids here.
func TestKeyUpdateOfTLS(t *testing.T) {
	w := newTLSWorld(t)
	p := w.pair(t, nil, false, false)
	p.run(t)
	p.wantDone(t, false)
	for _, s := range []*side{p.client, p.server} {
		s.deliver(Application, []byte{24, 0, 0, 1, 0})
		if _, ok := errors.AsType[*AlertError](s.err); !ok {
			t.Errorf("%s: error %v", s.name, s.err)
		}
	}
}

// With a seeded source of randomness a TLS handshake is repeatable, byte by byte.
func TestSeededHandshake(t *testing.T) {
	const seed = 7
	var flights [2][]byte
	for i := range flights {
		cryptotest.SetGlobalRandom(t, seed)
		w := newTLSWorld(t)
		at := func() time.Time { return time.Unix(1_780_000_000, 0) }
		w.client.Time, w.server.Time = at, at
		p := w.pair(t, nil, false, false)
		p.run(t)
		p.wantDone(t, false)
		for _, level := range []Level{Initial, Handshake, Application} {
			flights[i] = slices.Concat(flights[i], p.client.flights[level], p.server.flights[level])
		}
	}
	if !bytes.Equal(flights[0], flights[1]) {
		t.Errorf("two handshakes with the seed %d differ", seed)
	}
}

func TestSelfSigned(t *testing.T) {
	w := newTLSWorld(t)
	again, err := SelfSigned(w.identity)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Certificate[0], w.server.Certificate.Certificate[0]) {
		t.Error("two certificates of one identity differ")
	}
	if !again.Leaf.PublicKey.(ed25519.PublicKey).Equal(w.identity.Public()) {
		t.Errorf("the certificate has the key %x", again.Leaf.PublicKey)
	}
	if again.Leaf.NotBefore.Unix() != 0 || again.Leaf.NotAfter.Year() != 9999 {
		t.Errorf("valid from %v to %v", again.Leaf.NotBefore, again.Leaf.NotAfter)
	}
}

func FuzzTLSServer(f *testing.F) {
	w := newTLSWorld(f)
	client := NewTLSClient(w.client)
	if err := client.Start(); err != nil {
		f.Fatal(err)
	}
	hello, _ := client.NextEvent()
	_ = client.Close()
	f.Add(hello.Data)
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		server := NewTLSServer(w.server)
		defer server.Close()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		err := server.HandleCrypto(Initial, data)
		if _, ok := errors.AsType[*AlertError](err); err != nil && !ok {
			t.Errorf("error %v of type %T", err, err)
		}
	})
}
