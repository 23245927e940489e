package medium

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/uft/internal/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every read; only a failing test waits so long.
const patience = time.Minute

// A peer is a UDP socket of a test.
type peer struct {
	t      *testing.T
	socket *net.UDPConn
}

func newPeer(t *testing.T, address string) *peer {
	t.Helper()
	local, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", local)
	if err != nil {
		if strings.HasPrefix(address, "[") {
			t.Skipf("this machine has no IPv6: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return &peer{t, socket}
}

func (p *peer) address() netip.AddrPort {
	return unmap(p.socket.LocalAddr().(*net.UDPAddr).AddrPort())
}

func (p *peer) send(to netip.AddrPort, payload string) {
	p.t.Helper()
	if _, err := p.socket.WriteToUDPAddrPort([]byte(payload), to); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) receive() (payload string, from netip.AddrPort) {
	p.t.Helper()
	if err := p.socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	buffer := make([]byte, maxDatagram)
	n, from, err := p.socket.ReadFromUDPAddrPort(buffer)
	if err != nil {
		p.t.Fatalf("waiting for a datagram: %v", err)
	}
	return string(buffer[:n]), unmap(from)
}

func (p *peer) want(payload string) (from netip.AddrPort) {
	p.t.Helper()
	got, from := p.receive()
	if got != payload {
		p.t.Fatalf("received %q, want %q", got, payload)
	}
	return from
}

// listen opens a relay that is closed at the end of the test.
func listen(t *testing.T, c Config) *Relay {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	r, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// serve starts a relay whose end is part of the test.
func serve(t *testing.T, c Config) *Relay {
	t.Helper()
	r := listen(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

func TestManyClientsAreToldApart(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		t.Run(host, func(t *testing.T) {
			server := newPeer(t, host+":0")
			relay := serve(t, Config{Listen: host + ":0", To: server.address().String()})
			clients := make([]*peer, 50)
			sources := make(map[netip.AddrPort]int)
			for i := range clients {
				clients[i] = newPeer(t, host+":0")
				clients[i].send(relay.LocalAddr(), string(rune('A'+i)))
				sources[server.want(string(rune('A'+i)))] = i
			}
			if len(sources) != len(clients) {
				t.Fatalf("the server sees %d addresses for %d clients", len(sources), len(clients))
			}
			for source, i := range sources {
				server.send(source, "answer to "+string(rune('A'+i)))
			}
			for i, client := range clients {
				if from := client.want("answer to " + string(rune('A'+i))); from != relay.LocalAddr() {
					t.Errorf("the answer comes from %v, not from the relay at %v", from, relay.LocalAddr())
				}
			}
			c := relay.Counters()
			if c.Clients != len(clients) || c.Up.Delivered != 50 || c.Down.Delivered != 50 {
				t.Errorf("counters %+v, want 50 clients with one datagram each way", c)
			}
		})
	}
}

func TestFixedClientAndServerMaySendFirst(t *testing.T) {
	client, server, stranger := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: server.address().String(), From: client.address().String()})
	stranger.send(relay.LocalAddr(), "let me in")
	server.send(relay.LocalAddr(), "hello from the server")
	if from := client.want("hello from the server"); from != relay.LocalAddr() {
		t.Errorf("comes from %v, not from the relay at %v", from, relay.LocalAddr())
	}
	client.send(relay.LocalAddr(), "hello from the client")
	if from := server.want("hello from the client"); from != relay.LocalAddr() {
		t.Errorf("comes from %v, not from the relay at %v", from, relay.LocalAddr())
	}
	if c := relay.Counters(); c.Strangers != 1 || c.Up.In != 1 || c.Down.In != 1 {
		t.Errorf("counters %+v, want one datagram each way and one stranger", c)
	}
}

func TestDualStackSocketServesIPv4(t *testing.T) {
	server, client := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{Listen: ":0", To: server.address().String(), From: client.address().String()})
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), relay.LocalAddr().Port())
	client.send(at, "up")
	server.want("up")
	server.send(at, "down")
	client.want("down")
}

func TestDelayKeepsTheOrderAndIsNeverShort(t *testing.T) {
	const delay = 20 * time.Millisecond
	server, client := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: server.address().String(), Up: link.Config{Delay: delay, Rate: 100_000_000}})
	for round := range 5 {
		sent := time.Now()
		for i := range 40 {
			client.send(relay.LocalAddr(), strings.Repeat(string(rune('A'+i)), 1000+round))
		}
		for i := range 40 {
			server.want(strings.Repeat(string(rune('A'+i)), 1000+round))
			if waited := time.Since(sent); waited < delay {
				t.Fatalf("arrives after %v, before the delay of %v", waited, delay)
			}
		}
	}
}

func TestOrderIsKeptWithoutDelay(t *testing.T) {
	server, client := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	// Every copy goes through the schedule, every original tries to pass it by.
	relay := serve(t, Config{To: server.address().String(), Up: link.Config{Duplicate: 0.5}, Seed: 1})
	last := uint64(0)
	for base := uint64(0); base < 2000; base += 20 {
		for i := base; i < base+20; i++ {
			client.send(relay.LocalAddr(), string(binary.BigEndian.AppendUint64(nil, i)))
		}
		for last < base+19 {
			payload, _ := server.receive()
			number := binary.BigEndian.Uint64([]byte(payload))
			if number > last+1 {
				t.Fatalf("datagram %d arrives after %d", number, last)
			}
			last = max(last, number) // a copy may come after later originals
		}
	}
}

func TestTheSeedRepeatsARun(t *testing.T) {
	const n, seed = 500, 7
	up := link.Config{Loss: 0.3, Corrupt: 0.2}
	server, client := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: server.address().String(), Up: up, Seed: seed})
	upSeed, _ := seeds(seed)
	model := link.New(up, upSeed)
	original := bytes.Repeat([]byte{0xa5}, 100)
	for i := range n {
		client.send(relay.LocalAddr(), string(original))
		for _, delivery := range model.Admit(1, len(original), nil) {
			want := bytes.Clone(original)
			delivery.Damage(want)
			if got, _ := server.receive(); got != string(want) {
				t.Fatalf("seed %d: datagram %d arrives as %x, want %x", seed, i, got, want)
			}
		}
	}
}

func TestDirectionsAreImpairedApart(t *testing.T) {
	server, client := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: server.address().String(), Down: link.Config{Duplicate: 1, Delay: time.Millisecond}})
	client.send(relay.LocalAddr(), "question")
	source := server.want("question")
	server.send(source, "answer")
	client.want("answer")
	client.want("answer")
	if c := relay.Counters(); c.Up.Duplicated != 0 || c.Down.Duplicated != 1 || c.Down.Delivered != 2 {
		t.Errorf("counters %+v, want a copy downwards only", c)
	}
}

func TestBlackoutsCountFromTheFirstDatagramOfEither(t *testing.T) {
	blackout := link.Config{Blackouts: []link.Blackout{{Start: 0, Length: time.Hour}}}
	r := listen(t, Config{To: "127.0.0.1:9", Down: blackout})
	f := &flow{client: netip.MustParseAddrPort("127.0.0.1:9")}
	r.forward(&r.up, f, []byte("up"))
	r.forward(&r.down, f, []byte("down"))
	if c := r.Counters(); c.Up.BlackedOut != 0 || c.Down.BlackedOut != 1 {
		t.Errorf("counters %+v, want the blackout downwards only", c)
	}
}

func TestLargestDatagram(t *testing.T) {
	server, client := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: server.address().String(), Up: link.Config{Delay: time.Millisecond}})
	for _, size := range []int{65507, 0, smallBuffer, smallBuffer + 1} {
		payload := strings.Repeat("x", size)
		client.send(relay.LocalAddr(), payload)
		server.want(payload)
	}
}

func TestAServerThatComesLate(t *testing.T) {
	server := newPeer(t, "127.0.0.1:0")
	address := server.address().String()
	server.socket.Close()
	client := newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: address})
	for range 10 {
		client.send(relay.LocalAddr(), "is anybody there?")
	}
	server = newPeer(t, address)
	// Some of the first ten may reach it too, the last one must.
	client.send(relay.LocalAddr(), "now?")
	for {
		if payload, _ := server.receive(); payload == "now?" {
			break
		}
	}
}

func TestListenRefuses(t *testing.T) {
	taken := newPeer(t, "127.0.0.1:0").address().String()
	closed := newPeer(t, "127.0.0.1:0")
	free := closed.address().String()
	closed.socket.Close()
	for _, test := range []struct {
		explains string
		byConfig bool // a *ConfigError is wanted
		c        Config
	}{
		{"in use", false, Config{Listen: taken, To: "127.0.0.1:9"}},
		{"address to listen at", false, Config{Listen: "nowhere", To: "127.0.0.1:9"}},
		{"address of the client", false, Config{To: "127.0.0.1:9", From: "127.0.0.1"}},
		{"address of the server", true, Config{To: ":9"}},
		{"address of the server", true, Config{To: "127.0.0.1:0"}},
		{"the same address", true, Config{To: "127.0.0.1:9", From: "127.0.0.1:9"}},
		{"all addresses must be IPv4", true, Config{To: "127.0.0.1:9", From: "[::1]:9"}},
		{"send to itself", true, Config{Listen: free, To: free}},
		{"up: loss", true, Config{To: "127.0.0.1:9", Up: link.Config{Loss: 2}}},
		{"down: delay", true, Config{To: "127.0.0.1:9", Down: link.Config{Delay: -1}}},
	} {
		if test.c.Listen == "" {
			test.c.Listen = "127.0.0.1:0"
		}
		r, err := Listen(test.c)
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.explains) {
			t.Errorf("Listen(%+v): %v, want an error with %q", test.c, err, test.explains)
		}
		if fault := (*ConfigError)(nil); errors.As(err, &fault) != test.byConfig {
			t.Errorf("Listen(%+v): %v; want a ConfigError: %v", test.c, err, test.byConfig)
		}
	}
}

func TestCloseEndsServe(t *testing.T) {
	r := listen(t, Config{To: "127.0.0.1:9"})
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(context.Background()) }()
	r.Close()
	r.Close()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func BenchmarkRelay(b *testing.B) {
	for _, test := range []struct {
		name string
		up   link.Config
	}{{"direct", link.Config{}}, {"delayed", link.Config{Delay: 5 * time.Millisecond}}} {
		b.Run(test.name, func(b *testing.B) { benchmarkRelay(b, test.up) })
	}
}

// benchmarkRelay keeps a window of datagrams in flight through the relay, so
// that none overflows a socket.
func benchmarkRelay(b *testing.B, up link.Config) {
	const size, window = 1064, 512
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	enlargeBuffers(server)
	r, err := Listen(Config{Listen: "127.0.0.1:0", To: server.LocalAddr().String(), Up: up})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	defer func() { cancel(); <-ended }()
	client, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.LocalAddr()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()

	b.SetBytes(size)
	b.ReportAllocs()
	buffer := make([]byte, size)
	received := 0
	for sent := 0; received < b.N; {
		if sent < b.N && sent-received < window {
			if _, err := client.Write(buffer); err != nil {
				b.Fatal(err)
			}
			sent++
			continue
		}
		if err := server.SetReadDeadline(time.Now().Add(patience)); err != nil {
			b.Fatal(err)
		}
		if _, err := server.Read(buffer); err != nil {
			b.Fatalf("after %d of %d sent: %v", received, sent, err)
		}
		received++
	}
}
