package core_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

// TestSoak runs random scripts over random networks.
func TestSoak(t *testing.T) {
	specs := []string{
		issueNetwork, "delay=10ms,loss=30%", "delay=1ms,reorder=20%,duplicate=20%", "delay=40ms,loss=15%,burst=6,rate=20M",
		"delay=20ms,corrupt=20%", "delay=300ms,rate=500k,loss=5%,queue=1s", "delay=100ms,jitter=20ms,loss=5%,rate=10M,queue=32Ki", "delay=50us",
	}
	for seed := range uint64(56) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { soak(t, seed, specs[seed%uint64(len(specs))]) })
	}
}

func soak(t *testing.T, seed uint64, spec string) {
	cfg := network(t, spec)
	cfg.Seed = seed
	if seed%3 == 0 {
		cfg.Client = func(c *core.Config) { c.KeyPhasePackets = 100 }
	}
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	// A stream stays open, as it does in every session: without one a client
	// that a NAT has moved may have no reason to speak.
	server.Mute = true
	w.stream(client, 1)
	random := newRandom(seed)
	files := map[*sim.Peer]int{}
	for range 12 {
		from := client
		if random.IntN(2) == 0 {
			from = server
		}
		switch random.IntN(6) {
		case 0, 1, 2:
			w.file(from, random.Uint64N(60_000))
			files[from]++
		case 3:
			w.stream(from, random.Uint64N(20_000))
		case 4:
			server.Hold = !server.Hold
		case 5:
			client.Rebind(netip.AddrPortFrom(client.Public().Addr(), uint16(1024+random.IntN(60_000))))
		}
		w.sleep(time.Duration(random.IntN(100)) * time.Millisecond)
	}
	server.Resume()
	w.until(2*time.Minute, func() bool {
		return server.Files() == files[client] && client.Files() == files[server] && client.Delivered() && server.Delivered()
	})
	client.Conn.Close(w.Now(), 0, "")
	w.sleep(20 * time.Second)
	if !client.Conn.Gone() {
		t.Error("the client is not gone")
	}
}
