package core_test

import (
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// TestFilesShorterThanARoundTrip sends files over 600 ms that lose 30 % each way,
// from the first datagram to the sender's knowledge that all has arrived. Ideal are two
// round trips and the time of sending. What the better half takes beyond that
// may be little, and the worst no multiple of it.
func TestFilesShorterThanARoundTrip(t *testing.T) {
	const rtt, goodput = 600 * time.Millisecond, 20e6 / 8 * 0.7 * 1024 / 1092
	for _, p := range []struct {
		name          string
		size          uint64
		rate          int64
		median, worst float64 // round trips beyond the ideal
	}{
		{"16 KiB", 16 << 10, 0, 1.4, 3},
		{"64 KiB", 64 << 10, 0, 1.5, 3},
		{"256 KiB", 256 << 10, 0, 1.8, 4},
		{"1 MiB", 1 << 20, 0, 2.3, 4},
		{"1 MiB, rate known", 1 << 20, 19e6, 1, 3},
	} {
		t.Run(p.name, func(t *testing.T) {
			var over []float64
			for seed := range uint64(11) {
				cfg := network(t, "delay=300ms,rate=20M,loss=30%,queue=1s")
				cfg.Seed = seed
				cfg.Client = func(c *core.Config) { c.FixedRate = p.rate }
				cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = 32<<20, 32<<20 }
				w := &world{sim.New(cfg), t, seed}
				client := w.dial(sim.DialOptions{})
				id := w.file(client, p.size)
				took := w.until(time.Minute, func() bool {
					if client.Other == nil || !client.Delivered() {
						return false
					}
					_, complete := client.Other.Received(id)
					return complete
				})
				ideal := 2*rtt + time.Duration(float64(p.size)/goodput*float64(time.Second))
				over = append(over, (took-ideal).Seconds()/rtt.Seconds())
			}
			slices.Sort(over)
			t.Logf("round trips over ideal: %.2f", over)
			if median, worst := over[5], over[10]; median > p.median || worst > p.worst {
				t.Errorf("median %.2f, worst %.2f; want %.1f and %.1f", median, worst, p.median, p.worst)
			}
		})
	}
}

// TestFirstTrainBehindALostFinished loses the client's Finished once. What waited
// for it must tell the rate of the path as if it had not.
func TestFirstTrainBehindALostFinished(t *testing.T) {
	var took [2]time.Duration
	for i, lose := range []bool{false, true} {
		cfg := network(t, "delay=300ms,rate=20M,queue=1s")
		cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = 32<<20, 32<<20 }
		w := newWorld(t, cfg)
		lost := false
		w.Filter = func(d sim.Direction, _ int, datagram []byte) bool {
			if d != sim.Up || !lose || lost {
				return true
			}
			h, err := wire.ConsumeLongHeader(datagram)
			if err == nil && h.Type == wire.PacketInitial { // with a Handshake packet behind it?
				h, err = wire.ConsumeLongHeader(datagram[h.PacketLen:])
			}
			lost = err == nil && h.Type == wire.PacketHandshake
			return !lost
		}
		client := w.dial(sim.DialOptions{})
		w.file(client, 1<<20)
		took[i] = w.until(time.Minute, client.Delivered)
		if lost != lose {
			t.Fatal("the Finished was not found")
		}
	}
	t.Logf("%v, and %v where the Finished is lost", took[0], took[1])
	if took[1] > took[0]+60*time.Millisecond {
		t.Errorf("%v, and %v where the Finished is lost", took[0], took[1])
	}
}

// TestTailToAKnownServer sends little to a server that was reached before over a
// path that loses 30 %: what is remembered of the loss makes the shares of 16 KiB leave
// with them, and 1 KiB is repeated until an answer should be here.
func TestTailToAKnownServer(t *testing.T) {
	const rtt = 600 * time.Millisecond
	for _, p := range []struct {
		size uint64
		of   int     // the how manieth of eleven
		want float64 // round trips
	}{{1 << 10, 8, 1.8}, {16 << 10, 5, 1.5}} {
		var took []float64
		for seed := range uint64(11) {
			cfg := network(t, "delay=300ms,rate=20M,loss=30%,queue=1s")
			cfg.Seed, cfg.AllowEarly = seed, true
			w := &world{sim.New(cfg), t, seed}
			client, _ := w.connect(sim.DialOptions{})
			w.file(client, 2<<20) // by which the path is learned
			w.until(time.Minute, func() bool { return client.Delivered() && client.Session != nil })
			known := sim.DialOptions{Session: client.Session, EarlyData: true, Token: client.Token, Path: client.Conn.PathMemory()}
			client.Conn.Close(w.Now(), 0, "")
			w.sleep(4 * rtt)
			again := w.dial(known)
			w.file(again, p.size)
			took = append(took, w.until(time.Minute, again.Delivered).Seconds()/rtt.Seconds())
		}
		slices.Sort(took)
		t.Logf("%d bytes: round trips %.2f", p.size, took)
		if took[p.of] > p.want {
			t.Errorf("%d bytes take %.2f round trips, want %.1f", p.size, took[p.of], p.want)
		}
	}
}

// TestBurstOfLostAcknowledgements loses many datagrams of the way back in a row. The
// sender stops for want of window, and its probes show the receiver that it has
// not heard: repeated acknowledgements come to the end of the burst.
func TestBurstOfLostAcknowledgements(t *testing.T) {
	cfg := network(t, "delay=25ms,rate=50M,queue=100ms")
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = 32<<20, 32<<20 }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(client, 8<<20)
	w.until(time.Minute, func() bool { n, _ := server.Received(id); return n > 2<<20 })
	left := 60
	w.Filter = func(d sim.Direction, _ int, _ []byte) bool {
		if d == sim.Down && left > 0 {
			left--
			return false
		}
		return true
	}
	took := w.until(time.Minute, func() bool { return left == 0 })
	w.complete(time.Minute, server, id)
	t.Logf("the burst of 60 is over after %v", took)
	if took > time.Second {
		t.Errorf("the burst of 60 is over after %v", took)
	}
}
