package core_test

import (
	"testing"
	"time"

	"example.com/uft/internal/core"
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
