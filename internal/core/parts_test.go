package core

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"

	"pgregory.net/rapid"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.1:1")
	there = netip.MustParseAddrPort("192.0.2.2:2")
)

// zeros is a file of zeros that is always in memory.
type zeros struct{}

func (zeros) Resident(_ uint16, _ uint64, limit int) []byte { return make([]byte, limit) }

// newTestClient returns a client that has sent nothing yet but may: it holds
// 0-RTT limits.
func newTestClient(t interface{ Fatal(...any) }, change func(*Config)) *Conn {
	random := rand.NewChaCha8([32]byte{1})
	cfg := Config{
		Rand: random, Source: zeros{},
		Engine: func(p []byte) seal.Engine { return seal.NewNull(seal.Client, random, p) },
		RememberedParameters: &wire.Parameters{
			InitialMaxData: 1 << 20, InitialMaxStreamData: 1 << 20, InitialMaxStreams: 10, InitialMaxBulkData: 1 << 20,
		},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := NewClient(cfg, instant.Time(time.Second), Path{Local: here, Remote: there})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBulkAccounting changes transfers at random, and compares the sets and
// totals that packets rely on with what the transfers themselves say.
func TestBulkAccounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newTestClient(t, nil)
		b := &c.bulkOut
		number := rapid.Uint64Range(0, 20_000)
		pick := func(t *rapid.T) *bulkOut {
			if len(b.byID) == 0 {
				return nil
			}
			return b.get(uint16(rapid.Uint32Range(0, b.nextID-1).Draw(t, "transfer")))
		}
		t.Repeat(map[string]func(*rapid.T){
			"open":   func(*rapid.T) { _, _ = c.OpenBulk() },
			"extend": func(t *rapid.T) { c.ExtendBulk(uint16(number.Draw(t, "id")%8), number.Draw(t, "available")) },
			"skip": func(t *rapid.T) {
				start := number.Draw(t, "start")
				c.SkipBulk(uint16(number.Draw(t, "id")%8), start, start+number.Draw(t, "length"))
			},
			"end": func(t *rapid.T) {
				if transfer := pick(t); transfer != nil {
					c.EndBulk(transfer.id, transfer.available)
				}
			},
			"reset": func(t *rapid.T) {
				if transfer := pick(t); transfer != nil && number.Draw(t, "chance") < 2000 {
					c.ResetBulk(transfer.id, 1)
				}
			},
			"send": func(t *rapid.T) {
				if next := b.next(); next != nil {
					offset, n, repeat := next.block(b.credit.left(), wire.BlockSize)
					if n <= 0 {
						t.Fatalf("transfer %d was to send %d bytes", next.id, n)
					}
					next.took(offset, n, repeat)
					if !repeat {
						b.sentNew(next, n)
					}
					b.update(next)
				}
			},
			"acknowledge": func(t *rapid.T) {
				if transfer := pick(t); transfer != nil {
					start := number.Draw(t, "start")
					transfer.ack(min(start, transfer.next), min(start+3000, transfer.next))
					transfer.endAcked = transfer.ended && start%2 == 0 && !transfer.endSend
					c.checkDelivered(transfer)
				}
			},
			"lose": func(t *rapid.T) {
				if transfer := pick(t); transfer != nil {
					transfer.lost(number.Draw(t, "start"), number.Draw(t, "end"))
					b.update(transfer)
				}
			},
			"": func(t *rapid.T) { checkTotals(t, b) },
		})
	})
}

func checkTotals(t *rapid.T, b *bulkSender) {
	busy, waiting := 0, uint64(0)
	for id, transfer := range b.byID {
		if transfer.busy {
			busy++
		}
		waiting += transfer.waiting
		sendable := transfer.reset == nil && !transfer.starved
		if b.lossy.has(id) != (sendable && len(transfer.again) > 0) || b.fresh.has(id) != (sendable && transfer.newBytes() > 0) ||
			b.control.has(id) != (transfer.endSend || transfer.resetOut) || !b.open.has(id) {
			t.Fatalf("transfer %d is in the wrong sets: %+v", id, transfer)
		}
		if transfer.ackedLen != transfer.acked.Size() && transfer.reset == nil {
			t.Fatalf("transfer %d: %d bytes acknowledged, counted %d", id, transfer.acked.Size(), transfer.ackedLen)
		}
		below := missing(transfer.acked, transfer.next)
		if got := transfer.unacked(); got != below && transfer.reset == nil {
			t.Fatalf("transfer %d: %d bytes wait for an acknowledgement, counted %d: %+v", id, below, got, transfer)
		}
	}
	if busy != b.busy || waiting != b.waiting {
		t.Fatalf("%d busy and %d bytes waiting, counted %d and %d", busy, waiting, b.busy, b.waiting)
	}
	members := 0
	b.open.all(func(uint16) { members++ })
	if members != len(b.byID) {
		t.Fatalf("%d open of %d", members, len(b.byID))
	}
}

// missing counts the integers below limit that are not in the set.
func missing(s ranges.Set, limit uint64) uint64 {
	n := limit
	for _, r := range s {
		n -= min(r.End, limit) - min(r.Start, limit)
	}
	return n
}

// TestPiecesAreSentWhole: a transfer is not left within a piece, whatever others
// have to send by then, and not stayed with beyond it.
func TestPiecesAreSentWhole(t *testing.T) {
	c := newTestClient(t, nil)
	first, _ := c.OpenBulk()
	second, _ := c.OpenBulk()
	c.bulkOut.credit = sendCredit{limit: 1 << 20}
	keys, _ := seal.InitialKeys([8]byte{})
	send := func(blocks int) (ids []uint16) {
		d := dataTrain{buf: make([]byte, 1<<17), room: blocks, full: wire.FullDataDatagram, keys: keys}
		for d.room > 0 {
			next := c.bulkOut.next()
			if next == nil {
				break
			}
			ids = append(ids, next.id)
			if !c.appendBlocks(&d, next) {
				break
			}
		}
		return ids
	}
	want := func(step string, got []uint16, want ...uint16) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Fatalf("%s: transfers %v had their turns, want %v", step, got, want)
		}
	}
	c.ExtendBulk(second, 3*pieceSize)
	want("alone", send(10), second)
	c.ExtendBulk(first, pieceSize+1000)
	const perPiece = pieceSize / wire.BlockSize
	want("the rest of the piece, then the lower one", send(perPiece), second, first)
	want("to its end, where the train ends too", send(perPiece), first)
	want("the other", send(perPiece+1), second)
	c.ResetBulk(second, 1)
	c.ExtendBulk(first, 2*pieceSize)
	want("one that was begun and given up is in nobody's way", send(10), first)
}

// TestTailBehindSkippedParts: what the peer already had, further on in the file,
// does not hide that the last bytes sent wait for their acknowledgement.
func TestTailBehindSkippedParts(t *testing.T) {
	c := newTestClient(t, nil)
	id, _ := c.OpenBulk()
	c.SkipBulk(id, 1<<20, 8<<20)
	c.SkipBulk(id, 9<<20, 10<<20)
	c.ExtendBulk(id, 9<<20)
	transfer := c.bulkOut.get(id)
	for transfer.next < 8<<20 {
		offset, n, repeat := transfer.block(1<<30, wire.BlockSize)
		transfer.took(offset, n, repeat)
	}
	if got := transfer.unacked(); got != 1<<20 {
		t.Errorf("%d bytes wait for an acknowledgement, not 1 MiB", got)
	}
	transfer.ack(0, 1<<20)
	if got := transfer.unacked(); got != 0 {
		t.Errorf("%d bytes wait for an acknowledgement, not 0", got)
	}
}

// TestBlockBorders: blocks keep to multiples of the block size, so that a
// repeat has the borders of what was lost.
func TestBlockBorders(t *testing.T) {
	transfer := &bulkOut{available: 5000}
	for _, want := range [][2]uint64{{0, 1024}, {1024, 2048}, {2048, 3000}, {3000, 3072}, {3072, 4096}} {
		credit := uint64(1 << 20)
		if want[1] == 3000 {
			credit = 952 // runs out in the middle of a block
		}
		offset, n, repeat := transfer.block(credit, wire.BlockSize)
		if offset != want[0] || offset+uint64(n) != want[1] || repeat {
			t.Fatalf("block %d+%d, want %v", offset, n, want)
		}
		transfer.took(offset, n, repeat)
	}
	transfer.lost(500, 2500)
	for _, want := range [][2]uint64{{500, 1024}, {1024, 2048}, {2048, 2500}, {4096, 5000}} {
		offset, n, repeat := transfer.block(1<<20, wire.BlockSize)
		if offset != want[0] || offset+uint64(n) != want[1] || repeat != (want[0] < 4096) {
			t.Fatalf("block %d+%d, want %v", offset, n, want)
		}
		transfer.took(offset, n, repeat)
	}
}

// open pretends that the handshake is over.
func (c *Conn) openForTest() {
	c.state, c.confirmed = stateOpen, true
	_, write := seal.InitialKeys(c.remoteID)
	c.spaces[appSpace].write, c.spaces[appSpace].read = write, write
	c.dropSpace(0)
	c.dropSpace(1)
}

// drainTo sends everything that may leave now and returns the datagrams.
func drainTo(c *Conn, now instant.Time) (datagrams int) {
	buf := make([]byte, 100*wire.MaxDatagram)
	for {
		n, size, _, _ := c.Transmit(now, buf, 61)
		if n == 0 {
			return datagrams
		}
		datagrams += (n + size - 1) / size
	}
}

// TestTailCopiesAreBounded lets no acknowledgement come: what is in flight may
// be copied as often as the tail allows, and then only probes speak.
func TestTailCopiesAreBounded(t *testing.T) {
	for _, what := range []string{"stream", "transfer", "both"} {
		c := newTestClient(t, nil)
		c.openForTest()
		now := instant.Time(time.Second)
		if what != "transfer" {
			id, _ := c.OpenStream()
			_, _ = c.WriteStream(id, make([]byte, 3000))
			_ = c.FinishStream(id)
		}
		if what != "stream" {
			id, _ := c.OpenBulk()
			c.ExtendBulk(id, 3000)
			c.EndBulk(id, 3000)
		}
		sent, copies := drainTo(c, now), 0
		for steps := 0; now.Before(instant.Time(11 * time.Second)); steps++ {
			if steps > 1000 {
				t.Fatal("does not come to rest")
			}
			now = max(now, c.Deadline())
			c.HandleTimeout(now)
			copies += drainTo(c, now)
		}
		t.Logf("%s: %d datagrams, and %d in ten seconds of silence", what, sent, copies)
		// Two probes a second, and up to four rounds of copies.
		if copies > 2*12+4*sent+6 {
			t.Errorf("%s: %d datagrams were followed by %d", what, sent, copies)
		}
		if c.tail.rounds > tailMaxRounds {
			t.Errorf("%s: %d rounds of copies", what, c.tail.rounds)
		}
	}
}

func TestTailRounds(t *testing.T) {
	c := newTestClient(t, nil)
	for _, test := range []struct {
		bytes      uint64
		sent, lost int
		want       int
	}{
		{1000, 0, 0, 4},            // so little as a handshake flight, until the loss is known
		{20 << 10, 0, 0, 1},        // so little is always copied once
		{1000, 1000, 0, 1},         // even where nothing gets lost
		{1 << 20, 1000, 0, 0},      // much, and nothing gets lost: not at all
		{1 << 20, 1000, 10, 0},     // 1 %
		{1 << 20, 1000, 300, 4},    // 30 %
		{20 << 10, 1000, 300, 4},   // 6 blocks missing, 2, 0.6, 0.2
		{1 << 10, 1000, 100, 1},    // one block, 10 %
		{1 << 9, 1000, 300, 4},     // one block, 30 %: half of what is sent is answered
		{100 << 20, 1000, 900, 4},  // bounded
		{100 << 20, 10, 9, 0},      // too few packets to know the loss
		{tailFewBytes, 1000, 5, 1}, // the border
	} {
		c.repairOut.loss = lossEstimate{}
		f := recovery.Fates{Lost: make([]recovery.Packet, test.lost)}
		for i := range f.Lost {
			f.Lost[i].InFlight = true
		}
		f.Acked = []recovery.Run{{Packet: recovery.Packet{InFlight: true}, Count: test.sent - test.lost}}
		c.repairOut.loss.observe(&f, true, 0, 1092)
		if got := c.tailRounds(test.bytes); got != test.want {
			t.Errorf("%d bytes, %d of %d lost: %d rounds, want %d", test.bytes, test.lost, test.sent, got, test.want)
		}
	}
}

func TestBreaker(t *testing.T) {
	second := func(s float64) instant.Time { return instant.Time(s * float64(time.Second)) }
	for _, test := range []struct {
		name            string
		ownLoss         float64
		sent, delivered int
		want            int64
	}{
		{"a tenth arrives", 0, 10_000_000, 1_000_000, 8_000_000},
		{"less arrives", 0, 10_000_000, 999_999, 4_000_000},
		{"far less leaves than was asked, nothing arrives", 0, 1_000_000, 0, 500_000},
		{"nothing arrives of next to nothing", 0, 20_000, 0, 8_000_000},
		{"we drop nearly all of it ourselves", 0.95, 10_000_000, 100_000, 8_000_000},
		{"we drop some, the path the rest", 0.5, 10_000_000, 400_000, 4_000_000},
	} {
		c := newTestClient(t, func(cfg *Config) { cfg.FixedRate, cfg.OwnLoss = 8_000_000, test.ownLoss })
		c.openForTest()
		c.now = second(5)
		c.checkBreaker() // the period begins
		c.breaker.sent(second(13), test.sent)
		c.breaker.delivered(test.delivered)
		c.now = second(14.9)
		c.checkBreaker()
		if c.cfg.FixedRate != 8_000_000 {
			t.Errorf("%s: judged early", test.name)
		}
		c.now = second(15)
		c.checkBreaker()
		if c.cfg.FixedRate != test.want {
			t.Errorf("%s: the rate is %d", test.name, c.cfg.FixedRate)
		}
		e, halved := c.NextEvent()
		if halved != (test.want < 8_000_000) || halved && (e.Kind != EventRateHalved || e.Size != uint64(test.want)) {
			t.Errorf("%s: event %+v", test.name, e)
		}
	}
}

func TestPathSet(t *testing.T) {
	old, elsewhere := Path{Local: here, Remote: there}, Path{Local: here, Remote: here}
	s := pathSet{}
	s.received(old, old, 1200)
	s.received(elsewhere, old, 9999) // another address proves nothing
	if s.limit(Server, 1232) != 1232 || !s.allows(Server, 1232) {
		t.Error("1200 bytes allow an answer")
	}
	s.sent(old, old, 3000)
	if got := s.limit(Server, 1232); got != 600 || s.allows(Server, 1232) || s.limit(Client, 1232) != 1232 {
		t.Errorf("600 bytes are left, not %d", got)
	}
	s.sent(old, old, 3000) // what left beyond the limit, such as a close, does not wrap
	if got := s.limit(Server, 1232); got != 0 {
		t.Errorf("%d bytes are left", got)
	}
	s.validated = true
	if !s.allows(Server, 1232) {
		t.Error("a validated address is limited")
	}
}

func TestPathAnswersAreBounded(t *testing.T) {
	var v pathValidation
	for i := range 100 {
		v.answer(Path{Remote: there}, [8]byte{byte(i)})
	}
	if len(v.answers) != maxPathAnswers {
		t.Errorf("%d answers wait", len(v.answers))
	}
}

// TestBlockedServerRests: a server that may not answer an unproved address has
// no deadline in the past, which would call it for ever.
func TestBlockedServerRests(t *testing.T) {
	c := newTestClient(t, nil)
	c.role = Server
	c.pathSet = pathSet{in: 100, out: 300}
	c.spaces[0].received.OnPacket(c.now, 0, true, 100, true)
	if d := c.Deadline(); !d.After(c.now) {
		t.Errorf("the deadline is %v, now is %v", d, c.now)
	}
}
