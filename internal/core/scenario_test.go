package core_test

import (
	"testing"
	"time"

	"example.com/uft/internal/sim"
)

// paths are the networks of TestTransfer, with what they are asked to carry and
// how long it may take.
var paths = []struct {
	name, spec string
	size       uint64
	within     time.Duration
}{
	{"clean", "delay=10ms", 5 << 20, time.Second},
	{"clean, 100 Mbit/s", "delay=10ms,rate=100mbit", 10 << 20, 2 * time.Second},
	{"loss 5 %", "delay=10ms,rate=100mbit,loss=5%", 10 << 20, 2 * time.Second},
	{"loss 20 %", "delay=10ms,rate=100mbit,loss=20%", 10 << 20, 3 * time.Second},
	{"loss 30 %", "delay=10ms,rate=100mbit,loss=30%", 10 << 20, 5 * time.Second},
	{"loss 40 %", "delay=10ms,rate=100mbit,loss=40%", 5 << 20, 10 * time.Second},
	{"issue", "delay=30ms,jitter=20ms,loss=20%,duplicate=5%,reorder=5%,corrupt=2%", 2 << 20, 10 * time.Second},
	{"issue, 20 Mbit/s", "delay=30ms,jitter=20ms,loss=20%,duplicate=5%,reorder=5%,corrupt=2%,rate=20mbit", 2 << 20, 10 * time.Second},
	{"bursts", "delay=20ms,rate=50mbit,loss=10%,burst=8", 5 << 20, 10 * time.Second},
	{"600 ms", "delay=300ms,rate=50mbit", 10 << 20, 12 * time.Second},
	{"600 ms, loss 10 %", "delay=300ms,rate=50mbit,loss=10%", 10 << 20, 20 * time.Second},
	{"0.1 ms", "delay=50us,rate=1gbit", 20 << 20, time.Second},
	{"0.1 ms, loss 10 %", "delay=50us,rate=1gbit,loss=10%", 20 << 20, 2 * time.Second},
	{"small queue", "delay=20ms,rate=10mbit,queue=16Ki", 3 << 20, 6 * time.Second},
	{"jitter", "delay=20ms,jitter=10ms,rate=50mbit", 5 << 20, 5 * time.Second},
}

func TestTransfer(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			w := newWorld(t, network(t, p.spec))
			client, server := w.connect(sim.DialOptions{})
			handshake := w.Elapsed()
			id := w.file(client, p.size)
			took := w.complete(time.Minute, server, id)
			told := took + w.until(10*time.Second, client.Delivered)
			rate := float64(p.size) * 8 / took.Seconds() / 1e6
			s := stats(client)
			t.Logf("handshake %v, %.1f Mbit/s of file, arrived after %v, acknowledged after %v; sent %d, repeated %d, lost %d, spurious %d, probes %d",
				handshake, rate, took, told, s.DataBytesSent/1024, s.DataBytesRepeated/1024, s.PacketsLost, s.PacketsSpurious, s.ProbeTimeouts)
			if took > p.within {
				t.Errorf("took %v, more than %v", took, p.within)
			}
		})
	}
}

// TestJitterDoesNotSlowDown has seeds for which the rate once went down and
// down: the fewer packets in a round trip, the longer the shortest of them takes
// on a path with jitter, and the more that looked like a queue.
func TestJitterDoesNotSlowDown(t *testing.T) {
	for _, seed := range []uint64{1, 54} {
		cfg := network(t, "delay=30ms,jitter=20ms,loss=20%,duplicate=5%,reorder=5%,corrupt=2%")
		cfg.Seed = seed
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		id := w.file(client, 2<<20)
		if took := w.complete(time.Minute, server, id); took > 5*time.Second {
			t.Errorf("seed %d: took %v, more than 5 s", seed, took)
		}
	}
}
