package core_test

import (
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// An mtuWorld is a world whose path carries IPv4 packets of at most mtu bytes
// and drops longer ones in silence.
type mtuWorld struct {
	*world
	mtu     int
	longest int // datagram that left, bytes of UDP payload
	dropped int // datagrams longer than the path carries
}

// newMTUWorld returns a world in which the client asks for blocks.
func newMTUWorld(t *testing.T, spec string, mtu, block int, change ...func(*sim.Config)) *mtuWorld {
	t.Helper()
	cfg := network(t, spec)
	cfg.Client = func(c *core.Config) { c.BlockSize = block }
	for _, f := range change {
		f(&cfg)
	}
	w := &mtuWorld{world: newWorld(t, cfg), mtu: mtu}
	w.Filter = func(_ sim.Direction, _ int, datagram []byte) bool {
		if len(datagram)+28 > w.mtu {
			w.dropped++
			return false
		}
		return true
	}
	w.Sent = func(_ sim.Direction, _ instant.Time, datagram []byte) { w.longest = max(w.longest, len(datagram)) }
	return w
}

// wantBlock checks the block size of a peer.
func (w *mtuWorld) wantBlock(p *sim.Peer, want int) {
	w.t.Helper()
	if got := stats(p).BlockSize; got != want {
		w.t.Errorf("blocks of %d bytes, want %d (UFT_SEED=%d replays this)", got, want, w.seed)
	}
}

// TestBlockSizeFollowsThePath lets a transfer find what paths carry.
func TestBlockSizeFollowsThePath(t *testing.T) {
	for _, test := range []struct {
		mtu, asked, want int
	}{
		{1280, wire.AutoBlockSize, 1024},
		{1399, wire.AutoBlockSize, 1380 - 28 - 40},
		{1500, wire.AutoBlockSize, 1500 - 28 - 40},
		{4352, wire.AutoBlockSize, 4096},
		{9000, wire.AutoBlockSize, 8192},
		{40000, wire.AutoBlockSize, 32768},
		{65535, wire.AutoBlockSize, 64512},
		{1500, 1400, 1400},
		{1500, 1100, 1100}, // needs no probe
		{9000, 8192, 8192},
		{1500, 8192, 1024}, // does not pass
		{65535, 65447, 65447},
		{65535, 1024, 1024},
		{65535, 0, 1024},
	} {
		w := newMTUWorld(t, "delay=5ms,rate=300M", test.mtu, test.asked)
		client, server := w.connect(sim.DialOptions{})
		id := w.file(client, 16<<20)
		w.complete(20*time.Second, server, id)
		t.Logf("MTU %d, asked for %d: blocks of %d, %d datagrams too long", test.mtu, test.asked, stats(client).BlockSize, w.dropped)
		w.wantBlock(client, test.want)
		if refused := client.Events[core.EventBlockSizeRefused]; (refused == 1) != (test.asked == 8192 && test.want == 1024) || refused > 1 {
			t.Errorf("MTU %d, asked for %d: said %d times that it does not pass", test.mtu, test.asked, refused)
		}
		if lost := stats(client).PacketsLost; lost != 0 {
			t.Errorf("MTU %d, asked for %d: %d packets lost but for probes", test.mtu, test.asked, lost)
		}
		if test.want == 1024 && test.mtu == 65535 && w.longest > wire.MaxDatagram {
			t.Errorf("a datagram of %d bytes left with the option off", w.longest)
		}
	}
}

// transferring returns a world in which a transfer has found the block size that
// it should, and goes on.
func (w *mtuWorld) transferring(from, to *sim.Peer, size uint64, block int) (id uint16) {
	w.t.Helper()
	id = w.file(from, size)
	w.until(30*time.Second, func() bool { return stats(from).BlockSize == block })
	if n, _ := to.Received(id); n > size/2 {
		w.t.Fatalf("blocks of %d bytes only after %d of %d bytes", block, n, size)
	}
	return id
}

// TestBlackHole has the path lose what is long from a moment on, without a word.
func TestBlackHole(t *testing.T) {
	for _, test := range []struct{ before, after, asked, large, small int }{
		{9000, 1500, wire.AutoBlockSize, 8192, 1432},
		{9000, 1280, wire.AutoBlockSize, 8192, 1024},
		{65535, 9000, wire.AutoBlockSize, 64512, 8192},
		{9000, 1500, 8192, 8192, 1024},
	} {
		for _, spec := range []string{"delay=10ms,rate=100M", "delay=10ms,rate=100M,loss=10%"} {
			w := newMTUWorld(t, spec, test.before, test.asked)
			client, server := w.connect(sim.DialOptions{})
			id := w.transferring(client, server, 30<<20, test.large)
			w.mtu = test.after
			fell := w.until(20*time.Second, func() bool { return stats(client).BlockSize < test.large })
			took := w.complete(20*time.Second, server, id)
			t.Logf("%+v, %s: noticed after %v, all there after %v more, %d datagrams too long", test, spec, fell, took, w.dropped)
			w.wantBlock(client, test.small)
			if fell > time.Second {
				t.Errorf("%+v, %s: noticed after %v", test, spec, fell)
			}
		}
	}
}

// TestSmallerPath moves the receiver to a network that carries less, and then to
// one that carries more.
func TestSmallerPath(t *testing.T) {
	w := newMTUWorld(t, "delay=10ms,rate=100M", 9000, 0, func(cfg *sim.Config) {
		cfg.Server = func(c *core.Config) { c.BlockSize = wire.AutoBlockSize }
	})
	client, server := w.connect(sim.DialOptions{})
	id := w.transferring(server, client, 60<<20, 8192)
	w.mtu = 1500
	client.Rebind(netip.MustParseAddrPort("203.0.113.7:40000"))
	w.until(10*time.Second, func() bool { return stats(server).BlockSize == 1432 })
	if n, _ := client.Received(id); n > 30<<20 {
		t.Fatalf("the search took until %d bytes", n)
	}
	w.mtu = 65535
	client.Rebind(netip.MustParseAddrPort("192.0.2.77:40000"))
	w.complete(30*time.Second, client, id)
	w.wantBlock(server, 64512)
}

// TestProbingThroughLoss has ordinary loss take probes too.
func TestProbingThroughLoss(t *testing.T) {
	for seed := range uint64(8) {
		for _, mtu := range []int{1500, 9000} {
			w := newMTUWorld(t, "delay=5ms,rate=200M,loss=20%", mtu, wire.AutoBlockSize, func(cfg *sim.Config) { cfg.Seed = 100 + seed })
			client, server := w.connect(sim.DialOptions{})
			id := w.file(client, 8<<20)
			w.complete(30*time.Second, server, id)
			w.wantBlock(client, map[int]int{1500: 1432, 9000: 8192}[mtu])
		}
	}
}

// TestPeerThatTakesLess sends to one that announces what every peer did before
// there were larger blocks.
func TestPeerThatTakesLess(t *testing.T) {
	for _, asked := range []int{wire.AutoBlockSize, 8192} {
		w := newMTUWorld(t, "delay=5ms,rate=200M", 65535, asked, func(cfg *sim.Config) {
			cfg.Server = func(c *core.Config) { c.MaxDatagram = wire.MaxDatagram }
		})
		client, server := w.connect(sim.DialOptions{})
		id := w.file(client, 8<<20)
		w.complete(30*time.Second, server, id)
		w.wantBlock(client, 1024)
		if w.longest > wire.MaxDatagram {
			t.Errorf("asked for %d: a datagram of %d bytes left", asked, w.longest)
		}
		if told := client.Events[core.EventBlockSizeRefused] == 1; told != (asked == 8192) {
			t.Errorf("asked for %d: told that it does not pass: %t", asked, told)
		}
	}
}

// TestThePeersWish has the side that receives ask for larger blocks.
func TestThePeersWish(t *testing.T) {
	w := newMTUWorld(t, "delay=5ms,rate=200M", 9000, wire.AutoBlockSize)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(server, 8<<20)
	w.complete(30*time.Second, client, id)
	w.wantBlock(server, 8192)
}

// TestNothingIsProbedForNothing sends a file that is through before it is known
// what the path carries, and one where nothing is known from what arrives.
func TestNothingIsProbedForNothing(t *testing.T) {
	for name, test := range map[string]struct {
		size   uint64
		change func(c *core.Config)
		tcp    bool
	}{
		"small file":      {size: 60_000, change: func(*core.Config) {}},
		"in pieces":       {size: 8 << 20, change: func(c *core.Config) { c.MayFragment = true }},
		"over a carrier":  {size: 8 << 20, change: func(*core.Config) {}, tcp: true},
		"one that passes": {size: 8 << 20, change: func(c *core.Config) { c.BlockSize = 1192 }},
	} {
		w := newMTUWorld(t, "delay=5ms", 65535, 0, func(cfg *sim.Config) {
			cfg.Carrier = test.tcp
			cfg.Client = func(c *core.Config) { c.BlockSize = wire.AutoBlockSize; test.change(c) }
		})
		client, server := w.connect(sim.DialOptions{})
		id := w.file(client, test.size)
		w.complete(30*time.Second, server, id)
		if w.longest > wire.MaxDatagram {
			t.Errorf("%s: a datagram of %d bytes left", name, w.longest)
		}
	}
}

// TestSearchBeginsAgain raises what the path carries in the middle of a long
// transfer: the timer finds it.
func TestSearchBeginsAgain(t *testing.T) {
	w := newMTUWorld(t, "delay=5ms", 1500, 8192, func(cfg *sim.Config) {
		ask := cfg.Client
		cfg.Client = func(c *core.Config) { ask(c); c.FixedRate = 1e6 }
	})
	client, _ := w.connect(sim.DialOptions{})
	w.file(client, 1<<40)
	w.until(10*time.Second, func() bool { return client.Events[core.EventBlockSizeRefused] == 1 })
	w.mtu = 9000
	w.sleep(590 * time.Second)
	w.wantBlock(client, 1024)
	w.sleep(15 * time.Second)
	w.wantBlock(client, 8192)
}

// TestFixedRateWithLargeBlocks compares what leaves with the rate asked for,
// probes included.
func TestFixedRateWithLargeBlocks(t *testing.T) {
	const rate = 50e6
	w := newMTUWorld(t, "delay=10ms", 9000, wire.AutoBlockSize, func(cfg *sim.Config) {
		ask := cfg.Client
		cfg.Client = func(c *core.Config) { ask(c); c.FixedRate = rate }
	})
	client, server := w.connect(sim.DialOptions{})
	count := gross(w.world, sim.Up)
	id := w.file(client, 100<<20)
	w.until(time.Minute, func() bool { n, _ := server.Received(id); return n >= 25e6 })
	bits, elapsed := count()
	if got := bits / elapsed.Seconds() / rate; got < 0.995 || got > 1.005 {
		t.Errorf("%.4f of the rate", got)
	}
	w.wantBlock(client, 8192)
}
