package core_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// exchange carries a small file and a stream each way and closes: enough for
// every message of a short connection.
func exchange(w *world, o sim.DialOptions) (client *sim.Peer, took time.Duration) {
	w.t.Helper()
	client = w.dial(o)
	w.until(15*time.Second, func() bool { return client.Connected })
	id := w.file(client, 3000)
	stream := w.stream(client, 100)
	w.until(15*time.Second, func() bool {
		if client.Other == nil {
			return false
		}
		_, file := client.Other.Received(id)
		_, ended := client.Other.StreamRead(stream)
		_, back := client.StreamRead(stream)
		return file && ended && back && client.Delivered()
	})
	return client, w.Elapsed()
}

// TestEveryDatagramLost drops exactly one datagram, each of the first twenty of
// either direction in turn: a short connection must not need more than a second.
func TestEveryDatagramLost(t *testing.T) {
	for d, name := range []string{"up", "down"} {
		var worst time.Duration
		for k := range 20 {
			w := newWorld(t, network(t, "delay=25ms"))
			w.Filter = func(of sim.Direction, index int, _ []byte) bool { return of != sim.Direction(d) || index != k }
			_, took := exchange(w, sim.DialOptions{})
			worst = max(worst, took)
			if took > time.Second {
				t.Errorf("%s, datagram %d lost: took %v", name, k, took)
			}
		}
		t.Logf("%s: at worst %v", name, worst)
	}
}

// TestEveryDatagramLostWithRetryAndEarlyData does the same where a Retry comes
// first, and where the client resumes and its 0-RTT is accepted or rejected.
func TestEveryDatagramLostWithRetryAndEarlyData(t *testing.T) {
	for _, retry := range []bool{false, true} {
		for _, accepted := range []bool{true, false} {
			var worst time.Duration
			for k := range 40 {
				worst = max(worst, resumeWithLoss(t, retry, accepted, sim.Direction(k%2), k/2))
			}
			t.Logf("retry %v, 0-RTT accepted %v: at worst %v", retry, accepted, worst)
			if worst > 1200*time.Millisecond {
				t.Errorf("retry %v, 0-RTT accepted %v: took %v", retry, accepted, worst)
			}
		}
	}
}

// resumeWithLoss resumes a session, loses datagram k of a direction, and
// returns how long it took until everything was acknowledged.
func resumeWithLoss(t *testing.T, retry, accepted bool, lost sim.Direction, k int) time.Duration {
	t.Helper()
	cfg := network(t, "delay=25ms")
	cfg.AllowEarly = accepted
	again := false
	cfg.Endpoint = func(e *core.EndpointConfig) { e.AlwaysRetry = again }
	w := newWorld(t, cfg)
	first, _ := w.connect(sim.DialOptions{})
	w.until(time.Second, func() bool { return first.Session != nil })
	again = retry
	w.Server().Restart()
	first.Vanish()

	seen := 0
	w.Filter = func(d sim.Direction, _ int, _ []byte) bool {
		if d == lost {
			seen++
		}
		return d != lost || seen != k+1
	}
	begin := w.Now()
	client := w.dial(sim.DialOptions{Session: first.Session, EarlyData: true})
	id, stream := w.file(client, 8000), w.stream(client, 3000)
	w.until(10*time.Second, func() bool {
		if client.Other == nil {
			return false
		}
		_, file := client.Other.Received(id)
		_, ended := client.Other.StreamRead(stream)
		return file && ended && client.Delivered()
	})
	return w.Now().Sub(begin)
}

// TestEveryPairLost drops two datagrams in a row.
func TestEveryPairLost(t *testing.T) {
	for d, name := range []string{"up", "down"} {
		var worst time.Duration
		for k := range 12 {
			w := newWorld(t, network(t, "delay=25ms"))
			w.Filter = func(of sim.Direction, index int, _ []byte) bool {
				return of != sim.Direction(d) || index != k && index != k+1
			}
			_, took := exchange(w, sim.DialOptions{})
			worst = max(worst, took)
			if took > 2*time.Second {
				t.Errorf("%s, datagrams %d and %d lost: took %v", name, k, k+1, took)
			}
		}
		t.Logf("%s: at worst %v", name, worst)
	}
}

func TestHandshakeUnderLoss(t *testing.T) {
	for _, spec := range []string{"delay=30ms,loss=20%", "delay=30ms,loss=40%", "delay=30ms,jitter=20ms,loss=20%,corrupt=2%,duplicate=5%,reorder=5%"} {
		var sum, worst time.Duration
		const runs = 30
		for seed := range uint64(runs) {
			cfg := network(t, spec)
			cfg.Seed = seed
			_, took := exchange(newWorld(t, cfg), sim.DialOptions{})
			sum, worst = sum+took, max(worst, took)
		}
		t.Logf("%s: %v on average, %v at worst", spec, sum/runs, worst)
	}
}

func TestRetry(t *testing.T) {
	for seed := range uint64(10) {
		cfg := network(t, "delay=20ms,loss=20%")
		cfg.Seed = seed
		cfg.Endpoint = func(e *core.EndpointConfig) { e.AlwaysRetry = true }
		w := newWorld(t, cfg)
		exchange(w, sim.DialOptions{})
		if w.Server().Replies == 0 {
			t.Fatal("there was no Retry")
		}
	}
}

func TestAddressTokenSparesTheRetry(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.Endpoint = func(e *core.EndpointConfig) { e.AlwaysRetry = true }
	w := newWorld(t, cfg)
	first, _ := w.connect(sim.DialOptions{})
	replies := w.Server().Replies
	from := netip.AddrPortFrom(first.Public().Addr(), 51234)
	w.connect(sim.DialOptions{Token: first.Token, Address: from})
	if w.Server().Replies != replies {
		t.Error("a client with an address token was sent a Retry")
	}
	w.connect(sim.DialOptions{Token: first.Token}) // from elsewhere: proves nothing
	if w.Server().Replies == replies {
		t.Error("a token was accepted from another address")
	}
	w.connect(sim.DialOptions{Token: []byte("damaged"), Address: netip.AddrPortFrom(first.Public().Addr(), 51235)})
}

// TestVersionNegotiation has the server see another version than ours.
func TestVersionNegotiation(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	w.Filter = func(d sim.Direction, _ int, datagram []byte) bool {
		if d == sim.Up {
			datagram[4]++
		} else if d == sim.Down && wire.IsLong(datagram) {
			datagram[len(datagram)-1]++ // the server does not speak version 1
		}
		return true
	}
	client := w.dial(sim.DialOptions{})
	var version *core.VersionError
	if err := w.closedWith(time.Minute, client); !errors.As(err, &version) {
		t.Fatalf("closed with %v", err)
	}
	if w.Server().Endpoint().Len() != 0 {
		t.Error("the server kept state for another version")
	}
}

func TestEarlyData(t *testing.T) {
	for _, loss := range []string{"", ",loss=20%"} {
		for _, accepted := range []bool{true, false} {
			t.Run(fmt.Sprintf("accepted %v%s", accepted, loss), func(t *testing.T) {
				cfg := network(t, "delay=50ms"+loss)
				cfg.AllowEarly = accepted
				w := newWorld(t, cfg)
				first, _ := w.connect(sim.DialOptions{})
				w.until(10*time.Second, func() bool { return first.Session != nil })

				begin := w.Now()
				client := w.dial(sim.DialOptions{Session: first.Session, EarlyData: true, Token: first.Token, Path: core.PathMemory{RTT: 100 * time.Millisecond}})
				id, stream := w.file(client, 8000), w.stream(client, 2000)
				w.until(10*time.Second, func() bool { return client.Other != nil })
				w.complete(10*time.Second, client.Other, id)
				took := w.Now().Sub(begin)
				w.until(10*time.Second, func() bool {
					_, ended := client.Other.StreamRead(stream)
					return ended && client.Delivered()
				})
				t.Logf("8 kB were there after %v", took)
				if loss == "" && accepted && took > 75*time.Millisecond {
					t.Error("0-RTT took more than half a round trip")
				}
				if rejections := client.Events[core.EventEarlyDataRejected]; (rejections > 0) == accepted {
					t.Errorf("%d rejections", rejections)
				}
			})
		}
	}
}

// TestEarlyTrain: file bytes leave in trains before the handshake, too, although
// their packets have a longer header there.
func TestEarlyTrain(t *testing.T) {
	cfg := network(t, "delay=1ms")
	cfg.AllowEarly = true
	w := newWorld(t, cfg)
	first, _ := w.connect(sim.DialOptions{})
	w.until(10*time.Second, func() bool { return first.Session != nil })
	client := w.dial(sim.DialOptions{Session: first.Session, EarlyData: true, Token: first.Token, Path: core.PathMemory{RTT: 2 * time.Millisecond}})
	w.file(client, 100_000)
	buf, longest := make([]byte, trainBytes), 0
	for {
		n, size, _, _ := client.Conn.Transmit(w.Now(), buf, trainSegments)
		if n == 0 {
			break
		}
		longest = max(longest, (n+size-1)/size)
	}
	if longest < 16 {
		t.Errorf("the longest train of 0-RTT packets has %d", longest)
	}
}

// TestEarlyDataBeyondNewLimits has the server come back with lower limits than
// the client remembers.
func TestEarlyDataBeyondNewLimits(t *testing.T) {
	for _, accepted := range []bool{true, false} {
		cfg := network(t, "delay=50ms")
		cfg.AllowEarly = accepted
		window := uint64(8 << 20)
		cfg.Server = func(c *core.Config) {
			c.BulkWindow, c.MaxBulkWindow, c.DataWindow, c.StreamWindow = window, window, window/4, window/4
		}
		w := newWorld(t, cfg)
		first, _ := w.connect(sim.DialOptions{})
		window = 1 // so little that the minimum holds
		client := w.dial(sim.DialOptions{Session: first.Session, EarlyData: true, Token: first.Token})
		id, stream := w.file(client, 300_000), w.stream(client, 50_000)
		w.until(time.Second, func() bool { return client.Other != nil })
		client.Other.Hold = true // so that nothing more gives credit back: the first train alone is too little for that
		w.sleep(2 * time.Second)
		if n, _ := client.Other.Received(id); n != wire.MinBulkCredit {
			t.Errorf("0-RTT accepted %v: %d bytes came with a window of %d", accepted, n, wire.MinBulkCredit)
		}
		client.Other.Resume()
		w.until(10*time.Second, func() bool {
			_, file := client.Other.Received(id)
			_, ended := client.Other.StreamRead(stream)
			return file && ended
		})
		if client.Closed != nil {
			t.Fatal(client.Closed)
		}
	}
}

// TestEarlyDataReplayed sends the first flight of a connection again after it
// is over: what the server makes of it must stay half open and go away.
func TestEarlyDataReplayed(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.AllowEarly = true
	w := newWorld(t, cfg)
	first, _ := w.connect(sim.DialOptions{})
	var flight [][]byte
	w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
		if d == sim.Up && len(flight) < 20 {
			flight = append(flight, append([]byte(nil), datagram...))
		}
	}
	client := w.dial(sim.DialOptions{Session: first.Session, EarlyData: true, Token: first.Token})
	id := w.file(client, 5000)
	w.until(time.Second, func() bool { return client.Other != nil })
	w.complete(time.Second, client.Other, id)
	client.Conn.Close(w.Now(), 0, "")
	w.sleep(5 * time.Second)

	before := len(w.Server().Peers)
	for _, datagram := range flight {
		w.Inject(false, netip.MustParseAddrPort("203.0.113.9:9"), datagram)
	}
	w.sleep(time.Second)
	if got := len(w.Server().Peers); got != before+1 {
		t.Fatalf("the replay made %d connections", got-before)
	}
	if w.Server().Peers[before].Connected {
		t.Error("a replayed flight completed a handshake")
	}
	w.sleep(30 * time.Second)
	if w.Server().Peers[before].Closed == nil {
		t.Error("the replayed connection is still there")
	}
}

// TestFlood sends the first datagrams of many clients that never answer.
func TestFlood(t *testing.T) {
	w := newWorld(t, network(t, "delay=10ms"))
	w.Filter = func(d sim.Direction, _ int, _ []byte) bool { return d == sim.Up }
	var flood []*sim.Peer
	for range 300 {
		flood = append(flood, w.dial(sim.DialOptions{}))
	}
	w.sleep(200 * time.Millisecond)
	for _, p := range flood {
		p.Vanish()
	}
	if n := w.Server().Endpoint().Len(); n != 64 {
		t.Errorf("%d half-open connections, not 64", n)
	}
	if w.Server().Replies == 0 {
		t.Error("no Retry was sent")
	}
	w.Filter = nil
	exchange(w, sim.DialOptions{}) // a good client gets through
	w.sleep(time.Minute)
	if n := w.Server().Endpoint().Len(); n > 1 {
		t.Errorf("%d connections are left after the flood", n)
	}
}

// TestAmplification counts what a server sends to an address that never
// answers, while a deaf client goes on sending.
func TestAmplification(t *testing.T) {
	for _, alone := range []int{1, 2, 1000} {
		w := newWorld(t, network(t, "delay=10ms"))
		in, out := 0, 0
		w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
			if d == sim.Down {
				out += len(datagram)
			}
		}
		w.Filter = func(d sim.Direction, index int, datagram []byte) bool {
			if d == sim.Down || index >= alone {
				return false
			}
			in += len(datagram)
			return true
		}
		w.dial(sim.DialOptions{})
		for range 300 {
			w.sleep(50 * time.Millisecond)
			if out > 3*in {
				t.Fatalf("%d bytes came and %d were sent", in, out)
			}
		}
		t.Logf("%d datagrams, %d bytes, were answered by %d bytes", alone, in, out)
	}
}

func TestNobodyThere(t *testing.T) {
	w := newWorld(t, network(t, "delay=10ms,loss=100%"))
	client := w.dial(sim.DialOptions{})
	var timeout *core.TimeoutError
	if err := w.closedWith(time.Minute, client); !errors.As(err, &timeout) || !timeout.Handshake {
		t.Fatalf("closed with %v", err)
	}
	s := stats(client)
	t.Logf("gave up after %v and %d datagrams", w.Elapsed(), s.DatagramsSent)
	if w.Elapsed() != 10*time.Second || s.DatagramsSent > 60 {
		t.Errorf("gave up after %v and %d datagrams", w.Elapsed(), s.DatagramsSent)
	}
}

// TestServerGivesUp loses the client's last flight for longer than the server
// waits: the client, which is connected already, must not wait for hours.
func TestServerGivesUp(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client := w.dial(sim.DialOptions{})
	w.Filter = func(d sim.Direction, index int, _ []byte) bool { return d == sim.Down || index < 4 }
	w.until(time.Second, func() bool { return client.Connected })
	var timeout *core.TimeoutError
	if err := w.closedWith(15*time.Second, client); !errors.As(err, &timeout) {
		t.Errorf("closed with %v", err)
	}
}

// TestHandshakeDoneLost loses HANDSHAKE_DONE several times: the client's
// Handshake packets call for it again.
func TestHandshakeDoneLost(t *testing.T) {
	for losses := range 4 {
		w := newWorld(t, network(t, "delay=20ms"))
		lost := 0
		w.Filter = func(d sim.Direction, _ int, datagram []byte) bool {
			if d == sim.Down && !wire.IsLong(datagram) && lost < losses {
				lost++
				return false
			}
			return true
		}
		client := w.dial(sim.DialOptions{})
		took := w.until(5*time.Second, func() bool { return client.Token != nil })
		t.Logf("%d times: confirmed after %v", losses, took)
		if took > 500*time.Millisecond {
			t.Errorf("%d times: confirmed after %v", losses, took)
		}
	}
}
