package core_test

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// TestLongToken gives a client tokens that leave no room for its ClientHello:
// it must do without, and not send empty Initial packets for ever.
func TestLongToken(t *testing.T) {
	for _, size := range []int{wire.MaxToken, wire.MaxToken + 1, 1150, 1180, 1190, 5000} {
		w := newWorld(t, network(t, "delay=5ms"))
		client := w.dial(sim.DialOptions{Token: make([]byte, size)})
		took := w.until(time.Second, func() bool { return client.Connected })
		if sent := stats(client).DatagramsSent; took > 20*time.Millisecond || sent > 10 {
			t.Errorf("token of %d bytes: connected after %v and %d datagrams", size, took, sent)
		}
	}
}

// TestLongRetryAndNewToken: tokens of a server that are too long are ignored.
func TestLongRetryAndNewToken(t *testing.T) {
	for _, size := range []int{wire.MaxToken, wire.MaxToken + 1} {
		w := newWorld(t, network(t, "delay=20ms"))
		client := w.dial(sim.DialOptions{})
		var h wire.LongHeader
		w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
			if d == sim.Up && h.Version == 0 {
				h, _ = wire.ConsumeLongHeader(bytes.Clone(datagram))
			}
		}
		w.sleep(time.Millisecond)
		retry := wire.AppendRetryWithoutTag(nil, wire.Retry{
			Version: wire.Version1, Destination: h.Source, Source: wire.ConnectionID{1}, Token: make([]byte, size),
		})
		tag := seal.RetryTag(h.Destination, retry)
		w.Inject(true, client.Public(), append(retry, tag[:]...))
		w.sleep(100 * time.Millisecond)
		if client.Connected != (size > wire.MaxToken) {
			t.Errorf("a Retry with a token of %d bytes: connected %v", size, client.Connected)
		}

		w = newWorld(t, network(t, "delay=5ms"))
		client, server := w.connect(sim.DialOptions{})
		client.Token = nil
		w.Inject(true, client.Public(), server.Conn.ForgeApplication(wire.NewToken{Token: make([]byte, size)}.Append(nil)))
		w.sleep(time.Millisecond)
		if (client.Token == nil) != (size > wire.MaxToken) || client.Closed != nil {
			t.Errorf("a NEW_TOKEN of %d bytes was taken: %v; %v", size, client.Token != nil, client.Closed)
		}
	}
}

// TestSilentPath asks for a high rate, and then nothing arrives any more: what
// leaves is a window, and then only probes.
func TestSilentPath(t *testing.T) {
	for _, rate := range []int64{0, 50_000, 200_000, 100_000_000} {
		cfg := network(t, "delay=20ms,rate=200M")
		cfg.Client = func(c *core.Config) { c.FixedRate = rate }
		w := newWorld(t, cfg)
		client, _ := w.connect(sim.DialOptions{})
		w.file(client, 1<<30)
		w.sleep(time.Second)
		w.Filter = func(sim.Direction, int, []byte) bool { return false }
		window := stats(client).Window
		count := gross(w, sim.Up)
		w.sleep(4 * time.Second) // 64 datagrams at 200 kbit/s
		bits, _ := count()
		if most := float64(window)*8 + 2*15*1260*8; bits > most {
			t.Errorf("rate %d: %.0f bits left in four seconds, with a window of %d bytes", rate, bits, window)
		}
		count = gross(w, sim.Up)
		w.sleep(10 * time.Second)
		if bits, _ := count(); bits == 0 || bits > 10*4.2*1260*8 {
			t.Errorf("rate %d: %.0f bits left in the ten seconds after", rate, bits)
		}
	}
}

// TestFixedRateOnLongPaths: the window of a fixed rate must not be felt where
// the path answers, however late and however little.
func TestFixedRateOnLongPaths(t *testing.T) {
	for _, spec := range []string{"delay=300ms", "delay=300ms,loss=30%", "delay=150ms,jitter=40ms,loss=30%", "delay=1ms,loss=30%"} {
		for _, mbit := range []float64{0.5, 20} {
			rate := mbit * 1e6
			cfg := network(t, spec)
			cfg.Client = func(c *core.Config) { c.FixedRate = int64(rate) }
			w := newWorld(t, cfg)
			client, _ := w.connect(sim.DialOptions{})
			w.file(client, 1<<30)
			w.sleep(time.Second)
			count := gross(w, sim.Up)
			w.sleep(8 * time.Second)
			bits, elapsed := count()
			got := bits / elapsed.Seconds() / rate
			t.Logf("%g Mbit/s, %s: %.5f of it", mbit, spec, got)
			const debt = 6 * 1092 * 8 // of probes, which the next datagrams pay for
			if math.Abs(got-1) > 0.002+debt/bits {
				t.Errorf("%g Mbit/s, %s: %.4f of it", mbit, spec, got)
			}
		}
	}
}

// TestEarlyAnswersAreBounded replays a request: before the client has completed
// the handshake, a server sends little, at whatever rate.
func TestEarlyAnswersAreBounded(t *testing.T) {
	cfg := network(t, "delay=20ms")
	cfg.AllowEarly = true
	cfg.Server = func(c *core.Config) { c.FixedRate = 1_000_000_000 }
	w := newWorld(t, cfg)
	first, _ := w.connect(sim.DialOptions{})
	w.until(time.Second, func() bool { return first.Session != nil })
	first.Other.Vanish()
	first.Vanish()
	client := w.dial(sim.DialOptions{Session: first.Session, EarlyData: true, Token: first.Token, Address: netip.AddrPortFrom(first.Public().Addr(), 41_000)})
	w.file(client, 200_000)
	w.until(time.Second, func() bool { return client.Other != nil })
	server := client.Other
	w.Filter = func(d sim.Direction, _ int, _ []byte) bool { return d == sim.Down } // no Finished
	answers := 0
	w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
		if d == sim.Down && !wire.IsLong(datagram) {
			answers++
		}
	}
	id := w.file(server, 10<<20)
	w.sleep(5 * time.Second)
	if server.Connected {
		t.Fatal("the handshake is complete")
	}
	if answers == 0 || answers > 64 {
		t.Errorf("%d datagrams left before the client had proved anything", answers)
	}
	w.Filter = nil
	w.complete(5*time.Second, client, id)
}

// TestNeverAcknowledging has a peer ask for acknowledgements and send none: what
// is remembered of them is bounded.
func TestNeverAcknowledging(t *testing.T) {
	w := newWorld(t, network(t, "delay=5ms"))
	client, server := w.connect(sim.DialOptions{})
	buf := make([]byte, 64*wire.MaxDatagram)
	ping := wire.FrameImmediateAck.Append(nil)
	for i := range 40_000 {
		d := client.Conn.ForgeApplication(ping)
		now := w.Now().Add(time.Duration(i) * 10 * time.Microsecond)
		server.Conn.HandleTrain(now, server.Conn.Path(), core.NotECT, d, len(d))
		for n := 1; n > 0; {
			n, _, _, _ = server.Conn.Transmit(now, buf, 61)
		}
	}
	var local *core.LocalError
	if err := server.Conn.Err(); !errors.As(err, &local) || local.Code != wire.CodeProtocolViolation {
		t.Errorf("closed with %v", err)
	}
	if n := server.Conn.Logs(); n > 17_000 {
		t.Errorf("%d logs are kept", n)
	}
}

// TestOptimisticAcknowledgement acknowledges everything that the server can have
// sent, whether it has come or not.
func TestOptimisticAcknowledgement(t *testing.T) {
	w := newWorld(t, network(t, "delay=50ms,rate=10M,queue=64Ki"))
	client, server := w.connect(sim.DialOptions{})
	w.file(server, 30<<20)
	for range 200 {
		if server.Closed != nil {
			break
		}
		w.sleep(10 * time.Millisecond)
		next := server.Conn.NextPacketNumber()
		w.Inject(false, client.Public(), client.Conn.ForgeApplication(wire.Ack{
			Largest: next - 1, Ranges: ranges.Set{{Start: 0, End: next}},
		}.Append(nil)))
	}
	expectCode(t, w, client, server, wire.CodeProtocolViolation)
	if got := stats(server).PacketsSent; got > 1000 {
		t.Errorf("found out after %d packets", got)
	}
}

// TestForgedHandshakePackets: nothing proves a Handshake packet genuine whose
// keys are gone, so it must not call for a HANDSHAKE_DONE each time.
func TestForgedHandshakePackets(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client := w.dial(sim.DialOptions{})
	var id wire.ConnectionID
	w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
		if h, err := wire.ConsumeLongHeader(bytes.Clone(datagram)); err == nil && d == sim.Down {
			id = h.Source
		}
	}
	w.Filter = func(d sim.Direction, _ int, datagram []byte) bool { return wire.IsLong(datagram) || d == sim.Up }
	w.until(time.Second, func() bool { return client.Other != nil && client.Other.Connected })
	w.Filter = func(sim.Direction, int, []byte) bool { return false } // the server waits for acknowledgements
	count := 0
	w.Sent = func(d sim.Direction, _ instant.Time, _ []byte) {
		if d == sim.Down {
			count++
		}
	}
	forged, lengthAt := wire.AppendLongHeader(nil, wire.LongHeader{Type: wire.PacketHandshake, Version: wire.Version1, Destination: id})
	wire.SetLength(forged, lengthAt, 4+30)
	forged = append(forged, make([]byte, 30)...)
	for range 1000 {
		w.Inject(false, client.Public(), forged)
		w.sleep(time.Millisecond)
	}
	if count > 50 {
		t.Errorf("1000 forged packets in a second called for %d datagrams", count)
	}
}

// TestTwoDestinationsInADatagram: a packet with another connection ID than the
// first of its datagram is dropped, even if both are of this connection.
func TestTwoDestinationsInADatagram(t *testing.T) {
	for _, same := range []bool{true, false} {
		w := newWorld(t, network(t, "delay=5ms"))
		var original wire.ConnectionID // of the client's first datagram
		w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
			if id, ok := wire.DestinationID(datagram); ok && d == sim.Up && original == (wire.ConnectionID{}) {
				original = id
			}
		}
		client, server := w.connect(sim.DialOptions{})
		genuine := client.Conn.ForgeApplication(wire.ApplicationClose{Code: 7}.Append(nil))
		id, _ := wire.DestinationID(genuine)
		if !same {
			id = original
		}
		datagram, lengthAt := wire.AppendLongHeader(nil, wire.LongHeader{Type: wire.PacketHandshake, Version: wire.Version1, Destination: id})
		wire.SetLength(datagram, lengthAt, 4+30)
		datagram = append(append(datagram, make([]byte, 30)...), genuine...)
		server.Conn.HandleTrain(w.Now(), server.Conn.Path(), core.NotECT, datagram, len(datagram))
		if closed := server.Conn.Err() != nil; closed != same {
			t.Errorf("same destination %v: the second packet was taken: %v", same, closed)
		}
	}
}
