package wire

import (
	"encoding/binary"
	"fmt"
)

// AppendVarint appends v in the shortest form of the variable-length integer
// of RFC 9000 §16: the first two bits give the length, 1, 2, 4 or 8 bytes.
// It panics if v is above MaxVarint, since there are no bytes that mean v.
func AppendVarint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<6:
		return append(b, byte(v))
	case v < 1<<14:
		return binary.BigEndian.AppendUint16(b, uint16(v)|1<<14)
	case v < 1<<30:
		return binary.BigEndian.AppendUint32(b, uint32(v)|2<<30)
	case v <= MaxVarint:
		return binary.BigEndian.AppendUint64(b, v|3<<62)
	}
	panic(fmt.Sprintf("wire: %d does not fit in a varint", v))
}

// ConsumeVarint reads a varint from the start of b and returns its value and
// its length. A longer form than needed is accepted. The length is negative
// when b ends too early.
func ConsumeVarint(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, -1
	}
	n = 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, -1
	}
	switch n {
	case 1:
		return uint64(b[0]), 1
	case 2:
		return uint64(binary.BigEndian.Uint16(b)) & (1<<14 - 1), 2
	case 4:
		return uint64(binary.BigEndian.Uint32(b)) & (1<<30 - 1), 4
	default:
		return binary.BigEndian.Uint64(b) & MaxVarint, 8
	}
}

// VarintLen returns how many bytes AppendVarint appends for v.
func VarintLen(v uint64) int {
	switch {
	case v < 1<<6:
		return 1
	case v < 1<<14:
		return 2
	case v < 1<<30:
		return 4
	default:
		return 8
	}
}

// appendBytes appends data with its length in front.
func appendBytes(b, data []byte) []byte {
	return append(AppendVarint(b, uint64(len(data))), data...)
}

// bytesLen returns how many bytes appendBytes appends for n bytes of data.
func bytesLen(n int) int { return VarintLen(uint64(n)) + n }

// reader consumes the fields of one frame or header in order. The first field
// that is not there sets problem, and every later one reads as zero, so that a
// decoder lists its fields as the specification does and checks once.
type reader struct {
	rest    []byte
	problem string // empty: none
}

// fail notes what is wrong, unless something was wrong before.
func (r *reader) fail(problem string) {
	if r.problem == "" {
		r.problem = problem
	}
	r.rest = nil
}

func (r *reader) varint() uint64 {
	v, n := ConsumeVarint(r.rest)
	if n < 0 {
		r.fail("truncated")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// fixed consumes n bytes; it returns nil when there are fewer.
func (r *reader) fixed(n int) []byte {
	if len(r.rest) < n {
		r.fail("truncated")
		return nil
	}
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	return v
}

// bytes consumes a length varint and that many bytes.
func (r *reader) bytes() []byte {
	n := r.varint()
	if n > uint64(len(r.rest)) {
		r.fail("truncated")
		return nil
	}
	return r.fixed(int(n))
}

func (r *reader) uint16() uint16 {
	if v := r.fixed(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if v := r.fixed(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if v := r.fixed(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *reader) connectionID() (id ConnectionID) {
	copy(id[:], r.fixed(connectionIDLen))
	return id
}
