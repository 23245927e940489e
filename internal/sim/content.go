package sim

import (
	"encoding/binary"

	"example.com/uft/internal/core"
)

// A content is an endless sequence of bytes that both sides can compute, so
// that every byte is checked without any file being kept.
type content uint64

// fileContent is what a side sends in one of its transfers.
func fileContent(sender core.Role, transfer uint16) content {
	return content(mix(uint64(transfer)<<2 | uint64(sender) + 1))
}

// streamContent is what a side sends on a stream.
func streamContent(sender core.Role, id uint64) content {
	return content(mix(id<<3 | 4 | uint64(sender)))
}

// fill writes the bytes from offset on into dst.
func (c content) fill(dst []byte, offset uint64) {
	for len(dst) > 0 {
		if offset%8 == 0 && len(dst) >= 8 { // nearly always, and that is most of the work of a run
			binary.LittleEndian.PutUint64(dst, mix(uint64(c)+offset/8))
			dst, offset = dst[8:], offset+8
			continue
		}
		word := c.word(offset)
		n := copy(dst, word[offset%8:])
		dst, offset = dst[n:], offset+uint64(n)
	}
}

// matches reports whether p is what stands at offset.
func (c content) matches(p []byte, offset uint64) bool {
	for len(p) > 0 {
		if offset%8 == 0 && len(p) >= 8 {
			if binary.LittleEndian.Uint64(p) != mix(uint64(c)+offset/8) {
				return false
			}
			p, offset = p[8:], offset+8
			continue
		}
		word := c.word(offset)
		n := min(len(p), 8-int(offset%8))
		if string(p[:n]) != string(word[offset%8:][:n]) {
			return false
		}
		p, offset = p[n:], offset+uint64(n)
	}
	return true
}

// word returns the eight bytes among which the one at offset is.
func (c content) word(offset uint64) (word [8]byte) {
	binary.LittleEndian.PutUint64(word[:], mix(uint64(c)+offset/8))
	return word
}

// mix spreads every bit of x over the whole result (the output function of
// SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// FileBytes returns n bytes of what a side sends in a transfer, from offset on,
// for scripts that write packets by hand.
func FileBytes(sender core.Role, transfer uint16, offset uint64, n int) []byte {
	b := make([]byte, n)
	fileContent(sender, transfer).fill(b, offset)
	return b
}
