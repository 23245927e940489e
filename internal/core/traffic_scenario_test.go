package core_test

import (
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

// issueNetwork is the bad network of the specification.
const issueNetwork = "delay=30ms,jitter=20ms,loss=20%,duplicate=5%,reorder=5%,corrupt=2%"

func TestSameSeedSameTranscript(t *testing.T) {
	run := func(seed uint64) string {
		cfg := network(t, issueNetwork)
		cfg.Seed = seed
		w := &world{sim.New(cfg), t, seed}
		client, server := w.connect(sim.DialOptions{})
		a, b := w.file(client, 100_000), w.file(server, 50_000)
		w.stream(client, 30_000)
		w.complete(30*time.Second, server, a)
		w.complete(30*time.Second, client, b)
		client.Conn.Close(w.Now(), 0, "")
		w.sleep(time.Second)
		return w.Transcript()
	}
	for seed := range uint64(5) {
		first, second := run(seed), run(seed)
		if first != second {
			t.Errorf("seed %d: transcripts %s and %s", seed, first, second)
		}
		if other := run(seed + 100); other == first {
			t.Errorf("seeds %d and %d have one transcript", seed, seed+100)
		}
	}
}

func TestBothWays(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms,rate=50M,loss=10%"))
	client, server := w.connect(sim.DialOptions{})
	up, down := w.file(client, 8<<20), w.file(server, 8<<20)
	took := w.complete(20*time.Second, server, up)
	took += w.complete(20*time.Second, client, down)
	t.Logf("8 MiB each way in %v", took)
	if took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestManyAtOnce runs fifty streams and twenty transfers, both ways, together.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, network(t, issueNetwork+",rate=50M"))
	client, server := w.connect(sim.DialOptions{})
	for i := range uint64(20) {
		w.file(client, 10_000*i)
		w.file(server, 7_000*i+1)
	}
	for i := range uint64(50) {
		w.stream(client, 2_000*i)
		w.stream(server, 1_000*i)
	}
	took := w.until(time.Minute, func() bool {
		return client.Files() == 20 && server.Files() == 20 && client.StreamsEnded() == 100 && server.StreamsEnded() == 100 &&
			client.Delivered() && server.Delivered()
	})
	t.Logf("all over after %v", took)
}

// TestStreamsInARow opens more streams than may be open at once.
func TestStreamsInARow(t *testing.T) {
	w := newWorld(t, network(t, "delay=5ms,loss=10%"))
	client, server := w.connect(sim.DialOptions{})
	for opened := 0; opened < 400; {
		for {
			if _, err := client.SendStream(500); err != nil {
				break
			}
			opened++
		}
		w.sleep(10 * time.Millisecond)
	}
	w.until(10*time.Second, func() bool { return server.StreamsEnded() == client.StreamsEnded() && client.StreamsEnded() >= 400 })
}

// TestAllTransferIDs uses up all the transfer ids of a connection.
func TestAllTransferIDs(t *testing.T) {
	w := newWorld(t, network(t, "delay=1ms"))
	client, server := w.connect(sim.DialOptions{})
	sent := 0
	for {
		for range 500 {
			if _, err := client.SendFile(uint64(sent % 3)); err != nil {
				break
			}
			sent++
		}
		w.until(10*time.Second, client.Delivered)
		if sent == 1<<16 {
			break
		}
	}
	w.sleep(time.Second)
	if _, err := client.SendFile(1); err != core.ErrTransferLimit { //nolint:errorlint // the sentinel itself
		t.Errorf("transfer 65,536: %v", err)
	}
	if opened, ended := server.Events[core.EventBulkOpened], server.Events[core.EventBulkEnded]; opened != sent || ended != sent {
		t.Errorf("%d opened, %d ended, of %d", opened, ended, sent)
	}
	if out, in := client.Conn.Transfers(); out != 0 || in != 0 {
		t.Errorf("the client still has %d and %d transfers", out, in)
	}
	if out, in := server.Conn.Transfers(); out != 0 || in != 0 {
		t.Errorf("the server still has %d and %d transfers", out, in)
	}
}

// TestSlowConsumer has the receiver take 1 MB/s of what could come faster, and
// then nothing for a while.
func TestSlowConsumer(t *testing.T) {
	const window = 256 << 10
	cfg := network(t, "delay=10ms,loss=5%")
	cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = window, window }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	server.Hold = true
	id := w.file(client, 4<<20)
	for range 200 {
		server.Consume(10_000)
		w.sleep(10 * time.Millisecond)
	}
	if server.MostHeld > window {
		t.Errorf("%d bytes were held with a window of %d", server.MostHeld, window)
	}
	w.sleep(30 * time.Second)
	stalled, _ := server.Received(id)
	sent := stats(client).DatagramsSent
	w.sleep(30 * time.Second)
	if n, _ := server.Received(id); n != stalled || stats(client).DatagramsSent-sent > 100 {
		t.Errorf("with the window shut %d bytes came in %d datagrams", n-stalled, stats(client).DatagramsSent-sent)
	}
	server.Resume()
	took := w.complete(10*time.Second, server, id)
	if server.MostHeld > window {
		t.Errorf("%d bytes were held with a window of %d", server.MostHeld, window)
	}
	t.Logf("the rest took %v", took)
}

// TestWindowUpdateLost shuts the window and loses the frame that opens it.
func TestWindowUpdateLost(t *testing.T) {
	for drop := 1; drop <= 8; drop++ {
		cfg := network(t, "delay=10ms")
		cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow, c.StreamWindow = 64<<10, 64<<10, 16<<10 }
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		server.Hold = true
		id, stream := w.file(client, 200_000), w.stream(client, 100_000)
		w.sleep(5 * time.Second)
		lost := 0
		w.Filter = func(d sim.Direction, _ int, _ []byte) bool {
			if d == sim.Down && lost < drop {
				lost++
				return false
			}
			return true
		}
		server.Resume()
		took := w.until(10*time.Second, func() bool {
			_, ended := server.StreamRead(stream)
			_, done := server.Received(id)
			return ended && done
		})
		if took > 4*time.Second {
			t.Errorf("with %d datagrams lost the window stayed shut for %v", drop, took)
		}
	}
}

// TestNoCreditLeaks breaks off transfers and streams in the middle, from either
// end, and finds afterwards that a whole window can still be used.
func TestNoCreditLeaks(t *testing.T) {
	const window = 256 << 10
	cfg := network(t, "delay=10ms,jitter=5ms,loss=10%")
	small := func(c *core.Config) {
		c.BulkWindow, c.MaxBulkWindow, c.DataWindow, c.StreamWindow = window, window, 32<<10, 16<<10
	}
	cfg.Client, cfg.Server = small, small
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	for i := range 200 {
		id, err := client.SendFile(60_000)
		w.check(err)
		stream, err := client.SendStream(14_000)
		for err != nil {
			w.sleep(100 * time.Millisecond)
			stream, err = client.SendStream(14_000)
		}
		w.sleep(time.Duration(i%5) * 9 * time.Millisecond)
		if i%2 == 0 {
			client.Conn.ResetBulk(id, 1)
			client.Conn.ResetStream(stream, 1)
		} else {
			server.Conn.StopBulk(id, 2)
			server.Conn.StopStream(stream, 2)
		}
	}
	w.sleep(5 * time.Second)
	id := w.file(client, 5*window)
	stream := w.stream(client, 100_000)
	w.until(20*time.Second, func() bool {
		_, ended := server.StreamRead(stream)
		_, done := server.Received(id)
		return ended && done
	})
	w.sleep(time.Second)
	for _, p := range []*sim.Peer{client, server} {
		data, bulk := p.Conn.UnusedCredit()
		if data < 32<<10*3/4 || bulk < window*3/4 {
			t.Errorf("%s: %d bytes of credit for streams and %d for transfers are left to its peer", p.Name, data, bulk)
		}
	}
	if out, in := client.Conn.Transfers(); out+in > 0 {
		t.Errorf("the client still has %d and %d transfers", out, in)
	}
	if _, in := server.Conn.Transfers(); in > 0 {
		t.Errorf("the server still has %d transfers", in)
	}
	if n := client.Conn.OpenStreams(); n > 0 {
		t.Errorf("the client still has %d streams", n)
	}
}

// TestStarvedSource has the bytes of a file come into memory piece by piece.
func TestStarvedSource(t *testing.T) {
	cfg := network(t, "delay=10ms,loss=10%")
	var resident uint64
	cfg.Resident = func(_ core.Role, _ uint16, offset uint64) bool { return offset < resident }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	id := w.file(client, 500_000)
	for resident < 500_000 {
		resident += 50_000
		client.Conn.ExtendBulk(id, 500_000)
		w.sleep(100 * time.Millisecond)
	}
	w.complete(5*time.Second, server, id)
}

// TestSkippedParts resumes a transfer: the receiver has every other 100,000
// bytes already.
func TestSkippedParts(t *testing.T) {
	w := newWorld(t, network(t, "delay=10ms,loss=10%"))
	client, server := w.connect(sim.DialOptions{})
	id, err := client.Conn.OpenBulk()
	w.check(err)
	for start := uint64(100_000); start < 1_000_000; start += 200_000 {
		client.Conn.SkipBulk(id, start, start+100_000)
	}
	client.Conn.EndBulk(id, 1_000_000)
	w.until(10*time.Second, func() bool { return client.Events[core.EventBulkDelivered] == 1 })
	if n, _ := server.Received(id); n < 500_000 || n > 510_000 {
		t.Errorf("%d bytes were sent", n)
	}
}

// TestKeyUpdate changes keys every 300 packets on either side while data flows
// both ways through loss and reordering.
func TestKeyUpdate(t *testing.T) {
	for _, side := range []string{"client", "server", "both"} {
		cfg := network(t, "delay=20ms,jitter=10ms,loss=10%,reorder=5%,rate=20M")
		updates := map[string]int{}
		quick := func(c *core.Config) { c.KeyPhasePackets = 300 }
		if side != "server" {
			cfg.Client = quick
		}
		if side != "client" {
			cfg.Server = quick
		}
		cfg.Trace = func(who string, e core.TraceEvent) {
			if e.Name == "security:key_updated" {
				updates[who]++
			}
		}
		w := newWorld(t, cfg)
		client, server := w.connect(sim.DialOptions{})
		up, down := w.file(client, 4<<20), w.file(server, 4<<20)
		took := w.complete(20*time.Second, server, up) + w.complete(20*time.Second, client, down)
		broken := stats(client).PacketsUndecryptable + stats(server).PacketsUndecryptable
		t.Logf("%s updates: %v, took %v, %d packets did not open", side, updates, took, broken)
		if updates["client"] < 3 || updates["server"] < 3 {
			t.Errorf("%s updates: %v", side, updates)
		}
		if broken > 0 {
			t.Errorf("%s updates: %d packets did not open", side, broken)
		}
	}
}

// TestRebinding moves the client to another address in the middle of a
// transfer, up and down.
func TestRebinding(t *testing.T) {
	for _, to := range []string{"198.51.0.1:40001", "203.0.113.7:555"} {
		for _, upload := range []bool{true, false} {
			w := newWorld(t, network(t, "delay=20ms,rate=20M,loss=5%"))
			client, server := w.connect(sim.DialOptions{})
			from, into := client, server
			if !upload {
				from, into = server, client
			}
			id := w.file(from, 6<<20)
			w.sleep(time.Second)
			client.Rebind(netip.MustParseAddrPort(to))
			before, _ := into.Received(id)
			gap := w.until(10*time.Second, func() bool { n, _ := into.Received(id); return n > before+200_000 })
			took := w.complete(20*time.Second, into, id)
			t.Logf("to %s, upload %v: 200 kB more after %v, complete %v later", to, upload, gap, took)
			if server.Conn.Path().Remote != client.Public() {
				t.Errorf("the server sends to %v", server.Conn.Path().Remote)
			}
			if gap > 2*time.Second || took > 8*time.Second {
				t.Errorf("to %s, upload %v: went on after %v, complete %v later", to, upload, gap, took)
			}
		}
	}
}

// TestNewPathIsMeasuredAnew moves the client to a network that is farther away:
// the minimum round trip of the old one must not stay.
func TestNewPathIsMeasuredAnew(t *testing.T) {
	for _, test := range []struct {
		to  string
		far bool
	}{{"203.0.113.7:555", true}, {"198.51.0.1:40001", false}} {
		w := newWorld(t, network(t, "delay=5ms,rate=20M"))
		client, server := w.connect(sim.DialOptions{})
		id := w.file(server, 20<<20)
		w.sleep(time.Second)
		client.Rebind(netip.MustParseAddrPort(test.to))
		w.Filter = func(d sim.Direction, _ int, datagram []byte) bool {
			if d == sim.Up {
				w.Delay(50*time.Millisecond, false, client.Public(), datagram)
			}
			return d != sim.Up
		}
		w.sleep(2 * time.Second)
		if got := stats(server).MinRTT; got < 50*time.Millisecond == test.far {
			t.Errorf("moved to %s: the minimum round trip is %v", test.to, got)
		}
		w.complete(20*time.Second, client, id)
	}
}

// TestRebindingOfAWaitingClient moves a client that has nothing to say while the
// server has nothing to send: only its keep-alive tells the server where it is.
func TestRebindingOfAWaitingClient(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client, server := w.connect(sim.DialOptions{})
	id, err := server.Conn.OpenBulk()
	w.check(err)
	server.Conn.ExtendBulk(id, 50_000)
	w.sleep(500 * time.Millisecond)
	client.Rebind(netip.MustParseAddrPort("203.0.113.7:555"))
	w.until(2*time.Second, func() bool { return server.Conn.Path().Remote == client.Public() })
	server.Conn.EndBulk(id, 100_000)
	w.complete(time.Second, client, id)
}

// TestReliableCarrier runs over what a TCP connection would be: nothing may be
// repeated, however long an acknowledgement takes.
func TestReliableCarrier(t *testing.T) {
	cfg := network(t, "delay=400ms,rate=20M,queue=1h")
	cfg.Carrier = true
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	up, down := w.file(client, 4<<20), w.file(server, 4<<20)
	w.stream(client, 100_000)
	w.complete(time.Minute, server, up)
	w.complete(time.Minute, client, down)
	w.until(time.Minute, func() bool { return client.Delivered() && server.Delivered() })
	for _, p := range []*sim.Peer{client, server} {
		if s := stats(p); s.DataBytesRepeated > 0 || s.PacketsLost > 0 {
			t.Errorf("%s: %d bytes repeated, %d packets lost", p.Name, s.DataBytesRepeated, s.PacketsLost)
		}
	}
}
