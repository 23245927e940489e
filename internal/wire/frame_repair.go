package wire

import (
	"encoding/binary"

	"example.com/uft/internal/ranges"
)

// ParityHeader is what a PARITY frame takes before the share: as much as a
// DATA frame, so that both make datagrams of one size.
const ParityHeader = 1 + 2 + 8

// MaxParityBlock is one more than the highest block that a PARITY frame can
// name: 40 bits.
const MaxParityBlock = 1 << 40

// MaxHaveRanges is how many ranges a BULK_HAVE frame may hold.
const MaxHaveRanges = 32

// Parity is one share of a group of blocks (docs/protocol.md §9.4). A block is
// as long as the share: block n of a transfer begins at n times that. The group
// is the Count blocks First, First + Stride, First + 2·Stride … Like DATA, the
// frame reaches to the end of its packet.
type Parity struct {
	Transfer uint16
	First    uint64
	Stride   uint8 // at least 1
	Count    uint8 // at least 1
	Index    uint8 // of the share; Count + Index is at most 255
	Share    []byte
}

// Append appends the frame. With no Share it appends the ParityHeader bytes
// that precede it.
func (f Parity) Append(b []byte) []byte {
	b = appendTransfer(b, FrameParity, f.Transfer)
	b = binary.BigEndian.AppendUint64(b, f.First<<24|uint64(f.Stride)<<16|uint64(f.Count)<<8|uint64(f.Index))
	return append(b, f.Share...)
}

// Len returns how many bytes Append appends.
func (f Parity) Len() int { return ParityHeader + len(f.Share) }

// last is the number of the last block of the group.
func (f *Parity) last() uint64 { return f.First + uint64(f.Count-1)*uint64(f.Stride) }

func (f *Parity) consume(r *reader) {
	f.Transfer = r.uint16()
	group := r.uint64()
	f.First, f.Stride, f.Count, f.Index = group>>24, uint8(group>>16), uint8(group>>8), uint8(group)
	f.Share = r.fixed(len(r.rest))
	switch {
	case len(f.Share) == 0:
		r.fail("no share")
	case f.Stride == 0 || f.Count == 0 || int(f.Count)+int(f.Index) > 255:
		r.fail("not a group")
	case f.last() > MaxVarint/uint64(len(f.Share))-1:
		r.fail(beyondLimit)
	}
}

// BulkHave says which bytes of a transfer its receiver has, however they came.
// Nothing is said of bytes below the first range. No range at all means every
// byte, and the end.
type BulkHave struct {
	Transfer uint16
	Ranges   ranges.Set // at most MaxHaveRanges
}

// Append appends the frame.
func (f BulkHave) Append(b []byte) []byte {
	b = appendTransfer(b, FrameBulkHave, f.Transfer)
	b = AppendVarint(b, uint64(len(f.Ranges)))
	var at uint64
	for _, r := range f.Ranges {
		b = AppendVarint(b, r.Start-at)
		b = AppendVarint(b, r.Len())
		at = r.End
	}
	return b
}

// Len returns how many bytes Append appends.
func (f BulkHave) Len() int {
	n := transferHeader + VarintLen(uint64(len(f.Ranges)))
	var at uint64
	for _, r := range f.Ranges {
		n += VarintLen(r.Start-at) + VarintLen(r.Len())
		at = r.End
	}
	return n
}

func (f *BulkHave) consume(r *reader) {
	f.Transfer = r.uint16()
	count := r.varint()
	f.Ranges = f.Ranges[:0]
	if count > MaxHaveRanges {
		r.fail("too many ranges")
		return
	}
	var at uint64
	for i := range count {
		gap, length := r.varint(), r.varint()
		switch {
		case r.problem != "":
			return
		case length == 0 || gap == 0 && i > 0:
			r.fail("empty range or gap")
			return
		case gap > MaxVarint-at || length > MaxVarint-at-gap:
			r.fail(beyondLimit)
			return
		}
		f.Ranges = append(f.Ranges, ranges.Range{Start: at + gap, End: at + gap + length})
		at += gap + length
	}
}
