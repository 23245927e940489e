package core_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// TestMaliciousPeer forges packets with the client's keys. Each must end the
// server's connection with the error that the specification names, and the
// client must be told.
func TestMaliciousPeer(t *testing.T) {
	block := make([]byte, 1000)
	for _, attack := range []struct {
		name   string
		frames func(c *core.Conn) [][]byte // payloads, one packet each
		code   wire.ErrorCode
	}{
		{"acknowledges packets never sent", func(*core.Conn) [][]byte {
			return [][]byte{wire.Ack{Largest: 1 << 20, Ranges: ranges.Set{{Start: 0, End: 1<<20 + 1}}}.Append(nil)}
		}, wire.CodeProtocolViolation},
		{"acknowledges on another path", func(*core.Conn) [][]byte {
			return [][]byte{wire.Ack{PathID: 1, Largest: 0, Ranges: ranges.Set{{Start: 0, End: 1}}}.Append(nil)}
		}, wire.CodeProtocolViolation},
		{"stream beyond its credit", func(*core.Conn) [][]byte {
			return [][]byte{wire.Stream{ID: 0, Offset: 300 << 10, Data: block}.Append(nil)}
		}, wire.CodeFlowControl},
		{"streams beyond the connection's credit", func(*core.Conn) (all [][]byte) {
			for id := range uint64(6) {
				all = append(all, wire.Stream{ID: 2 * id, Offset: 255 << 10, Data: block}.Append(nil))
			}
			return all
		}, wire.CodeFlowControl},
		{"reset beyond the credit", func(*core.Conn) [][]byte {
			return [][]byte{wire.ResetStream{ID: 0, FinalSize: 1 << 40}.Append(nil)}
		}, wire.CodeFlowControl},
		{"too many streams", func(*core.Conn) [][]byte {
			return [][]byte{wire.Stream{ID: 2 * 100, Data: block}.Append(nil)}
		}, wire.CodeLimitExceeded},
		{"a stream of the server that it never opened", func(*core.Conn) [][]byte {
			return [][]byte{wire.Stream{ID: 1, Data: block}.Append(nil)}
		}, wire.CodeStateError},
		{"stops a transfer never opened", func(*core.Conn) [][]byte {
			return [][]byte{wire.StopBulk{Transfer: 9}.Append(nil)}
		}, wire.CodeStateError},
		{"stream with two lengths", func(*core.Conn) [][]byte {
			return [][]byte{
				wire.Stream{ID: 0, Data: block, Fin: true}.Append(nil),
				wire.Stream{ID: 0, Offset: 5, Data: block, Fin: true}.Append(nil),
			}
		}, wire.CodeFinalSizeError},
		{"stream shorter than what was sent", func(*core.Conn) [][]byte {
			return [][]byte{wire.Stream{ID: 0, Data: block}.Append(nil), wire.ResetStream{ID: 0, FinalSize: 3}.Append(nil)}
		}, wire.CodeFinalSizeError},
		{"data beyond the end", func(*core.Conn) [][]byte {
			return [][]byte{wire.BulkEnd{Transfer: 1, Size: 10}.Append(nil), wire.Data{Transfer: 1, Bytes: block}.Append(nil)}
		}, wire.CodeFinalSizeError},
		{"end before the data", func(*core.Conn) [][]byte {
			return [][]byte{wire.Data{Transfer: 1, Bytes: sim.FileBytes(core.Client, 1, 0, 1000)}.Append(nil), wire.BulkEnd{Transfer: 1, Size: 10}.Append(nil)}
		}, wire.CodeFinalSizeError},
		{"two ends", func(*core.Conn) [][]byte {
			return [][]byte{wire.BulkEnd{Transfer: 1, Size: 10}.Append(nil), wire.BulkEnd{Transfer: 1, Size: 11}.Append(nil)}
		}, wire.CodeFinalSizeError},
		{"transfer reset below what came", func(*core.Conn) [][]byte {
			return [][]byte{wire.Data{Transfer: 1, Bytes: sim.FileBytes(core.Client, 1, 0, 1000)}.Append(nil), wire.ResetBulk{Transfer: 1, Sent: 10}.Append(nil)}
		}, wire.CodeFinalSizeError},
		{"transfer reset beyond the credit", func(*core.Conn) [][]byte {
			return [][]byte{wire.ResetBulk{Transfer: 1, Sent: 1 << 50}.Append(nil)}
		}, wire.CodeFlowControl},
		{"HANDSHAKE_DONE from a client", func(*core.Conn) [][]byte {
			return [][]byte{wire.FrameHandshakeDone.Append(nil)}
		}, wire.CodeProtocolViolation},
		{"NEW_TOKEN from a client", func(*core.Conn) [][]byte {
			return [][]byte{wire.NewToken{Token: block[:20]}.Append(nil)}
		}, wire.CodeProtocolViolation},
		{"CRYPTO with a gap", func(*core.Conn) [][]byte {
			return [][]byte{wire.Crypto{Offset: 1 << 20, Data: block}.Append(nil)}
		}, wire.CodeProtocolViolation},
		{"a frame that does not exist", func(*core.Conn) [][]byte { return [][]byte{{0x3f}} }, wire.CodeFrameEncoding},
		{"a truncated frame", func(*core.Conn) [][]byte {
			return [][]byte{wire.MaxData{Limit: 1 << 40}.Append(nil)[:4]}
		}, wire.CodeFrameEncoding},
		{"an empty packet", func(*core.Conn) [][]byte { return [][]byte{{}} }, wire.CodeProtocolViolation},
	} {
		t.Run(attack.name, func(t *testing.T) {
			w := newWorld(t, network(t, "delay=5ms"))
			client, server := w.connect(sim.DialOptions{})
			server.Hold = true
			for _, payload := range attack.frames(client.Conn) {
				w.forge(client, payload)
			}
			expectCode(t, w, client, server, attack.code)
		})
	}
}

// expectCode waits until the server has closed with the code and the client
// knows it.
func expectCode(t *testing.T, w *world, client, server *sim.Peer, code wire.ErrorCode) {
	t.Helper()
	var local *core.LocalError
	if err := w.closedWith(time.Second, server); !errors.As(err, &local) || local.Code != code {
		t.Errorf("the server closed with %v, not %v", err, code)
	}
	var peer *core.PeerError
	if err := w.closedWith(time.Second, client); !errors.As(err, &peer) || peer.Code != code {
		t.Errorf("the client was told %v", err)
	}
}

// TestFramesInTheWrongSpace forges handshake packets with frames that may only
// stand in Application packets.
func TestFramesInTheWrongSpace(t *testing.T) {
	for _, payload := range [][]byte{
		wire.Stream{ID: 0, Data: []byte("x")}.Append(nil), wire.MaxData{Limit: 9}.Append(nil),
		wire.FrameHandshakeDone.Append(nil), wire.BulkEnd{Size: 1}.Append(nil),
	} {
		w := newWorld(t, network(t, "delay=5ms"))
		client := w.dial(sim.DialOptions{})
		w.until(time.Second, func() bool { return len(w.Server().Peers) > 0 })
		w.Inject(false, client.Public(), client.Conn.ForgeLong(wire.PacketInitial, payload))
		var local *core.LocalError
		if err := w.closedWith(time.Second, w.Server().Peers[0]); !errors.As(err, &local) || local.Code != wire.CodeProtocolViolation {
			t.Errorf("closed with %v", err)
		}
	}
}

// TestHugeAckDelay claims that acknowledgements were held back for hours: the
// round-trip time must not believe it.
func TestHugeAckDelay(t *testing.T) {
	w := newWorld(t, network(t, "delay=20ms"))
	client, server := w.connect(sim.DialOptions{})
	id := w.file(server, 50_000)
	w.sleep(10 * time.Millisecond)
	largest := server.Conn.NextPacketNumber() - 1
	w.Inject(false, client.Public(), client.Conn.ForgeApplication(wire.Ack{
		Largest: largest, Delay: 3 * time.Hour, Ranges: ranges.Set{{Start: largest, End: largest + 1}},
	}.Append(nil)))
	w.complete(time.Second, client, id)
	if s := stats(server); s.SmoothedRTT > 45*time.Millisecond || s.SmoothedRTT < 5*time.Millisecond {
		t.Errorf("smoothed round trip of %v", s.SmoothedRTT)
	}
}

// TestManyChallenges asks for a hundred answers in one datagram.
func TestManyChallenges(t *testing.T) {
	w := newWorld(t, network(t, "delay=5ms"))
	client, _ := w.connect(sim.DialOptions{})
	down := 0
	w.Sent = func(d sim.Direction, _ instant.Time, _ []byte) {
		if d == sim.Down {
			down++
		}
	}
	var payload []byte
	for i := range 100 {
		payload = wire.PathChallenge{Data: [8]byte{byte(i)}}.Append(payload)
	}
	w.forge(client, payload)
	w.sleep(time.Second)
	if down > 6 {
		t.Errorf("one datagram provoked %d", down)
	}
}

// TestNoise feeds random, damaged, cut, spliced and repeated datagrams to a
// server with a transfer under way: none may panic, make anything grow or stop
// the transfer.
func TestNoise(t *testing.T) {
	w := newWorld(t, network(t, "delay=10ms,rate=50M"))
	client, server := w.connect(sim.DialOptions{})
	noise := &noiseMaker{random: newRandom(w.seed)}
	w.Sent = func(_ sim.Direction, now instant.Time, datagram []byte) { noise.capture(now, datagram) }
	up, down := w.file(client, 8<<20), w.file(server, 4<<20)
	stranger := netip.MustParseAddrPort("203.0.113.99:1")
	const datagrams = 20_000
	for i := range datagrams {
		if i%10 == 0 {
			w.sleep(time.Millisecond)
		}
		to := noise.random.IntN(3)
		address := client.Public()
		if to == 2 {
			address = stranger
		}
		noise.passed(w.Now().Add(-10 * time.Millisecond))
		w.Inject(to == 0, address, noise.next())
	}
	w.Sent = nil
	w.complete(10*time.Second, server, up)
	w.complete(10*time.Second, client, down)
	if n := w.Server().Endpoint().Len(); n > 64+1 {
		t.Errorf("noise made %d connections", n)
	}
	w.sleep(time.Minute)
	if n := w.Server().Endpoint().Len(); n != 1 {
		t.Errorf("%d connections after the noise", n)
	}
	for _, p := range []*sim.Peer{client, server} {
		if p.Conn.Waiting() > 0 || p.Conn.Logs() > 20 {
			t.Errorf("%s: %d packets wait, %d logs are kept", p.Name, p.Conn.Waiting(), p.Conn.Logs())
		}
		s := stats(p)
		t.Logf("%s: %d did not open, %d came twice", p.Name, s.PacketsUndecryptable, s.Duplicates)
	}
}

// noiseMaker makes datagrams out of captured ones.
type noiseMaker struct {
	random   *rand.Rand
	captured [][]byte
	young    []youngDatagram
}

// A youngDatagram is on its way still: what is injected arrives at once, and a copy
// that outran it would be a shorter path, with a round trip that the sender could not
// have again.
type youngDatagram struct {
	sentAt   instant.Time
	datagram []byte
}

func (n *noiseMaker) capture(now instant.Time, datagram []byte) {
	n.young = append(n.young, youngDatagram{now, slices.Clone(datagram)})
}

// passed has what was sent until then be used.
func (n *noiseMaker) passed(until instant.Time) {
	for len(n.young) > 0 && !n.young[0].sentAt.After(until) {
		if len(n.captured) < 500 {
			n.captured = append(n.captured, n.young[0].datagram)
		} else if n.random.IntN(20) == 0 {
			n.captured[n.random.IntN(500)] = n.young[0].datagram
		}
		n.young = n.young[1:]
	}
}

func (n *noiseMaker) pick() []byte {
	if len(n.captured) == 0 {
		return make([]byte, 1200)
	}
	return slices.Clone(n.captured[n.random.IntN(len(n.captured))])
}

func (n *noiseMaker) next() []byte {
	b := n.pick()
	switch n.random.IntN(6) {
	case 0: // random, with a plausible first byte
		for i := range b {
			b[i] = byte(n.random.Uint32())
		}
		b[0] |= 0x40
	case 1: // damaged
		for range 1 + n.random.IntN(4) {
			b[n.random.IntN(len(b))] ^= 1 << n.random.IntN(8)
		}
	case 2: // cut
		b = b[:1+n.random.IntN(len(b))]
	case 3: // the head of one and the end of another
		other := n.pick()
		b = append(b[:n.random.IntN(len(b))+1], other[n.random.IntN(len(other)):]...)
	case 4: // the header of one with the length of another
		b = append(b[:min(len(b), 17)], make([]byte, 1200)...)
	}
	return b // case 5: repeated as it was
}
