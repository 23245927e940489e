package recovery

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
)

// state is what is known of one packet number.
type state uint8

const (
	skipped     state = iota // never sent, on purpose: acknowledging it is a lie
	outstanding              // sent, fate unknown
	lost                     // declared lost, remembered in case it was only late
	acked                    // acknowledged, or no longer of interest
)

const (
	flagEliciting uint8 = 1 << iota
	flagInFlight
	flagCopy
	flagData
)

// A record is one packet in the history: 16 bytes. What all packets of a
// train share is in the train.
type record struct {
	// ref is, for a Data packet, how far its file offset is beyond the base of
	// its train; for a Control packet the log index. Once acknowledged it is
	// how many numbers further to look: all in between are acknowledged too.
	ref    uint32
	train  uint32 // index into history.trains, before wrapping to its length
	lostAt uint32 // when the packet was declared lost, by coarse
	size   uint16
	state  state
	flags  uint8
}

func (r *record) eliciting() bool { return r.flags&flagEliciting != 0 }
func (r *record) inFlight() bool  { return r.flags&flagInFlight != 0 }

// A train is a run of packets sent at the same moment, with the state of the
// delivery-rate estimator at that moment (rate.go). Its Data packets are of one
// transfer and differ from their length in file bytes by the same overhead.
type train struct {
	base     uint64 // the file offset from which those of its packets count
	transfer uint16
	overhead uint16
	hasData  bool

	sentAt      instant.Time
	firstSent   instant.Time
	deliveredAt instant.Time
	delivered   int64
	appLimited  bool
}

// A history keeps the packets of one space in two rings that double when they
// are full. The numbers [first, next) are kept; none below oldest is
// outstanding.
type history struct {
	records             []record
	first, oldest, next uint64

	trains                []train
	firstTrain, nextTrain uint32
}

const (
	minRecords = 64
	minTrains  = 16
)

// at returns the record of number, which must be in [first, next).
func (h *history) at(number uint64) *record {
	return &h.records[number&uint64(len(h.records)-1)]
}

// trainOf returns the train that r was sent in.
func (h *history) trainOf(r *record) *train {
	return &h.trains[r.train&uint32(len(h.trains)-1)]
}

// push adds the packet p to the newest train, and notes the numbers between the
// last packet and p as skipped.
func (h *history) push(p *Packet) {
	if p.Number < h.next {
		panic("recovery: packet numbers must ascend within a space")
	}
	if h.next == 0 {
		h.first, h.oldest, h.next = p.Number, p.Number, p.Number
	}
	id := h.nextTrain - 1
	for h.next < p.Number {
		h.append(record{train: id, state: skipped})
	}
	r := record{
		train: id,
		size:  uint16(p.Size),
		state: outstanding,
		ref:   p.Log,
	}
	if p.Kind == Data {
		r.ref = uint32(p.Offset - h.trainOf(&r).base)
		r.flags |= flagData
	}
	if p.AckEliciting {
		r.flags |= flagEliciting
	}
	if p.InFlight {
		r.flags |= flagInFlight
	}
	if p.Copy {
		r.flags |= flagCopy
	}
	h.append(r)
}

// append adds r under the next number.
func (h *history) append(r record) {
	if used := h.next - h.first; used == uint64(len(h.records)) {
		grown := make([]record, max(minRecords, 2*len(h.records)))
		for n := h.first; n < h.next; n++ {
			grown[n&uint64(len(grown)-1)] = *h.at(n)
		}
		h.records = grown
	}
	h.next++
	*h.at(h.next - 1) = r
}

// takes reports whether p, sent at the time of the train, can be one of it, and
// makes it the one that the others go by if it is the first Data packet.
func (t *train) takes(p *Packet) bool {
	overhead := uint16(p.Size) - p.Length
	switch {
	case p.Kind != Data:
		return true
	case !t.hasData:
		t.base, t.transfer, t.overhead, t.hasData = p.Offset, p.Transfer, overhead, true
		return true
	}
	return p.Transfer == t.transfer && overhead == t.overhead && p.Offset-t.base <= math.MaxUint32
}

// joins reports whether p can be one of the newest train.
func (h *history) joins(p *Packet) bool {
	if h.nextTrain == h.firstTrain {
		return false
	}
	last := &h.trains[(h.nextTrain-1)&uint32(len(h.trains)-1)]
	return last.sentAt == p.SentAt && last.takes(p)
}

// begin makes t the newest train, p being the first of its packets.
func (h *history) begin(t train, p *Packet) {
	t.takes(p)
	if int(h.nextTrain-h.firstTrain) == len(h.trains) {
		grown := make([]train, max(minTrains, 2*len(h.trains)))
		for id := h.firstTrain; id != h.nextTrain; id++ {
			grown[id&uint32(len(grown)-1)] = h.trains[id&uint32(len(h.trains)-1)]
		}
		h.trains = grown
	}
	h.trains[h.nextTrain&uint32(len(h.trains)-1)] = t
	h.nextTrain++
}

// run returns the outstanding packets from number on, below end, that make a Run.
func (h *history) run(number, end uint64) Run {
	first := h.at(number)
	run := Run{Packet: h.packet(number, first), Count: 1}
	if run.Kind != Data {
		return run
	}
	next := *first
	for number++; number < end; number++ {
		if next.ref += uint32(run.Length); *h.at(number) != next {
			break
		}
		run.Count++
	}
	return run
}

// packet returns the packet that record r describes; r must not be acked.
func (h *history) packet(number uint64, r *record) Packet {
	t := h.trainOf(r)
	p := Packet{
		Number:       number,
		SentAt:       t.sentAt,
		Size:         int(r.size),
		AckEliciting: r.eliciting(),
		InFlight:     r.inFlight(),
		Copy:         r.flags&flagCopy != 0,
	}
	if r.flags&flagData != 0 {
		p.Kind = Data
		p.Transfer, p.Offset, p.Length = t.transfer, t.base+uint64(r.ref), r.size-t.overhead
	} else {
		p.Log = r.ref
	}
	return p
}

// acknowledge marks the packet with that number: all up to next are acknowledged
// too.
func (h *history) acknowledge(number, next uint64) {
	r := h.at(number)
	r.state, r.ref = acked, uint32(next-number)
}

// after returns the number at which to look next behind an acknowledged packet.
func (h *history) after(number uint64) uint64 { return number + uint64(h.at(number).ref) }

// nextOutstanding returns the lowest outstanding number at or above number,
// or h.next if there is none. Number must not be below h.first.
func (h *history) nextOutstanding(number uint64) uint64 {
	for number < h.next {
		switch r := h.at(number); r.state {
		case outstanding:
			return number
		case acked:
			number = h.after(number)
		default:
			number++
		}
	}
	return h.next
}

// seek moves oldest to the lowest outstanding packet and reports whether there
// is one. Every packet is passed once, so the cost is constant per packet.
func (h *history) seek() bool {
	h.oldest = h.nextOutstanding(h.oldest)
	return h.oldest < h.next
}

// release forgets the packets at the low end that can no longer matter: all
// below oldest, except that lost ones are kept for the time memory in case
// they were only late.
func (h *history) release(now instant.Time, memory time.Duration) {
	h.seek()
	for h.first < h.oldest {
		r := h.at(h.first)
		if r.state == lost && coarse(now)-r.lostAt <= uint32(memory>>coarseShift) {
			break
		}
		if r.state == acked {
			h.first = min(h.after(h.first), h.oldest)
		} else {
			h.first++
		}
	}
	if h.first < h.next {
		h.firstTrain = h.at(h.first).train
	} else {
		h.firstTrain = h.nextTrain
	}
}

// coarseShift makes 2^20 ns, about a millisecond, one unit of coarse time.
const coarseShift = 20

// coarse returns t in 32 bits, which wrap after 52 days.
func coarse(t instant.Time) uint32 { return uint32(t >> coarseShift) }
