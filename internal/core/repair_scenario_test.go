package core_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

// repairing returns a network on which the client sends at a fixed rate, so that
// the times tell of the tail and not of how the rate was found. Where repair is
// false, the server is one that knows nothing of it.
func repairing(t *testing.T, spec string, rate int64, repair bool) sim.Config {
	t.Helper()
	cfg := network(t, spec)
	cfg.Client = func(c *core.Config) { c.FixedRate = rate }
	cfg.Server = func(c *core.Config) {
		c.BulkWindow, c.MaxBulkWindow = 32<<20, 32<<20
		if !repair {
			c.RepairMemory = -1
		}
	}
	return cfg
}

// TestRepairSavesRoundTrips sends a file with repair and without, over paths on
// which the last blocks get lost too, and demands what the better half of the
// seeds saves.
func TestRepairSavesRoundTrips(t *testing.T) {
	for _, p := range []struct {
		name, spec string
		rate       int64
		size       uint64
		rtt        time.Duration
		saved      float64 // round trips
	}{
		{"600 ms, 2 %", "delay=300ms,rate=50M,loss=2%,queue=1s", 48e6, 8 << 20, 600 * time.Millisecond, 0.9},
		{"200 ms, 5 %", "delay=100ms,rate=100M,loss=5%,queue=1s", 97e6, 8 << 20, 200 * time.Millisecond, 0.9},
		{"100 ms, 30 %", "delay=50ms,rate=20M,loss=30%,queue=1s", 19e6, 2 << 20, 100 * time.Millisecond, 0.5},
		{"bursts", "delay=150ms,rate=50M,loss=5%,burst=8,queue=1s", 48e6, 4 << 20, 300 * time.Millisecond, 0.9},
	} {
		t.Run(p.name, func(t *testing.T) {
			var saved []float64
			for seed := range uint64(5) {
				var took [2]time.Duration
				for i, repair := range []bool{false, true} {
					cfg := repairing(t, p.spec, p.rate, repair)
					cfg.Seed = seed
					w := &world{sim.New(cfg), t, seed}
					client, server := w.connect(sim.DialOptions{})
					id := w.file(client, p.size)
					kept := false
					took[i] = w.until(time.Minute, func() bool {
						kept = kept || client.Conn.Keeping()
						return client.Delivered()
					})
					if kept != repair {
						t.Errorf("seed %d, repair %v: blocks to be kept: %v", seed, repair, kept)
					}
					w.complete(0, server, id)
					sent, repaired := stats(client).ParityBytesSent, stats(server).BytesRepaired
					if (sent > 0) != repair || (repaired > 0) != repair {
						t.Errorf("seed %d, repair %v: %d bytes of shares, %d bytes repaired", seed, repair, sent, repaired)
					}
				}
				saved = append(saved, float64(took[0]-took[1])/float64(p.rtt))
			}
			slices.Sort(saved)
			t.Logf("round trips saved: %.2f", saved)
			if saved[2] < p.saved {
				t.Errorf("saved %.2f round trips, want %.1f", saved[2], p.saved)
			}
		})
	}
}

// TestRepairCosts bounds what parity adds on a long file.
func TestRepairCosts(t *testing.T) {
	cfg := repairing(t, "delay=100ms,rate=50M,loss=2%,queue=1s", 48e6, true)
	w := newWorld(t, cfg)
	client, _ := w.connect(sim.DialOptions{})
	w.file(client, 32<<20)
	w.until(time.Minute, client.Delivered)
	s := stats(client)
	t.Logf("%d bytes of shares, %d of %d repeated", s.ParityBytesSent, s.DataBytesRepeated, s.DataBytesSent)
	inRoundTrip := uint64(50e6 / 8 * 0.2)
	if s.ParityBytesSent == 0 || s.ParityBytesSent > inRoundTrip/4 {
		t.Errorf("%d bytes of shares for %d bytes in flight", s.ParityBytesSent, inRoundTrip)
	}
}

// TestSharesInsteadOfCopies sends files that are shorter than a round trip: while
// the answer to their shares is under way, nothing is copied.
func TestSharesInsteadOfCopies(t *testing.T) {
	w := newWorld(t, repairing(t, "delay=300ms,rate=50M,loss=5%,queue=1s", 48e6, true))
	client, _ := w.connect(sim.DialOptions{})
	w.file(client, 2<<20) // by which the loss is learned
	w.until(time.Minute, client.Delivered)
	before, size := stats(client), uint64(300_000)
	w.file(client, size)
	w.until(time.Minute, client.Delivered)
	after := stats(client)
	repeated, shares := after.DataBytesRepeated-before.DataBytesRepeated, after.ParityBytesSent-before.ParityBytesSent
	t.Logf("%d bytes repeated, %d of shares", repeated, shares)
	if shares == 0 || repeated > size/4 {
		t.Errorf("%d of %d bytes were repeated, with %d bytes of shares", repeated, size, shares)
	}
}

// TestNoRepairWhereItDoesNotPay: on a path without loss, on a short one, and on a
// carrier that loses nothing, no share is made.
func TestNoRepairWhereItDoesNotPay(t *testing.T) {
	for _, p := range []struct {
		spec    string
		carrier bool
	}{{"delay=100ms,rate=50M,queue=1s", false}, {"delay=1ms,rate=50M,loss=5%,queue=1s", false}, {"delay=100ms,rate=50M,queue=1h", true}} {
		cfg := repairing(t, p.spec, 20e6, true)
		cfg.Carrier = p.carrier
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		id := w.file(client, 4<<20)
		w.until(time.Minute, func() bool {
			_, done := server.Received(id)
			if client.Conn.Keeping() && (p.carrier || stats(client).DataBytesAcked > 1<<20) {
				t.Fatalf("%s, carrier %v: blocks are to be kept", p.spec, p.carrier)
			}
			return done
		})
		if n := stats(client).ParityBytesSent; n > 0 {
			t.Errorf("%s, carrier %v: %d bytes of shares", p.spec, p.carrier, n)
		}
	}
}

// TestRepairOfManyTransfers repairs the tails of files of all sizes, tiny ones
// among them, and finds nothing of them in memory afterwards.
func TestRepairOfManyTransfers(t *testing.T) {
	w := newWorld(t, repairing(t, "delay=100ms,rate=20M,loss=15%,queue=1s", 19e6, true))
	client, server := w.connect(sim.DialOptions{})
	warm := w.file(client, 500_000) // by which the loss is learned
	w.complete(time.Minute, server, warm)
	for round := range uint64(4) {
		for i := range uint64(30) {
			w.file(client, (i*i*i*7+round)%200_000)
		}
		took := w.until(time.Minute, client.Delivered)
		t.Logf("round %d: %v, %d bytes repaired", round, took, stats(server).BytesRepaired)
	}
	if stats(server).BytesRepaired == 0 {
		t.Error("nothing was repaired")
	}
	w.sleep(2 * time.Second)
	if bytes, groups, transfers := server.Conn.RepairHeld(); bytes+groups+transfers > 0 {
		t.Errorf("%d bytes, %d groups of %d transfers are still kept", bytes, groups, transfers)
	}
	if n := client.Conn.Kept(); n > 0 {
		t.Errorf("the client relies on %d bytes of transfers that are over", n)
	}
}

// TestRepairAroundSkippedParts leaves every other 100,000 bytes out: they must
// not be in a group, and not be received.
func TestRepairAroundSkippedParts(t *testing.T) {
	w := newWorld(t, repairing(t, "delay=100ms,rate=20M,loss=10%,queue=1s", 19e6, true))
	client, server := w.connect(sim.DialOptions{})
	w.file(client, 300_000) // by which the loss is learned
	w.until(time.Minute, client.Delivered)
	id, err := client.Conn.OpenBulk()
	w.check(err)
	for start := uint64(100_000); start < 1_000_000; start += 200_000 {
		client.Conn.SkipBulk(id, start, start+100_000)
	}
	before := client.Events[core.EventBulkDelivered]
	client.Conn.EndBulk(id, 1_000_000)
	w.until(10*time.Second, func() bool { return client.Events[core.EventBulkDelivered] == before+1 })
	if n, _ := server.Received(id); n < 500_000 || n > 510_000 { // a block may reach into a skipped part
		t.Errorf("%d bytes were received", n)
	}
	if stats(server).BytesRepaired == 0 {
		t.Error("nothing was repaired")
	}
}

// TestRepairBrokenOff gives transfers up at all times around their end, from
// either side: no memory and no credit may stay behind.
func TestRepairBrokenOff(t *testing.T) {
	const window = 512 << 10
	cfg := repairing(t, "delay=100ms,rate=20M,loss=10%,queue=1s", 19e6, true)
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = window, window }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	w.complete(time.Minute, server, w.file(client, 300_000))
	for i := range 40 {
		id := w.file(client, 150_000)
		w.sleep(time.Duration(60+10*i) * time.Millisecond)
		if i%2 == 0 {
			client.Conn.ResetBulk(id, 1)
		} else {
			server.Conn.StopBulk(id, 2)
		}
	}
	w.sleep(5 * time.Second)
	if stats(server).BytesRepaired == 0 {
		t.Error("nothing was repaired")
	}
	if bytes, groups, transfers := server.Conn.RepairHeld(); bytes+groups+transfers > 0 {
		t.Errorf("%d bytes, %d groups of %d transfers are still kept", bytes, groups, transfers)
	}
	if _, bulk := server.Conn.UnusedCredit(); bulk < window*3/4 {
		t.Errorf("%d bytes of credit are left", bulk)
	}
	w.complete(20*time.Second, server, w.file(client, 3*window))
}

// TestRepairWithLittleCredit has less credit than the path could hold: what
// parity brings is paid for like what DATA brings.
func TestRepairWithLittleCredit(t *testing.T) {
	const window = 256 << 10
	cfg := repairing(t, "delay=100ms,rate=50M,loss=10%,queue=1s", 48e6, true)
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = window, window }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	w.complete(time.Minute, server, w.file(client, 2<<20))
	if stats(server).BytesRepaired == 0 {
		t.Error("nothing was repaired")
	}
	if server.MostHeld > window {
		t.Errorf("%d bytes were held with a window of %d", server.MostHeld, window)
	}
}

// TestRepairWhileTheApplicationHolds: bytes that the application has not given
// back are received all the same, and what was repaired is held like the rest.
func TestRepairWhileTheApplicationHolds(t *testing.T) {
	const size = 1 << 20
	w := newWorld(t, repairing(t, "delay=100ms,rate=20M,loss=10%,queue=1s", 19e6, true))
	client, server := w.connect(sim.DialOptions{})
	server.Hold = true
	id := w.file(client, size)
	w.until(time.Minute, client.Delivered)
	w.complete(0, server, id)
	if stats(server).BytesRepaired == 0 || server.MostHeld != size {
		t.Errorf("%d bytes repaired, %d held", stats(server).BytesRepaired, server.MostHeld)
	}
	if bytes, _, _ := server.Conn.RepairHeld(); bytes > 0 {
		t.Errorf("%d bytes of a complete transfer are still kept", bytes)
	}
	server.Resume()
	w.sleep(time.Second)
	if _, in := server.Conn.Transfers(); in > 0 {
		t.Errorf("the server still has %d transfers", in)
	}
}

// TestRepairOnAnotherPath moves the client to another address while the shares
// are under way.
func TestRepairOnAnotherPath(t *testing.T) {
	for _, to := range []string{"198.51.0.1:40001", "203.0.113.7:555"} {
		w := newWorld(t, repairing(t, "delay=100ms,rate=20M,loss=10%,queue=1s", 19e6, true))
		client, server := w.connect(sim.DialOptions{})
		id := w.file(client, 1<<20)
		w.until(time.Minute, func() bool { return stats(client).ParityBytesSent > 0 })
		client.Rebind(netip.MustParseAddrPort(to))
		took := w.complete(10*time.Second, server, id)
		took += w.until(10*time.Second, client.Delivered)
		t.Logf("to %s: delivered %v after the move, %d bytes repaired", to, took, stats(server).BytesRepaired)
	}
}

// TestRepairWithoutTheSource: of a file whose bytes are gone when they are
// acknowledged, the rest is repaired.
func TestRepairWithoutTheSource(t *testing.T) {
	cfg := repairing(t, "delay=100ms,rate=20M,loss=10%,queue=1s", 19e6, true)
	var client *sim.Peer
	cfg.Resident = func(_ core.Role, id uint16, offset uint64) bool {
		return client == nil || !client.Conn.BulkAcked(id, offset, offset+1)
	}
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	w.complete(time.Minute, server, w.file(client, 2<<20))
	if stats(server).BytesRepaired == 0 {
		t.Error("nothing was repaired")
	}
}

// TestRepairMemory gives the server less memory for repair than a round trip
// needs: it keeps to it.
func TestRepairMemory(t *testing.T) {
	const limit = 128 << 10
	cfg := repairing(t, "delay=100ms,rate=50M,loss=5%,queue=1s", 48e6, true)
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.RepairMemory = 32<<20, limit }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(client, 4<<20)
	most := 0
	w.until(time.Minute, func() bool {
		held, _, _ := server.Conn.RepairHeld()
		most = max(most, held)
		_, done := server.Received(id)
		return done
	})
	if most > limit || most < limit/2 {
		t.Errorf("up to %d bytes were kept, with a limit of %d", most, limit)
	}
	if kept := client.Conn.Kept(); kept > limit {
		t.Errorf("the client relies on %d bytes", kept)
	}
}

// TestRepairMemoryFollowsThePath: of what the server has announced it keeps what the
// path has on its way, and on a short path no more than ever; and what it keeps is
// enough for the tail of a long one.
func TestRepairMemoryFollowsThePath(t *testing.T) {
	for _, p := range []struct {
		spec        string
		rate        int64
		size        uint64
		least, most int // bytes kept, at their most
	}{
		{"delay=50ms,rate=200M,loss=1%,queue=1s", 194e6, 32 << 20, 6 << 20, 8 << 20},
		{"delay=300ms,rate=600M,loss=1%,queue=1s", 585e6, 128 << 20, 56 << 20, 84 << 20},
	} {
		t.Run(p.spec, func(t *testing.T) {
			cfg := repairing(t, p.spec, p.rate, true)
			cfg.Server = func(c *core.Config) {
				c.BulkWindow, c.MaxBulkWindow, c.RepairMemory = 32<<20, 256<<20, 128<<20
			}
			w := newWorld(t, cfg)
			client, server := w.connect(sim.DialOptions{})
			id := w.file(client, p.size)
			most := 0
			w.until(time.Minute, func() bool {
				held, _, _ := server.Conn.RepairHeld()
				most = max(most, held)
				return client.Delivered()
			})
			w.complete(0, server, id)
			if most < p.least || most > p.most {
				t.Errorf("up to %d bytes were kept, want %d to %d", most, p.least, p.most)
			}
			s := stats(client)
			if again := float64(s.DataBytesSent)/float64(p.size) - 1; again > 0.03 || stats(server).BytesRepaired == 0 {
				t.Errorf("%.1f %% of the file were sent again, %d bytes repaired", 100*again, stats(server).BytesRepaired)
			}
		})
	}
}
