package core

import "example.com/uft/internal/ranges"

// receiveBuffer puts the bytes of a stream, or of the handshake, back into
// order. Its memory is bounded by the credit that the caller checks first.
type receiveBuffer struct {
	data     []byte // bytes from offset base on; holes are where received says
	base     uint64 // everything below was read
	received ranges.Set
}

// add stores p at offset. Bytes that were read or received before are left
// alone: the first copy of a byte is the one that counts.
func (b *receiveBuffer) add(offset uint64, p []byte) {
	if offset < b.base {
		skip := min(b.base-offset, uint64(len(p)))
		offset, p = offset+skip, p[skip:]
	}
	if len(p) == 0 {
		return
	}
	end := offset + uint64(len(p))
	if need := end - b.base; need > uint64(len(b.data)) {
		b.data = append(b.data, make([]byte, need-uint64(len(b.data)))...)
	}
	var missing ranges.Set
	addMissing(&missing, b.received, offset, end)
	for _, r := range missing {
		copy(b.data[r.Start-b.base:r.End-b.base], p[r.Start-offset:])
	}
	b.received.Add(offset, end)
}

// readable is how many bytes can be read in order now.
func (b *receiveBuffer) readable() int {
	if len(b.received) == 0 || b.received[0].Start != b.base {
		return 0
	}
	return int(b.received[0].Len())
}

// read copies the next bytes in order into p.
func (b *receiveBuffer) read(p []byte) int {
	n := copy(p, b.data[:min(b.readable(), len(b.data))])
	b.discard(n)
	return n
}

// peek returns the bytes that can be read, borrowed until the next call.
func (b *receiveBuffer) peek() []byte { return b.data[:b.readable()] }

// discard forgets the next n bytes, which must be readable.
func (b *receiveBuffer) discard(n int) {
	if n == 0 {
		return
	}
	b.data = b.data[n:]
	b.base += uint64(n)
	b.received.Remove(0, b.base)
	if len(b.data) == 0 {
		b.data = nil
	}
}
