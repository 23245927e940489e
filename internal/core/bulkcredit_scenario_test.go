package core_test

import (
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

// TestBusyMachineIsNoLongPath: programs that are late to look at their sockets make
// round trips long. Nothing is on its way in them, so no memory is needed for it.
func TestBusyMachineIsNoLongPath(t *testing.T) {
	const first = 16 << 20
	cfg := network(t, "delay=50us,rate=2G,queue=20ms")
	cfg.Late = 40 * time.Millisecond
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = first, 256<<20 }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(client, 96<<20)
	most, longest := uint64(0), time.Duration(0)
	w.until(time.Minute, func() bool {
		most = max(most, server.Conn.BulkWindow())
		longest = max(longest, stats(server).SmoothedRTT)
		return client.Delivered()
	})
	w.complete(0, server, id)
	t.Logf("smoothed round trips up to %v, a window of up to %d", longest, most)
	if most > 2*first {
		t.Errorf("a window of up to %d on a path with next to nothing on its way", most)
	}
}

// TestWindowOnAPathThatBecomesLonger: the round trips of before it did are no measure
// of what is on its way.
func TestWindowOnAPathThatBecomesLonger(t *testing.T) {
	cfg := network(t, "delay=5ms,rate=200M,queue=20ms")
	longer := link.Scenario{Steps: []link.Step{{At: 2 * time.Second, Change: "delay=150ms"}}}
	cfg.UpSteps, cfg.DownSteps = longer, longer
	cfg.Server = func(c *core.Config) { c.MaxBulkWindow = 64 << 20 }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(client, 500<<20)
	const from, length = 10 * time.Second, 4 * time.Second
	w.sleep(from)
	before, _ := server.Received(id)
	w.sleep(length)
	after, _ := server.Received(id)
	rate := float64(after-before) * 8 / length.Seconds()
	t.Logf("%.0f Mbit/s with a window of %d", rate/1e6, server.Conn.BulkWindow())
	if rate < 100e6 {
		t.Errorf("%.0f Mbit/s of 200 with a window of %d", rate/1e6, server.Conn.BulkWindow())
	}
}
