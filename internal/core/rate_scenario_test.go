package core_test

import (
	"math"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

// gross counts what leaves in a direction, as IPv4 packets, from a time on.
func gross(w *world, of sim.Direction) func() (bits float64, elapsed time.Duration) {
	sum, from := 0, w.Now()
	w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
		if d == of {
			sum += len(datagram) + 28
		}
	}
	return func() (float64, time.Duration) { return float64(sum) * 8, w.Now().Sub(from) }
}

// TestFixedRate compares everything that leaves with the rate asked for.
func TestFixedRate(t *testing.T) {
	for _, mbit := range []float64{0.05, 1, 10, 100, 500} {
		for _, spec := range []string{"delay=20ms", "delay=20ms,loss=10%"} {
			rate := mbit * 1e6
			cfg := network(t, spec)
			cfg.Client = func(c *core.Config) { c.FixedRate = int64(rate) }
			w := newWorld(t, cfg)
			client, server := w.connect(sim.DialOptions{})
			count := gross(w, sim.Up)
			seconds := 4.0
			if mbit >= 100 {
				seconds = 0.5
			} else if mbit < 1 {
				seconds = 60
			}
			id := w.file(client, uint64(rate*seconds*0.8/8))
			w.until(10*time.Minute, func() bool { n, _ := server.Received(id); return n >= uint64(rate*seconds*0.7/8) })
			bits, elapsed := count()
			got := bits / elapsed.Seconds() / rate
			t.Logf("%g Mbit/s, %s: %.5f of it over %v", mbit, spec, got, elapsed)
			allowed := 0.005
			if mbit < 1 {
				allowed = 0.02 // the handshake before it has to be paid for
			}
			if math.Abs(got-1) > allowed {
				t.Errorf("%g Mbit/s, %s: %.4f of it", mbit, spec, got)
			}
			w.complete(time.Minute, server, id)
		}
	}
}

// TestCircuitBreaker asks for 50 Mbit/s of a path that bears one.
func TestCircuitBreaker(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.Up = link.Config{Delay: 20 * time.Millisecond, Rate: 1_000_000, HeaderBytes: 28}
	cfg.Client = func(c *core.Config) { c.FixedRate = 50_000_000 }
	w := newWorld(t, cfg)
	client, _ := w.connect(sim.DialOptions{})
	w.file(client, 500<<20)
	w.sleep(35 * time.Second)
	t.Logf("halved %d times", client.Events[core.EventRateHalved])
	if n := client.Events[core.EventRateHalved]; n != 3 {
		t.Errorf("the rate was halved %d times", n)
	}
}

// TestUtilisation asks for a floor of what the bottleneck could carry.
func TestUtilisation(t *testing.T) {
	for _, p := range []struct {
		spec  string
		rate  float64
		floor float64
	}{
		{"delay=20ms,rate=10M,queue=16Ki", 10e6, 0.7},
		{"delay=20ms,rate=10M,queue=64Ki", 10e6, 0.85},
		{"delay=50ms,rate=100M,queue=100Ki", 100e6, 0.6},
		{"delay=20ms,rate=1M", 1e6, 0.85},
	} {
		w := newWorld(t, network(t, p.spec))
		client, server := w.connect(sim.DialOptions{})
		w.file(client, 1<<30)
		w.sleep(time.Second)
		before, _ := server.Received(0)
		w.sleep(4 * time.Second)
		after, _ := server.Received(0)
		share := float64(after-before) * 8 / 4 / p.rate * 1092 / 1024
		t.Logf("%s: %.3f", p.spec, share)
		if share < p.floor {
			t.Errorf("%s: %.3f of the bottleneck was used", p.spec, share)
		}
	}
}

// TestVerySlow is about rates at which the token bucket holds less than one
// control packet: everything still has to leave.
func TestVerySlow(t *testing.T) {
	for _, test := range []struct {
		spec string
		rate int64
	}{
		{"delay=20ms", 8_000}, {"delay=20ms,loss=20%", 8_000}, {"delay=300ms,rate=30k,queue=5s", 0}, {"delay=1s,rate=100k,loss=10%,queue=1s", 0},
	} {
		cfg := network(t, test.spec)
		set := func(c *core.Config) { c.FixedRate = test.rate }
		cfg.Client, cfg.Server = set, set
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		up, down := w.file(client, 8000), w.file(server, 4000)
		stream := w.stream(client, 6000)
		took := w.until(2*time.Minute, func() bool {
			_, a := server.Received(up)
			_, b := client.Received(down)
			_, ended := server.StreamRead(stream)
			return a && b && ended
		})
		t.Logf("%s, fixed rate %d: %v", test.spec, test.rate, took)
	}
}

// TestCreditComesInTime has a side that only receives send its limits: its many
// acknowledgements, which are not paced, must not be in their way. It has sent
// next to nothing, so the rate that it knows of is that of a few packets.
func TestCreditComesInTime(t *testing.T) {
	cfg := network(t, "rate=500M,delay=150ms,loss=1%,queue=18750000")
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = 48<<20, 48<<20 }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(client, 128<<20)
	w.complete(30*time.Second, server, id)
	if waited := stats(client).Limits[core.LimitPeerMemory]; waited > 100*time.Millisecond {
		t.Errorf("the sender waited %v for credit, with a window of two bandwidth-delay products (UFT_SEED=%d replays this)", waited, w.seed)
	}
}
