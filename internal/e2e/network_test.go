package e2e

import (
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/medium"
)

// seed is that of all chance in the bad networks of this package.
const seed = 1

// awful is the network that the project promises to cross, one direction of it.
var awful = link.Config{
	Loss: 0.2, Duplicate: 0.05, Reorder: 0.05, Corrupt: 0.02,
	Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond,
}

// badNetwork stands between clients and the server at a port of this machine
// until the test ends. Both directions are alike.
func badNetwork(t *testing.T, serverPort string, direction link.Config) (*medium.Relay, netip.AddrPort) {
	t.Helper()
	return relayTo(t, "127.0.0.1:"+serverPort, direction)
}

// relayTo does the same for a server at any address.
func relayTo(t *testing.T, server string, direction link.Config) (*medium.Relay, netip.AddrPort) {
	t.Helper()
	relay, err := medium.Listen(medium.Config{
		Listen: "127.0.0.1:0", To: server, Up: direction, Down: direction, Seed: seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- relay.Serve(t.Context()) }()
	t.Cleanup(func() {
		relay.Close()
		if err := <-served; err != nil {
			t.Errorf("the bad network: %v", err)
		}
		if c := relay.Counters(); t.Failed() {
			t.Logf("the bad network, seed %d: up %+v, down %+v", seed, c.Up, c.Down)
		}
	})
	return relay, relay.LocalAddr()
}
