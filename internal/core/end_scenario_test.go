package core_test

import (
	"errors"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

func TestClose(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client, server := w.connect(sim.DialOptions{})
	client.Conn.Close(w.Now(), 7, "enough")
	var local, remote *core.ApplicationError
	if err := w.closedWith(time.Second, server); !errors.As(err, &remote) || remote.Local || remote.Code != 7 || remote.Reason != "enough" {
		t.Errorf("the server's end: %v", err)
	}
	if !errors.As(client.Closed, &local) || !local.Local {
		t.Errorf("the client's end: %v", client.Closed)
	}
	if _, err := client.Conn.OpenStream(); err == nil {
		t.Error("a stream was opened after the end")
	}
	w.sleep(5 * time.Second)
	if n := w.Server().Endpoint().Len(); n != 0 || !client.Conn.Gone() {
		t.Errorf("%d connections are kept", n)
	}
}

// TestCloseLost loses every copy of the close: data that goes on provokes it
// again, and otherwise the idle timeout ends the other side.
func TestCloseLost(t *testing.T) {
	for _, busy := range []bool{true, false} {
		w := newWorld(t, network(t, "delay=20ms,rate=10M"))
		client, server := w.connect(sim.DialOptions{})
		if busy {
			w.file(server, 10<<20)
		}
		w.sleep(time.Second)
		copies := 0
		w.Filter = func(d sim.Direction, _ int, _ []byte) bool {
			if d == sim.Up {
				copies++
			}
			return d == sim.Down || copies > 3
		}
		client.Conn.Close(w.Now(), 0, "")
		err := w.closedWith(3*time.Minute, server)
		var remote *core.ApplicationError
		var timeout *core.TimeoutError
		if busy && !errors.As(err, &remote) || !busy && !errors.As(err, &timeout) {
			t.Errorf("busy %v: the server's end: %v", busy, err)
		}
	}
}

func TestCloseDuringHandshake(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client := w.dial(sim.DialOptions{})
	w.until(time.Second, func() bool { return len(w.Server().Peers) > 0 })
	client.Conn.Close(w.Now(), 3, "not for strangers")
	err := w.closedWith(time.Second, w.Server().Peers[0])
	var peer *core.PeerError
	if !errors.As(err, &peer) || peer.Reason != "" {
		t.Errorf("the server's end: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.Client = func(c *core.Config) { c.IdleTimeout = 20 * time.Second }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	for _, p := range []*sim.Peer{client, server} {
		var timeout *core.TimeoutError
		if err := w.closedWith(25*time.Second, p); !errors.As(err, &timeout) || timeout.Handshake {
			t.Errorf("%s: closed with %v", p.Name, err)
		}
	}
	if w.Elapsed() < 20*time.Second || w.Elapsed() > 21*time.Second {
		t.Errorf("idle for %v", w.Elapsed())
	}
}

// TestServerRestart has the server forget everything in the middle of a
// transfer.
func TestServerRestart(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms,rate=50M,loss=10%"))
	client, _ := w.connect(sim.DialOptions{})
	w.file(client, 20<<20)
	w.sleep(time.Second)
	w.Server().Restart()
	at := w.Now()
	var reset *core.ResetError
	if err := w.closedWith(time.Second, client); !errors.As(err, &reset) {
		t.Fatalf("closed with %v", err)
	}
	t.Logf("the client knew after %v", w.Now().Sub(at))
}

func TestBlackout(t *testing.T) {
	for _, length := range []time.Duration{time.Second, 10 * time.Second} {
		for _, both := range []bool{true, false} {
			cfg := network(t, "delay=20ms,rate=20M,loss=2%")
			w := newWorld(t, cfg)
			client, server := w.connect(sim.DialOptions{})
			id := w.file(client, 6<<20)
			w.sleep(time.Second)
			w.Filter = func(d sim.Direction, _ int, _ []byte) bool { return !both && d == sim.Up }
			w.sleep(length)
			w.Filter = nil
			before, _ := server.Received(id)
			sent := stats(client).DatagramsSent
			again := w.until(5*time.Second, func() bool { n, _ := server.Received(id); return n > before+100_000 })
			took := w.complete(20*time.Second, server, id)
			t.Logf("%v, both ways %v: %d datagrams sent so far, went on after %v, complete %v later", length, both, sent, again, took)
			if again > 2*time.Second {
				t.Errorf("%v: went on only after %v", length, again)
			}
			if took > 10*time.Second {
				t.Errorf("%v: complete only after %v", length, took)
			}
		}
	}
}
