package core_test

import (
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

// limitCase is a transfer and what must be found to limit it.
type limitCase struct {
	name      string
	path      string
	size      uint64
	change    func(*sim.Config)
	play      func(w *world, client, server *sim.Peer) // before the transfer begins
	sending   core.Limit
	receiving core.Limit
}

// TestLimitedBy plays a transfer for each thing that can limit one, and looks at
// what both sides find.
func TestLimitedBy(t *testing.T) {
	for _, c := range []limitCase{
		{
			name: "the path", path: "rate=50M,delay=10ms", size: 16 << 20,
			sending: core.LimitPath, receiving: core.LimitPeer,
		},
		{
			name: "a lossy path", path: "rate=20M,delay=25ms,loss=20%", size: 8 << 20,
			sending: core.LimitPath, receiving: core.LimitPeer,
		},
		{
			name: "the rate asked for", path: "rate=50M,delay=10ms", size: 4 << 20,
			change:  func(cfg *sim.Config) { cfg.Client = func(c *core.Config) { c.FixedRate = 10_000_000 } },
			sending: core.LimitRate, receiving: core.LimitPeer,
		},
		{
			name: "a small window", path: "rate=200M,delay=100ms", size: 16 << 20,
			change: func(cfg *sim.Config) {
				cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = 256<<10, 256<<10 }
			},
			sending: core.LimitPeerMemory, receiving: core.LimitPeer,
		},
		{
			name: "a slow disk", path: "rate=200M,delay=5ms", size: 16 << 20,
			change: func(cfg *sim.Config) {
				cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = 2<<20, 2<<20 }
			},
			play:    func(w *world, _, server *sim.Peer) { takeSlowly(w, server, 40_000_000) },
			sending: core.LimitPeerDisk, receiving: core.LimitOwnDisk,
		},
		{
			name: "a slow source", path: "rate=200M,delay=5ms", size: 4 << 20,
			change: func(cfg *sim.Config) {
				cfg.Resident = func(core.Role, uint16, uint64) bool { return false }
			},
			sending: core.LimitSource, receiving: core.LimitPeer,
		},
		{
			name: "a short file", path: "rate=1G,delay=100ms", size: 100 << 10,
			sending: core.LimitShort, receiving: core.LimitPeer,
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func (c *limitCase) run(t *testing.T) {
	cfg := network(t, c.path)
	var w *world
	var client *sim.Peer
	if c.change != nil {
		c.change(&cfg)
	}
	if slow := cfg.Resident; slow != nil {
		began := time.Duration(-1)
		cfg.Resident = func(_ core.Role, transfer uint16, offset uint64) bool {
			if began < 0 {
				began = w.Elapsed()
				extendSlowly(w, client, transfer, c.size)
			}
			return float64(offset) < 1e6*(w.Elapsed()-began).Seconds() // a megabyte in a second
		}
	}
	w = newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	if c.play != nil {
		c.play(w, client, server)
	}
	id := w.file(client, c.size)
	w.until(5*time.Minute, func() bool { return client.Events[core.EventBulkDelivered] > 0 })
	if n, done := server.Received(id); !done {
		t.Fatalf("delivered, but the server has %d bytes", n)
	}
	sending, share := stats(client).Limits.Sending()
	receiving, receivingShare := stats(server).Limits.Receiving()
	t.Logf("sending: %v %.2f %v, receiving: %v %.2f %v", sending, share, stats(client).Limits, receiving, receivingShare, stats(server).Limits)
	if sending != c.sending || receiving != c.receiving {
		t.Errorf("limited by %v for the sender and %v for the receiver, want %v and %v (UFT_SEED=%d replays this)",
			sending, receiving, c.sending, c.receiving, w.seed)
	}
	if got := stats(client).Limits[core.LimitProcessor] + stats(server).Limits[core.LimitProcessor]; got > 0 {
		t.Errorf("the processor took %v of simulated time", got)
	}
}

// takeSlowly has a server take so many bit/s of what it receives, and report the
// rest as its backlog.
func takeSlowly(w *world, server *sim.Peer, rate uint64) {
	const step = 5 * time.Millisecond
	server.Hold = true
	taken := uint64(0)
	var tick func()
	tick = func() {
		server.Consume(rate / 8 * uint64(step) / uint64(time.Second))
		received := stats(server).DataBytesReceived
		taken = min(received, taken+rate/8*uint64(step)/uint64(time.Second))
		server.Conn.SetReceiverReport(0, received-taken)
		w.At(w.Now().Add(step), tick)
	}
	tick()
}

// extendSlowly tells the core again and again that there may be more to send.
func extendSlowly(w *world, client *sim.Peer, transfer uint16, size uint64) {
	var tick func()
	tick = func() {
		client.Conn.ExtendBulk(transfer, size)
		w.At(w.Now().Add(5*time.Millisecond), tick)
	}
	w.At(w.Now().Add(5*time.Millisecond), tick)
}

// TestProcessorLimits has a shell ask for the next train only now and then.
func TestProcessorLimits(t *testing.T) {
	p := newPair(t, 0)
	p.settle()
	before := p.client.Stats().Limits
	for range 200 {
		p.train()
	}
	spent := p.client.Stats().Limits
	for i := range spent {
		spent[i] -= before[i]
	}
	if limit, _ := spent.Sending(); limit != core.LimitProcessor {
		t.Errorf("limited by %v, want the processor: %v", limit, spent)
	}
}

// TestSlowDiskBehindALargeWindow: the receiver takes everything at once, and
// writes long after all of it is acknowledged. That is its disk all the same.
func TestSlowDiskBehindALargeWindow(t *testing.T) {
	w := newWorld(t, network(t, "rate=500M,delay=1ms"))
	client, server := w.connect(sim.DialOptions{})
	takeSlowly(w, server, 8_000_000)
	w.file(client, 4<<20)
	w.until(time.Minute, func() bool { return client.Events[core.EventBulkDelivered] > 0 })
	w.until(time.Minute, func() bool { return stats(server).DataBytesReceived == 4<<20 })
	w.sleep(4 * time.Second)
	sending, _ := stats(client).Limits.Sending()
	receiving, _ := stats(server).Limits.Receiving()
	if sending != core.LimitPeerDisk || receiving != core.LimitOwnDisk {
		t.Errorf("limited by %v for the sender and %v for the receiver, want the disk: %v %v",
			sending, receiving, stats(client).Limits, stats(server).Limits)
	}
}
