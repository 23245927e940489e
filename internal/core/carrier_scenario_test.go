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

// blockUDP has the network lose every datagram of a direction that does not
// travel by a carrier.
func blockUDP(w *world, directions ...sim.Direction) {
	w.Filter = func(d sim.Direction, _ int, _ []byte) bool {
		for _, blocked := range directions {
			if d == blocked {
				return false
			}
		}
		return true
	}
}

// TestFallingBack: a client that gets no answer by UDP goes on over a carrier,
// whichever direction is blocked, and with what it had begun to say.
func TestFallingBack(t *testing.T) {
	for _, test := range []struct {
		name    string
		blocked []sim.Direction
		early   bool
	}{
		{"both ways", []sim.Direction{sim.Up, sim.Down}, false},
		{"to the server", []sim.Direction{sim.Up}, false},
		{"to the client", []sim.Direction{sim.Down}, false},
		{"both ways, 0-RTT", []sim.Direction{sim.Up, sim.Down}, true},
		{"to the client, 0-RTT", []sim.Direction{sim.Down}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := network(t, "delay=40ms")
			cfg.AllowEarly = true
			w := newWorld(t, cfg)
			var options sim.DialOptions
			if test.early {
				first, _ := w.connect(options)
				w.until(time.Second, func() bool { return first.Session != nil && first.Token != nil })
				options = sim.DialOptions{Session: first.Session, Token: first.Token, EarlyData: true, Address: first.Public()}
				first.Conn.Close(w.Now(), 0, "")
				w.sleep(time.Second)
			}
			blockUDP(w, test.blocked...)
			client, err := w.Dial(options)
			w.check(err)
			var id uint16
			if test.early {
				id = w.file(client, 100_000)
			}
			w.sleep(time.Second)
			if client.Conn.Answered() {
				t.Fatal("an answer came through a blocked path")
			}
			client.Conn.SetPath(w.Now(), client.OpenCarrier())
			w.until(time.Second, func() bool { return client.Connected && client.Other != nil && client.Other.Connected })
			if !client.Conn.Answered() {
				t.Error("connected without an answer")
			}
			if !test.early {
				id = w.file(client, 1<<20)
			}
			back := w.file(client.Other, 1<<20)
			w.complete(5*time.Second, client.Other, id)
			w.complete(5*time.Second, client, back)
			if s := stats(client); s.PacketsLost > 0 {
				t.Errorf("%d packets count as lost by the path", s.PacketsLost)
			}
		})
	}
}

// TestAnswerByUDPAfterAll: the client moves back, and the server follows although
// UDP proves nothing of the address.
func TestAnswerByUDPAfterAll(t *testing.T) {
	w := newWorld(t, network(t, "delay=40ms"))
	blockUDP(w, sim.Up, sim.Down)
	client, err := w.Dial(sim.DialOptions{})
	w.check(err)
	udp := client.Conn.Path()
	w.sleep(time.Second)
	carrier := client.OpenCarrier()
	client.Conn.SetPath(w.Now(), carrier)
	w.sleep(60 * time.Millisecond) // the Initial has come, the answer has not
	w.Filter = nil
	w.Break(carrier.Connection)
	client.Conn.SetPath(w.Now(), udp)
	w.until(2*time.Second, func() bool { return client.Connected && client.Other.Connected })
	w.complete(5*time.Second, client.Other, w.file(client, 1<<20))
	if path := client.Other.Conn.Path(); path.Reliable {
		t.Errorf("the server stayed on %+v", path)
	}
}

// TestBrokenCarrier breaks the carrier again and again in the middle of transfers
// both ways. Every byte arrives, once for the application.
func TestBrokenCarrier(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	blockUDP(w, sim.Up, sim.Down)
	client, err := w.Dial(sim.DialOptions{})
	w.check(err)
	path := client.OpenCarrier()
	client.Conn.SetPath(w.Now(), path)
	w.until(time.Second, func() bool { return client.Connected && client.Other != nil && client.Other.Connected })
	server := client.Other
	up, down := w.file(client, 64<<20), w.file(server, 64<<20)
	w.stream(client, 200_000)
	breaks := 0
	for range 8 {
		w.sleep(30 * time.Millisecond)
		if client.Delivered() && server.Delivered() {
			break
		}
		w.Break(path.Connection)
		breaks++
		w.sleep(100 * time.Millisecond)
		path = client.OpenCarrier()
		client.Conn.SetPath(w.Now(), path)
		// At once, with the first packet that comes by it.
		w.until(25*time.Millisecond, func() bool { return server.Conn.Path().Connection == path.Connection })
	}
	if breaks < 3 {
		t.Fatalf("the transfers were over after %d breaks", breaks)
	}
	w.complete(time.Minute, server, up)
	w.complete(time.Minute, client, down)
	if got := server.Conn.Path().Connection; got != path.Connection {
		t.Errorf("the server is on connection %d, not on %d", got, path.Connection)
	}
}

// TestBlockedCarrier: a carrier that takes nothing is given nothing, and costs no
// time; the close still leaves.
func TestBlockedCarrier(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.Carrier = true
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	w.sleep(time.Second)
	client.Conn.SetWritable(false)
	before := stats(client).DatagramsSent
	id := w.file(client, 1<<20)
	w.file(server, 1<<20)
	w.sleep(2 * time.Second)
	if sent := stats(client).DatagramsSent - before; sent > 0 {
		t.Errorf("%d datagrams were sent on a blocked carrier", sent)
	}
	if d := client.Conn.Deadline(); d != instant.Never && !d.After(w.Now()) {
		t.Errorf("blocked, yet it wants to be called at %v, now %v", d, w.Now())
	}
	client.Conn.SetWritable(true)
	w.complete(5*time.Second, server, id)
	client.Conn.SetWritable(false)
	client.Conn.Close(w.Now(), 7, "enough")
	w.until(time.Second, func() bool { return server.Closed != nil })
}

// TestFixedRateOnCarrier: a rate that was asked for holds on every path.
func TestFixedRateOnCarrier(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.Carrier = true
	cfg.Client = func(c *core.Config) { c.FixedRate = 10e6 }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	took := w.complete(time.Minute, server, w.file(client, 5<<20))
	if rate := float64(5<<20) / 1024 * 1092 * 8 / took.Seconds(); rate < 9.5e6 || rate > 10.2e6 {
		t.Errorf("%.2f Mbit/s instead of 10", rate/1e6)
	}
}

// TestBackgroundOnCarrier: the wish to yield holds on every path too, and what is
// left by others says nothing of the path to the next connection.
func TestBackgroundOnCarrier(t *testing.T) {
	for _, carrier := range []bool{false, true} {
		cfg := network(t, "delay=20ms,rate=20M,queue=400k")
		cfg.Carrier = carrier
		cfg.Client = func(c *core.Config) { c.Background = true }
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		took := w.complete(time.Minute, server, w.file(client, 10<<20))
		if rate := float64(10<<20) / 1024 * 1092 * 8 / took.Seconds(); rate < 14e6 || rate > 20.2e6 {
			t.Errorf("carrier %v: %.2f Mbit/s of 20", carrier, rate/1e6)
		}
		if s := client.Conn.Stats(); s.Controller != "background" || s.Window == 0 || s.SmoothedRTT > 60*time.Millisecond {
			t.Errorf("carrier %v: control by %s, a window of %d bytes, a round trip of %v", carrier, s.Controller, s.Window, s.SmoothedRTT)
		}
		if m := client.Conn.PathMemory(); m.Rate != 0 {
			t.Errorf("carrier %v: a rate of %d bytes/s is remembered", carrier, m.Rate)
		}
	}
}

// TestKeepAlive notices a peer that died while there was nothing to say.
func TestKeepAlive(t *testing.T) {
	for _, side := range []core.Role{core.Client, core.Server} {
		cfg := network(t, "delay=20ms")
		lively := func(c *core.Config) { c.KeepAlive, c.IdleTimeout = time.Second, 5*time.Second }
		if side == core.Client {
			cfg.Client = lively
		} else {
			cfg.Server = lively
		}
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		watching, dying := client, server
		if side == core.Server {
			watching, dying = server, client
		}
		w.sleep(30 * time.Second)
		if watching.Closed != nil {
			t.Fatalf("%v: a living peer was given up: %v", side, watching.Closed)
		}
		dying.Vanish()
		w.until(6*time.Second, func() bool { return watching.Closed != nil })
	}
}

// TestBrokenInTheHandshake: the next carrier is followed as the first was.
func TestBrokenInTheHandshake(t *testing.T) {
	w := newWorld(t, network(t, "delay=40ms"))
	blockUDP(w, sim.Up, sim.Down)
	client := w.dial(sim.DialOptions{})
	first := client.OpenCarrier()
	client.Conn.SetPath(w.Now(), first)
	w.sleep(60 * time.Millisecond) // the Initial has come, the answer has not
	w.Break(first.Connection)
	client.Conn.SetPath(w.Now(), client.OpenCarrier())
	w.until(time.Second, func() bool { return client.Connected && client.Other.Connected })
	w.complete(time.Second, client.Other, w.file(client, 1<<20))
}

// TestVictimOfAHandshake: a client that has shown over a carrier who it is points
// the server, still in the handshake, at an address that never asked for
// anything. It gets no more than three times what seems to come from there.
func TestVictimOfAHandshake(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client := w.dial(sim.DialOptions{})
	client.Conn.SetPath(w.Now(), client.OpenCarrier())
	victim := netip.MustParseAddrPort("203.0.113.66:6666")
	toVictim := 0
	w.SentTo = func(d sim.Direction, to netip.AddrPort, datagram []byte) {
		if d == sim.Down && to == victim {
			toVictim += len(datagram)
		}
	}
	// With the keys of the handshake, before its Finished arrives over the
	// carrier: a packet from the victim's address that is newer than that.
	w.until(time.Second, func() bool { return client.Connected })
	forged := client.Conn.ForgeLong(wire.PacketHandshake, []byte{byte(wire.FramePing)})
	w.Inject(false, victim, forged)
	w.until(time.Second, func() bool { return client.Other != nil && client.Other.Connected })
	w.file(client.Other, 1<<20)
	w.sleep(20 * time.Second)
	if toVictim > 3*len(forged) {
		t.Errorf("%d bytes seemed to come from the victim, and %d went there", len(forged), toVictim)
	}
	if toVictim == 0 {
		t.Error("the server never turned to the victim: this shows nothing")
	}
}
