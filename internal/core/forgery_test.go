package core_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// TestForgedHandshakeMessage: TLS alerts travel as error codes.
func TestForgedHandshakeMessage(t *testing.T) {
	w := newWorld(t, network(t, "delay=5ms"))
	w.Filter = func(d sim.Direction, _ int, datagram []byte) bool {
		return d == sim.Down || datagram[0] != 0xe0 && len(datagram) > 1000 // no Handshake packet alone
	}
	client := w.dial(sim.DialOptions{})
	w.until(time.Second, func() bool { return client.Connected })
	server := w.Server().Peers[0]
	if server.Connected {
		t.Skip("the Finished travelled with an Initial packet")
	}
	w.Inject(false, client.Public(), client.Conn.ForgeLong(wire.PacketHandshake, wire.Crypto{Data: make([]byte, 36)}.Append(nil)))
	if w.closedWith(time.Second, server) == nil {
		t.Fatal("not closed")
	}
	var peer *core.PeerError
	if err := w.closedWith(time.Second, client); !errors.As(err, &peer) || peer.Code < wire.CodeCryptoBase {
		t.Errorf("the client was told %v", err)
	}
}

// TestForgedAnswers has a stranger on the path answer the client's first
// datagram before the server can: with a version negotiation, and with a Retry
// whose tag is wrong. Neither may keep the client from connecting.
func TestForgedAnswers(t *testing.T) {
	for name, forge := range map[string]func(h wire.LongHeader) []byte{
		"version negotiation": func(h wire.LongHeader) []byte {
			return wire.AppendVersionNegotiation(nil, wire.VersionNegotiation{Destination: h.Source, Source: h.Destination, Versions: []uint32{0x1234}})
		},
		"retry": func(h wire.LongHeader) []byte {
			b := wire.AppendRetryWithoutTag(nil, wire.Retry{Version: wire.Version1, Destination: h.Source, Source: wire.ConnectionID{1}, Token: []byte("token")})
			return append(b, make([]byte, wire.TagLen)...)
		},
	} {
		w := newWorld(t, network(t, "delay=20ms"))
		var client *sim.Peer
		w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
			if h, err := wire.ConsumeLongHeader(slices.Clone(datagram)); d == sim.Up && err == nil && client != nil {
				w.Inject(true, client.Public(), forge(h))
			}
		}
		client = w.dial(sim.DialOptions{})
		took := w.until(time.Second, func() bool { return client.Connected })
		if took > 50*time.Millisecond {
			t.Errorf("%s: connected after %v", name, took)
		}
	}
}

// TestStolenPackets lets an attacker carry some of the client's packets to the
// server from an address of its own: the connection must not follow.
func TestStolenPackets(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms,rate=20M"))
	client, server := w.connect(sim.DialOptions{})
	thief := netip.MustParseAddrPort("203.0.113.66:66")
	random, in, out := newRandom(w.seed), 0, 0
	w.Filter = func(d sim.Direction, _ int, datagram []byte) bool {
		if d == sim.Up && random.IntN(20) == 0 {
			in += len(datagram)
			w.Inject(false, thief, datagram)
			return false
		}
		return true
	}
	challenges := 0
	w.Sent = func(d sim.Direction, _ instant.Time, datagram []byte) {
		if d == sim.Down && len(datagram) == 38 {
			challenges++
			out += 38
		}
	}
	up, down := w.file(client, 2<<20), w.file(server, 2<<20)
	took := w.complete(10*time.Second, server, up) + w.complete(10*time.Second, client, down)
	t.Logf("took %v, %d challenges", took, challenges)
	if got := server.Conn.Path().Remote; got != client.Public() {
		t.Errorf("the server sends to %v", got)
	}
	if challenges == 0 || out > 3*in {
		t.Errorf("%d challenges, %d bytes for %d", challenges, out, in)
	}
}

// TestGuessedPathResponse answers a challenge without having seen it.
func TestGuessedPathResponse(t *testing.T) {
	w := newWorld(t, network(t, "delay=5ms"))
	client, server := w.connect(sim.DialOptions{})
	thief := netip.MustParseAddrPort("203.0.113.66:66")
	w.Inject(false, thief, client.Conn.ForgeApplication(wire.FramePing.Append(nil)))
	w.sleep(time.Millisecond)
	w.Inject(false, thief, client.Conn.ForgeApplication(wire.PathResponse{Data: [8]byte{1, 2, 3}}.Append(nil)))
	w.sleep(time.Millisecond)
	if got := server.Conn.Path().Remote; got != client.Public() {
		t.Errorf("the server sends to %v", got)
	}
}
