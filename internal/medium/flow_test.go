package medium

import (
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// client returns the i-th address of a made-up set of clients.
func client(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(1000+i))
}

func wantClients(t *testing.T, r *Relay, want ...int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.flows) != len(want) {
		t.Errorf("%d clients remembered, want %d", len(r.flows), len(want))
	}
	for _, i := range want {
		if r.flows[client(i)] == nil {
			t.Errorf("client %d is forgotten", i)
		}
	}
}

func TestIdleClientsAreForgotten(t *testing.T) {
	r := listen(t, Config{To: "127.0.0.1:9", IdleTimeout: 10 * time.Second})
	start := instant.Time(time.Hour)
	r.remember(&flow{client: client(0)}, start)
	r.remember(&flow{client: client(1)}, start.Add(4*time.Second))

	r.expire(start.Add(10*time.Second - 1))
	wantClients(t, r, 0, 1)
	if want := start.Add(10 * time.Second); r.nextExpiry != want {
		t.Errorf("looks again at %v, want %v", r.nextExpiry, want)
	}
	r.expire(start.Add(10 * time.Second))
	wantClients(t, r, 1)
	if want := start.Add(14 * time.Second); r.nextExpiry != want {
		t.Errorf("looks again at %v, want %v", r.nextExpiry, want)
	}
	r.expire(start.Add(14 * time.Second))
	wantClients(t, r)
	if want := start.Add(24 * time.Second); r.nextExpiry != want {
		t.Errorf("looks again at %v, want %v", r.nextExpiry, want)
	}
}

func TestTheIdlestClientMakesRoom(t *testing.T) {
	r := listen(t, Config{To: "127.0.0.1:9", MaxClients: 3})
	start := instant.Time(time.Hour)
	for i := range 3 {
		r.remember(&flow{client: client(i)}, start.Add(time.Duration(i)))
	}
	r.flows[client(0)].lastUsed = start.Add(time.Second)
	r.remember(&flow{client: client(3)}, start.Add(2*time.Second))
	wantClients(t, r, 0, 2, 3)
}

func TestNoClientAfterClose(t *testing.T) {
	r := listen(t, Config{To: "127.0.0.1:9"})
	r.Close()
	if r.remember(&flow{client: client(0)}, 1) {
		t.Error("a closed relay remembers a client")
	}
}

func TestAForgottenClientComesBack(t *testing.T) {
	server := newPeer(t, "127.0.0.1:0")
	relay := serve(t, Config{To: server.address().String(), MaxClients: 1})
	first, second := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	for range 3 {
		for _, peer := range []*peer{first, second} {
			peer.send(relay.LocalAddr(), "question")
			server.send(server.want("question"), "answer")
			peer.want("answer")
		}
	}
	if c := relay.Counters(); c.Clients != 1 || c.Down.Delivered != 6 {
		t.Errorf("counters %+v, want one client and six answers", c)
	}
}
