package core_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

// world is a simulated network as the scripts of this package use it: whatever
// goes wrong ends the test and names the seed, and UFT_SEED replays it.
type world struct {
	*sim.Network
	t    *testing.T
	seed uint64
}

// newWorld returns a network. The seed is that of UFT_SEED, where it is set.
func newWorld(t *testing.T, cfg sim.Config) *world {
	t.Helper()
	if text := os.Getenv("UFT_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("UFT_SEED: %v", err)
		}
		cfg.Seed = seed
	}
	return &world{sim.New(cfg), t, cfg.Seed}
}

// network parses what the path does in both directions.
func network(t *testing.T, spec string) sim.Config {
	t.Helper()
	c, err := link.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	c.HeaderBytes = 28
	return sim.Config{Seed: 1, Up: c, Down: c}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v (UFT_SEED=%d replays this)", err, w.seed)
	}
}

// until lets time pass until the condition holds and returns how long it took.
func (w *world) until(limit time.Duration, condition func() bool) time.Duration {
	w.t.Helper()
	from := w.Now()
	w.check(w.Run(limit, condition))
	return w.Now().Sub(from)
}

func (w *world) sleep(d time.Duration) {
	w.t.Helper()
	w.check(w.Sleep(d))
}

// forge has the server receive frames in a packet that only the client can
// have sealed.
func (w *world) forge(client *sim.Peer, frames []byte) {
	w.Inject(false, client.Public(), client.Conn.ForgeApplication(frames))
}

func (w *world) dial(o sim.DialOptions) *sim.Peer {
	w.t.Helper()
	p, err := w.Dial(o)
	w.check(err)
	return p
}

// connect dials and waits until both sides are connected and the client knows
// that the server is.
func (w *world) connect(o sim.DialOptions) (client, server *sim.Peer) {
	w.t.Helper()
	client = w.dial(o)
	w.until(30*time.Second, func() bool {
		return client.Connected && client.Other != nil && client.Other.Connected && client.Token != nil
	})
	return client, client.Other
}

func (w *world) file(p *sim.Peer, size uint64) uint16 {
	w.t.Helper()
	id, err := p.SendFile(size)
	w.check(err)
	return id
}

func (w *world) stream(p *sim.Peer, size uint64) uint64 {
	w.t.Helper()
	id, err := p.SendStream(size)
	w.check(err)
	return id
}

// complete waits until a transfer has arrived in full.
func (w *world) complete(limit time.Duration, to *sim.Peer, transfer uint16) time.Duration {
	w.t.Helper()
	return w.until(limit, func() bool {
		_, done := to.Received(transfer)
		return done
	})
}

// closedWith waits until the peer's connection is over and returns why.
func (w *world) closedWith(limit time.Duration, p *sim.Peer) error {
	w.t.Helper()
	w.until(limit, func() bool { return p.Closed != nil })
	return p.Closed
}

// stats is for the figures in the log.
func stats(p *sim.Peer) core.Stats { return p.Conn.Stats() }

// newRandom is a script's own source of chance.
func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
