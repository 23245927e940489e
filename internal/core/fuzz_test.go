package core_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

// FuzzHandleDatagram gives a datagram to a server's endpoint as a stranger's,
// and to both sides of a live connection: sealed by the peer, and as it is.
// Whatever it does, it must not panic, and what was under way must either end
// well or end with an error.
func FuzzHandleDatagram(f *testing.F) {
	w := sim.New(sim.Config{})
	w.Sent = func(_ sim.Direction, _ instant.Time, datagram []byte) { f.Add(slices.Clone(datagram)) }
	client, err := w.Dial(sim.DialOptions{})
	if err != nil {
		f.Fatal(err)
	}
	if err := w.Run(time.Second, func() bool { return client.Connected }); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if len(datagram) == 0 || len(datagram) > 1400 {
			return
		}
		world := &world{sim.New(sim.Config{Seed: 1}), t, 1}
		client, server := world.connect(sim.DialOptions{})
		if _, err := server.SendFile(5000); err != nil {
			t.Fatal(err)
		}
		world.Inject(false, netip.MustParseAddrPort("203.0.113.99:1"), datagram)
		world.Inject(false, client.Public(), datagram)
		world.Inject(true, client.Public(), datagram)
		world.Inject(true, client.Public(), server.Conn.ForgeApplication(datagram))
		err := world.Run(time.Minute, func() bool {
			return client.Closed != nil || server.Closed != nil || client.Files() == 1
		})
		// A peer that forges may well send wrong bytes; nothing else may break.
		if err != nil && client.Closed == nil && server.Closed == nil && !forgedData(datagram) {
			t.Fatal(err)
		}
	})
}

// forgedData reports whether the payload may hold a DATA, STREAM or limit frame,
// which changes what the other side sees.
func forgedData(payload []byte) bool {
	for _, b := range payload {
		if b >= 0x08 && b <= 0x19 {
			return true
		}
	}
	return false
}

// FuzzOperations runs a script of operations on a simulated pair: each byte is
// one, on the side of its lowest bit. The simulator checks what must hold, and
// at the end the connection must be as usable as at the beginning.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 9, 3, 14, 5, 250, 6, 7, 8, 13, 100, 12})
	f.Add([]byte{4, 4, 4, 5, 5, 5, 160, 6, 8, 10, 200, 7, 9, 11})
	f.Add([]byte{16, 0, 2, 4, 180, 16, 0, 200, 17, 1, 3, 220})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 200 {
			return
		}
		cfg := sim.Config{Seed: uint64(len(script))}
		cfg.Up = link.Config{Delay: 5 * time.Millisecond, Loss: 0.1, Jitter: 3 * time.Millisecond}
		cfg.Down = cfg.Up
		w := &world{sim.New(cfg), t, cfg.Seed}
		client, server := w.connect(sim.DialOptions{})
		for _, op := range script {
			operate(w, [2]*sim.Peer{client, server}, op)
		}
		client.Resume()
		server.Resume()
		w.sleep(5 * time.Second)
		id, err := client.SendFile(20_000)
		w.check(err)
		w.complete(30*time.Second, server, id)
		if client.Closed != nil || server.Closed != nil {
			t.Fatalf("closed: %v, %v", client.Closed, server.Closed)
		}
	})
}

// operate does one operation of a script.
func operate(w *world, peers [2]*sim.Peer, op byte) {
	p, arg := peers[op&1], uint64(op>>1)
	switch kind := op >> 1 % 10; {
	case op >= 128:
		w.sleep(time.Duration(op-127) * time.Millisecond)
	case kind == 0 || kind == 1:
		_, _ = p.SendFile(arg * 700)
	case kind == 2 || kind == 3:
		_, _ = p.SendStream(arg * 100)
	case kind == 4:
		p.Conn.ResetBulk(uint16(arg%4), 1)
	case kind == 5:
		p.Conn.StopBulk(uint16(arg%4), 2)
	case kind == 6:
		p.Conn.ResetStream(arg%8, 3)
	case kind == 7:
		p.Conn.StopStream(arg%8, 4)
	case kind == 8:
		p.Hold = true
	default:
		p.Resume()
	}
}
