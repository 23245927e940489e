package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"sort"
	"time"

	"example.com/uft/internal/ranges"
)

// maxBitmap bounds the bitmap of an ACK, in bytes (docs/protocol.md §4.1).
const maxBitmap = 1100

// Ack says which packets of a space have come (docs/protocol.md §4.1).
type Ack struct {
	PathID  uint64
	Largest uint64 // the largest packet number that came

	// Delay is how long the receiver held the acknowledgement of Largest
	// back. It travels in microseconds; as parsed, a delay beyond 292 000
	// years is clamped to that.
	Delay time.Duration

	// ReceiveTime is when Largest came, in microseconds on the receiver's
	// clock since it created the connection.
	ReceiveTime uint64

	CE          uint64 // packets that came with the CE mark, in all
	SocketDrops uint64 // datagrams that the receiver's socket dropped, in all
	Backlog     uint64 // bytes received that wait to be written

	// Ranges holds the packet numbers that came. The last range ends at
	// Largest+1.
	Ranges ranges.Set
}

// AppendAck appends the acknowledgement in whichever form is shorter. Where it
// would take more than limit bytes, the oldest ranges are left out, and the
// form is the one that holds more ranges. Nothing is appended when not even
// the newest range fits, or there is none.
func AppendAck(b []byte, a Ack, limit int) []byte {
	head := a.headLen()
	form := chooseAckForm(a.Ranges, limit-head)
	if form.count == 0 {
		return b
	}
	t := FrameAck
	if form.bitmap {
		t = FrameAckBitmap
	}
	b = t.Append(b)
	b = AppendVarint(b, a.PathID)
	b = AppendVarint(b, a.Largest)
	b = AppendVarint(b, a.delayMicroseconds())
	b = AppendVarint(b, a.ReceiveTime)
	b = AppendVarint(b, a.CE)
	b = AppendVarint(b, a.SocketDrops)
	b = AppendVarint(b, a.Backlog)
	kept := a.Ranges[len(a.Ranges)-form.count:]
	if form.bitmap {
		return appendAckBitmap(b, kept)
	}
	return appendAckRanges(b, kept)
}

// Append appends the whole frame.
func (a Ack) Append(b []byte) []byte { return AppendAck(b, a, math.MaxInt) }

// Len returns how many bytes Append appends.
func (a Ack) Len() int {
	head := a.headLen()
	form := chooseAckForm(a.Ranges, math.MaxInt-head)
	if form.count == 0 {
		return 0
	}
	return head + form.size
}

// headLen is the length of what both forms begin with.
func (a Ack) headLen() int {
	return 1 + VarintLen(a.PathID) + VarintLen(a.Largest) + VarintLen(a.delayMicroseconds()) +
		VarintLen(a.ReceiveTime) + VarintLen(a.CE) + VarintLen(a.SocketDrops) + VarintLen(a.Backlog)
}

func (a Ack) delayMicroseconds() uint64 { return uint64(max(a.Delay, 0).Microseconds()) }

// ackForm is one way to encode the newest count ranges of a set, in size bytes.
type ackForm struct {
	bitmap bool
	count  int
	size   int
}

// chooseAckForm finds the form that holds the most ranges in room bytes, and of
// two that hold the same, the shorter one.
func chooseAckForm(s ranges.Set, room int) ackForm {
	if len(s) == 0 {
		return ackForm{}
	}
	bitmap := fitBitmap(s, room)
	if bitmap.count == len(s) && bitmap.size < 2*len(s) {
		return bitmap // a list has a byte at least for its length and for each number
	}
	list := fitRanges(s, room)
	if bitmap.count > list.count || bitmap.count == list.count && bitmap.size < list.size {
		return bitmap
	}
	return list
}

// fitRanges counts the newest ranges that a list in room bytes holds.
func fitRanges(s ranges.Set, room int) (form ackForm) {
	fields := 0
	for i := len(s) - 1; i >= 0; i-- {
		if i < len(s)-1 {
			fields += VarintLen(s[i+1].Start - s[i].End - 1)
		}
		fields += VarintLen(s[i].Len() - 1)
		size := VarintLen(uint64(form.count+1)) + fields
		if size > room {
			break
		}
		form.count++
		form.size = size
	}
	return form
}

// fitBitmap counts the newest ranges that a bitmap in room bytes holds.
func fitBitmap(s ranges.Set, room int) ackForm {
	form := ackForm{bitmap: true}
	oldest := 0
	if !bitmapFits(s, room) {
		oldest = sort.Search(len(s), func(i int) bool { return bitmapFits(s[i:], room) })
	}
	if form.count = len(s) - oldest; form.count > 0 {
		form.size = bytesLen(int(bitmapLen(s[oldest:])))
	}
	return form
}

// bitmapFits reports whether a bitmap of all of s has room.
func bitmapFits(s ranges.Set, room int) bool {
	n := bitmapLen(s)
	return n <= maxBitmap && bytesLen(int(n)) <= room
}

// bitmapLen is the length in bytes of a bitmap from the packet below the
// largest in s down to the smallest.
func bitmapLen(s ranges.Set) uint64 {
	largest := s[len(s)-1].End - 1
	return (largest - s[0].Start + 7) / 8
}

// appendAckRanges appends the ranges newest first, as RFC 9000 §19.3.1 does:
// each length is one less than the packets it stands for, each gap one less
// than the packets that are missing.
func appendAckRanges(b []byte, s ranges.Set) []byte {
	b = AppendVarint(b, uint64(len(s)))
	for i := len(s) - 1; i >= 0; i-- {
		if i < len(s)-1 {
			b = AppendVarint(b, s[i+1].Start-s[i].End-1)
		}
		b = AppendVarint(b, s[i].Len()-1)
	}
	return b
}

// appendAckBitmap appends the bitmap, whose bit n stands for the packet
// largest-1-n; the largest itself has no bit.
func appendAckBitmap(b []byte, s ranges.Set) []byte {
	largest := s[len(s)-1].End - 1
	n := bitmapLen(s)
	b = AppendVarint(b, n)
	start := len(b)
	b = append(b, make([]byte, n)...)
	bitmap := b[start:]
	for _, r := range s {
		if end := min(r.End, largest); r.Start < end {
			setBits(bitmap, largest-end, largest-r.Start)
		}
	}
	return b
}

// setBits sets the bits [start, end), whole bytes at once.
func setBits(bitmap []byte, start, end uint64) {
	first, last := start/8, (end-1)/8
	head, tail := byte(0xff)<<(start%8), byte(0xff)>>(7-(end-1)%8)
	if first == last {
		bitmap[first] |= head & tail
		return
	}
	bitmap[first] |= head
	for i := first + 1; i < last; i++ {
		bitmap[i] = 0xff
	}
	bitmap[last] |= tail
}

// consume reads the frame, reusing the capacity of a.Ranges.
func (a *Ack) consume(r *reader, bitmap bool) {
	a.PathID = r.varint()
	a.Largest = r.varint()
	a.Delay = clampedDuration(r.varint(), time.Microsecond)
	a.ReceiveTime = r.varint()
	a.CE = r.varint()
	a.SocketDrops = r.varint()
	a.Backlog = r.varint()
	a.Ranges = a.Ranges[:0]
	if bitmap {
		a.consumeBitmap(r)
	} else {
		a.consumeRanges(r)
	}
}

// belowZero is what is wrong with an ACK that acknowledges packet -1.
const belowZero = "acknowledges packets below zero"

func (a *Ack) consumeRanges(r *reader) {
	count := r.varint()
	if count == 0 {
		r.fail("no ranges")
	}
	end := a.Largest + 1
	for ; count > 0 && r.problem == ""; count-- {
		length := r.varint()
		if length >= end {
			r.fail(belowZero)
			return
		}
		start := end - length - 1
		a.Ranges = append(a.Ranges, ranges.Range{Start: start, End: end})
		if count == 1 {
			break
		}
		gap := r.varint()
		// The next range ends below the gap's packets, and has at least one.
		if gap+2 > start {
			r.fail(belowZero)
			return
		}
		end = start - gap - 1
	}
	slices.Reverse(a.Ranges)
}

func (a *Ack) consumeBitmap(r *reader) {
	bitmap := r.bytes()
	if len(bitmap) > maxBitmap {
		r.fail("bitmap too long")
	}
	if r.problem != "" {
		return
	}
	// From the oldest packet, the last bit, to the newest, 64 bits at a time: a
	// range begins or ends wherever a bit differs from the one before it.
	begun, start, before := false, uint64(0), uint64(0)
	for i := (len(bitmap) - 1) / 8 * 8; i >= 0; i -= 8 {
		word := littleEndianWord(bitmap[i:])
		if word != 0 && uint64(8*i+bits.Len64(word)) > a.Largest {
			r.fail(belowZero)
			return
		}
		changes := word ^ (word>>1 | before<<63)
		before = word & 1
		for changes != 0 {
			bit := bits.Len64(changes) - 1
			changes &^= 1 << bit
			number := a.Largest - 1 - uint64(8*i+bit)
			if begun {
				a.Ranges = append(a.Ranges, ranges.Range{Start: start, End: number})
			}
			begun, start = !begun, number
		}
	}
	if !begun {
		start = a.Largest
	}
	a.Ranges = append(a.Ranges, ranges.Range{Start: start, End: a.Largest + 1})
}

// littleEndianWord returns the first eight bytes of p, or what there is of them.
func littleEndianWord(p []byte) uint64 {
	if len(p) >= 8 {
		return binary.LittleEndian.Uint64(p)
	}
	var word [8]byte
	copy(word[:], p)
	return binary.LittleEndian.Uint64(word[:])
}

// clampedDuration returns n units, or as many as a Duration holds.
func clampedDuration(n uint64, unit time.Duration) time.Duration {
	return time.Duration(min(n, uint64(math.MaxInt64/unit))) * unit
}
