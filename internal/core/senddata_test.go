package core

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// A dataRun is a client that sends transfers to a server over a network without
// time, and everything that can happen to them happens by chance: to the
// transfers, to their source, to their datagrams, to their credit. After every
// step the accounts of the client are made again from nothing.
type dataRun struct {
	t              *testing.T
	step           string // what was done last
	chance         *rand.Rand
	client, server *Conn
	now            instant.Time
	loss           float64
	longest        int // datagram that gets through
	scarce         bool
	unread         []piece           // at the server
	ended, reset   map[uint16]bool   // transfers that the script is done with
	sent           map[uint16]uint64 // bulkOut.sent as it was last seen
	arrived        map[uint16]int    // bytes at the server
	delivered      map[uint16]bool
	buf            []byte
}

// A piece of a transfer.
type piece struct {
	transfer   uint16
	start, end uint64
}

// byteAt is what stands in every transfer.
func byteAt(transfer uint16, offset uint64) byte {
	return byte(transfer)*7 + byte(offset) + byte(offset>>8)*3 + byte(offset>>16)
}

// Resident has as much in memory as it happens to be: nothing now and then, or
// less than is asked for.
func (r *dataRun) Resident(transfer uint16, offset uint64, limit int) []byte {
	if r.scarce {
		switch r.chance.IntN(10) {
		case 0:
			return nil
		case 1, 2:
			limit = 1 + r.chance.IntN(limit)
		}
	}
	p := make([]byte, limit)
	for i := range p {
		p[i] = byteAt(transfer, offset+uint64(i))
	}
	return p
}

func newDataRun(t *testing.T, seed uint64) *dataRun {
	r := &dataRun{
		t: t, chance: rand.New(rand.NewPCG(seed, 1)), now: instant.Time(time.Second), scarce: true,
		ended: map[uint16]bool{}, reset: map[uint16]bool{}, sent: map[uint16]uint64{},
		arrived: map[uint16]int{}, delivered: map[uint16]bool{}, buf: make([]byte, wire.LargestDatagram),
	}
	config := Config{
		Rand: rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}), Source: r,
		BulkWindow: wire.MinBulkCredit << r.chance.IntN(4), MaxBulkWindow: 4 << 20,
		RepairMemory: []int64{-1, 1 << 20}[r.chance.IntN(2)],
	}
	r.longest = wire.LargestDatagram
	if r.chance.IntN(2) == 0 { // blocks of several sizes
		config.BlockSize = wire.AutoBlockSize
		r.longest = 1200 + r.chance.IntN(10_000)
	}
	if r.chance.IntN(2) == 0 {
		config.FixedRate = 100e6
	}
	r.loss = []float64{0, 0.02, 0.2}[r.chance.IntN(3)]
	of := func(role seal.Role) Config {
		c := config
		c.Engine = func(p []byte) seal.Engine { return seal.NewNull(role, c.Rand, p) }
		return c
	}
	var err error
	if r.client, err = NewClient(of(seal.Client), r.now, Path{Local: here, Remote: there}); err != nil {
		t.Fatal(err)
	}
	endpoint := NewEndpoint(EndpointConfig{
		Rand: config.Rand, Accept: func(netip.AddrPort, bool) (Config, bool) { return of(seal.Server), false },
	})
	n, _, _, _ := r.client.Transmit(r.now, r.buf, 1)
	back := Path{Local: there, Remote: here}
	r.server = endpoint.Route(r.now, 0, back, r.buf[:n]).Conn
	r.server.HandleTrain(r.now, back, NotECT, r.buf[:n], n)
	for rounds := 0; !r.client.Connected() || !r.server.Connected(); rounds++ {
		if rounds == 1000 {
			t.Fatal("the handshake does not end")
		}
		r.exchange()
	}
	return r
}

// carry brings a train from one side to the other, but for what is lost.
func (r *dataRun) carry(train []byte, size int, to *Conn, path Path) {
	for len(train) > 0 {
		n := min(size, len(train))
		if n <= r.longest && r.chance.Float64() >= r.loss {
			to.HandleTrain(r.now, path, NotECT, train[:n], n)
			if to == r.server {
				r.takeBlocks()
			}
		}
		train = train[n:]
	}
}

// clientSends has the client write one train, of any length into any buffer.
func (r *dataRun) clientSends() (n int) {
	room := max(wire.MaxDatagram, r.client.blockSize()+wire.DataOverhead)
	buf := r.buf[:room+r.chance.IntN(len(r.buf)-room+1)]
	n, size, _, _ := r.client.Transmit(r.now, buf, 1+r.chance.IntN(64))
	for id, t := range r.client.bulkOut.byID {
		r.sent[id] = t.sent
	}
	r.carry(buf[:n], size, r.server, Path{Local: there, Remote: here})
	return n
}

func (r *dataRun) serverSends() (n int) {
	n, size, _, _ := r.server.Transmit(r.now, r.buf, 64)
	r.carry(r.buf[:n], size, r.client, Path{Local: here, Remote: there})
	return n
}

// takeBlocks takes what has come, which is borrowed until more comes.
func (r *dataRun) takeBlocks() {
	for {
		b, ok := r.server.NextBlock()
		if !ok {
			return
		}
		for i, got := range b.Bytes {
			if want := byteAt(b.Transfer, b.Offset+uint64(i)); got != want {
				r.t.Fatalf("%s: transfer %d has %d at %d, want %d", r.step, b.Transfer, got, b.Offset+uint64(i), want)
			}
		}
		r.arrived[b.Transfer] += len(b.Bytes)
		r.unread = append(r.unread, piece{b.Transfer, b.Offset, b.Offset + uint64(len(b.Bytes))})
	}
}

// serverReads gives the credit for some of what has come back.
func (r *dataRun) serverReads(most int) {
	n := min(most, len(r.unread))
	for _, p := range r.unread[:n] {
		r.server.ConsumeBulk(p.transfer, p.start, p.end)
	}
	r.unread = r.unread[n:]
}

func (r *dataRun) passes(d time.Duration) {
	r.now = r.now.Add(d)
	for _, side := range []*Conn{r.client, r.server} {
		if !side.Deadline().After(r.now) {
			side.HandleTimeout(r.now)
		}
	}
}

func (r *dataRun) events() {
	for _, side := range []*Conn{r.client, r.server} {
		for {
			e, ok := side.NextEvent()
			if !ok {
				break
			}
			switch e.Kind {
			case EventClosed:
				r.t.Fatalf("%s: closed: %v", r.step, e.Err)
			case EventBulkDelivered:
				r.delivered[uint16(e.ID)] = true
			case EventBulkStopped:
				r.reset[uint16(e.ID)] = true
			}
		}
	}
}

// exchange lets both sides say all that they may, and a little time pass.
func (r *dataRun) exchange() {
	for r.clientSends() > 0 {
		r.serverReads(1000)
	}
	for r.serverSends() > 0 {
		continue
	}
	r.passes(time.Millisecond)
	r.events()
}

// any returns a transfer that the script has not done with.
func (r *dataRun) any() *bulkOut {
	for range 10 {
		id := uint16(r.chance.Uint32N(max(r.client.bulkOut.nextID, 1)))
		if t := r.client.bulkOut.get(id); t != nil && !r.ended[id] && !r.reset[id] {
			return t
		}
	}
	return nil
}

// next does something, by chance.
func (r *dataRun) next() {
	c := r.client
	t := r.any()
	k := r.chance.IntN(100)
	switch {
	case k < 4 && len(c.bulkOut.byID) < 8:
		id, err := c.OpenBulk()
		r.step = fmt.Sprint("open ", id, err)
	case k < 16 && t != nil:
		n := t.available + 1 + r.chance.Uint64N(1<<(4+r.chance.IntN(15)))
		r.step = fmt.Sprint("extend ", t.id, " to ", n)
		c.ExtendBulk(t.id, n)
	case k < 19 && t != nil:
		start := t.next + r.chance.Uint64N(1<<16)
		end := start + r.chance.Uint64N(1<<17)
		r.step = fmt.Sprint("skip ", t.id, " from ", start, " to ", end)
		c.SkipBulk(t.id, start, end)
	case k < 22 && t != nil:
		r.end(t)
	case k < 23 && t != nil:
		r.step = fmt.Sprint("reset ", t.id)
		r.reset[t.id] = true
		c.ResetBulk(t.id, 1)
	case k < 24 && t != nil && r.arrived[t.id] > 0:
		r.step = fmt.Sprint("stop ", t.id)
		r.server.StopBulk(t.id, 1)
	case k < 30:
		r.wake()
	case k < 60:
		r.step = "the client sends"
		r.clientSends()
	case k < 78:
		r.step = "the server sends"
		r.serverSends()
	case k < 88:
		r.step = "the server reads"
		r.serverReads(r.chance.IntN(200))
	case k < 89:
		r.step = "a long time passes"
		r.passes(time.Duration(r.chance.IntN(int(time.Second))))
	default:
		r.step = "time passes"
		r.passes(time.Duration(r.chance.IntN(int(5 * time.Millisecond))))
	}
	r.events()
}

func (r *dataRun) end(t *bulkOut) {
	size := t.available + r.chance.Uint64N(5000)
	r.step = fmt.Sprint("end ", t.id, " at ", size)
	r.ended[t.id] = true
	r.client.EndBulk(t.id, size)
}

// wake says again of every transfer what its source has.
func (r *dataRun) wake() {
	r.step = "the source has more"
	for id, t := range r.client.bulkOut.byID {
		r.client.ExtendBulk(id, t.available)
	}
}

// check makes the accounts again.
func (r *dataRun) check() {
	c, b := r.client, &r.client.bulkOut
	busy, waiting := 0, uint64(0)
	pending := false
	outstanding := r.outstanding()
	for id, t := range b.byID {
		lossy, fresh := len(t.again) > 0 && !t.starved, t.next < t.available && t.reset == nil && !t.starved
		if b.lossy.has(id) != lossy || b.fresh.has(id) != fresh || b.control.has(id) != (t.endSend || t.resetOut) || !b.open.has(id) {
			r.t.Fatalf("%s: transfer %d is in the wrong sets: %+v", r.step, id, t)
		}
		pending = pending || lossy || fresh && b.credit.left() > 0
		if t.reset != nil {
			if len(t.again) > 0 || t.endSend {
				r.t.Fatalf("%s: transfer %d was reset and has something to send: %+v", r.step, id, t)
			}
			if t.resetOut {
				busy++
			}
			continue
		}
		if len(t.again) > 0 || t.next < t.available && !t.ended || !t.ended || t.next < t.size || t.endSend {
			busy++
		}
		waiting += missing(t.acked, t.next)
		if t.ended && !t.endAcked {
			waiting++
		}
		if t.acked.Size() != t.ackedLen {
			r.t.Fatalf("%s: transfer %d: %d bytes acknowledged, counted %d", r.step, id, t.acked.Size(), t.ackedLen)
		}
		// What was sent is acknowledged, on its way, or about to be sent again.
		known := append(ranges.Set(nil), t.acked...)
		for _, some := range []ranges.Set{t.again, outstanding[id]} {
			for _, piece := range some {
				known.Add(piece.Start, piece.End)
			}
		}
		if n := missing(known, t.next); n > 0 {
			r.t.Fatalf("%s: %d bytes of transfer %d are forgotten below %d: %v", r.step, n, id, t.next, known)
		}
	}
	if busy != b.busy || waiting != b.waiting {
		r.t.Fatalf("%s: %d busy and %d bytes waiting, counted %d and %d", r.step, busy, waiting, b.busy, b.waiting)
	}
	if c.BulkPending() != pending {
		r.t.Fatalf("%s: pending %v, but there is something to send: %v", r.step, c.BulkPending(), pending)
	}
	var sent uint64
	for _, n := range r.sent {
		sent += n
	}
	if sent != b.credit.used || sent != c.stats.DataBytesSent-c.stats.DataBytesRepeated || b.credit.used > b.credit.limit {
		r.t.Fatalf("%s: %d bytes sent; credit used %d of %d, counted %d, %d of them repeated", r.step,
			sent, b.credit.used, b.credit.limit, c.stats.DataBytesSent, c.stats.DataBytesRepeated)
	}
}

// outstanding returns the bytes of transfers in packets without a fate, and
// checks that these packets are what is in flight.
func (r *dataRun) outstanding() map[uint16]ranges.Set {
	of := map[uint16]ranges.Set{}
	inFlight := 0
	for space := range recovery.Application + 1 {
		r.client.recovery.ForEachOutstanding(space, func(p recovery.Packet) bool {
			if p.InFlight {
				inFlight += p.Size + r.client.overhead()
			}
			if p.Kind == recovery.Data {
				s := of[p.Transfer]
				s.Add(p.Offset, p.Offset+uint64(p.Length))
				of[p.Transfer] = s
			}
			return true
		})
	}
	if got := r.client.recovery.Inflight(); got != inFlight {
		r.t.Fatalf("%s: %d bytes in flight, counted %d", r.step, inFlight, got)
	}
	return of
}

// finish ends all transfers and the bad luck: whatever was not reset arrives in
// full, and nothing is left.
func (r *dataRun) finish() {
	for _, t := range r.client.bulkOut.byID {
		if !r.ended[t.id] && !r.reset[t.id] {
			r.end(t)
		}
	}
	r.scarce, r.loss = false, 0
	for rounds := 0; len(r.client.bulkOut.byID) > 0; rounds++ {
		if rounds == 100_000 {
			r.t.Fatalf("%d transfers do not end: %+v", len(r.client.bulkOut.byID), r.client.bulkOut)
		}
		r.wake()
		r.exchange()
	}
	r.step = "all has ended"
	r.check()
	if b := &r.client.bulkOut; b.busy != 0 || b.waiting != 0 || b.next() != nil {
		r.t.Errorf("%d transfers are busy, %d bytes wait", b.busy, b.waiting)
	}
	for id := range r.ended {
		if !r.delivered[id] && !r.reset[id] {
			r.t.Errorf("transfer %d was not delivered", id)
		}
	}
}

// TestSendDataAccounts has trains of all lengths leave, with blocks that are
// lost, repeated, not in memory, or beyond the credit.
func TestSendDataAccounts(t *testing.T) {
	const runs, steps = 60, 2000
	var all Stats
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := newDataRun(t, seed)
			for range steps {
				r.next()
				r.check()
			}
			r.finish()
			s := r.client.Stats()
			all.DataBytesSent += s.DataBytesSent
			all.DataBytesRepeated += s.DataBytesRepeated
		})
	}
	t.Logf("%d bytes sent, %d of them repeated", all.DataBytesSent, all.DataBytesRepeated)
}
