package core

import "example.com/uft/internal/ranges"

// sendBuffer holds the ordered bytes of a stream or of the handshake from the
// moment the application writes them until the peer has acknowledged them.
// What is lost is sent again from here: information is retransmitted, packets
// never are (docs/protocol.md §7.4).
type sendBuffer struct {
	data  []byte // bytes from offset base on
	base  uint64 // everything below is acknowledged and gone
	next  uint64 // everything from here on was never sent
	again ranges.Set
	acked ranges.Set
}

// end is the offset after the last byte written.
func (b *sendBuffer) end() uint64 { return b.base + uint64(len(b.data)) }

// buffered is how many bytes the buffer holds.
func (b *sendBuffer) buffered() int { return len(b.data) }

// write appends p.
func (b *sendBuffer) write(p []byte) { b.data = append(b.data, p...) }

// pending reports whether there is something to send below limit: bytes to be
// repeated, or new ones.
func (b *sendBuffer) pending(limit uint64) bool {
	return len(b.again) > 0 || b.next < min(b.end(), limit)
}

// take returns the next run to send, at most maxLen bytes and, where it is
// new, below limit. Lost bytes come first. The bytes are borrowed until the
// next call of write or ack.
func (b *sendBuffer) take(maxLen int, limit uint64) (offset uint64, p []byte) {
	if maxLen <= 0 {
		return 0, nil
	}
	if len(b.again) > 0 {
		r := b.again[0]
		n := min(r.Len(), uint64(maxLen))
		b.again.Remove(r.Start, r.Start+n)
		return r.Start, b.slice(r.Start, r.Start+n)
	}
	end := min(b.end(), limit, b.next+uint64(maxLen))
	if b.next >= end {
		return 0, nil
	}
	offset = b.next
	b.next = end
	return offset, b.slice(offset, end)
}

func (b *sendBuffer) slice(start, end uint64) []byte {
	return b.data[start-b.base : end-b.base]
}

// ack takes note that the peer has [start, end) and frees what it can.
func (b *sendBuffer) ack(start, end uint64) {
	b.again.Remove(start, end)
	if start >= end || end <= b.base {
		return // an empty frame, or one acknowledged before
	}
	b.acked.Add(max(start, b.base), end)
	if b.acked[0].Start != b.base {
		return
	}
	done := b.acked[0].End
	b.data = b.data[done-b.base:]
	b.base = done
	b.acked.Remove(0, done)
	if len(b.data) == 0 {
		b.data = nil // give the memory of a finished burst back
	}
}

// lost marks [start, end) to be sent again, but for what was acknowledged.
func (b *sendBuffer) lost(start, end uint64) {
	addMissing(&b.again, b.acked, max(start, b.base), min(end, b.next))
}

// requeue marks everything sent and not acknowledged to be sent again.
func (b *sendBuffer) requeue() { b.lost(b.base, b.next) }

// rewind forgets that anything was sent; nothing was acknowledged yet.
func (b *sendBuffer) rewind() { b.next, b.again = b.base, nil }

// unacked is how many bytes were sent and are not acknowledged.
func (b *sendBuffer) unacked() uint64 { return b.next - b.base - b.acked.Size() }

// addMissing adds to dst the parts of [start, end) that are not in have.
func addMissing(dst *ranges.Set, have ranges.Set, start, end uint64) {
	for start < end {
		from, to := have.FirstGap(start, end)
		if from >= end {
			return
		}
		dst.Add(from, to)
		start = to
	}
}
