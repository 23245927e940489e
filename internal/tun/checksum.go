package tun

import (
	"encoding/binary"
	"math/bits"
)

// sum adds p to a ones' complement sum (RFC 1071), which may be done eight
// bytes at a time and folded at the end.
func sum(begin uint16, p []byte) uint16 {
	total, carry := uint64(begin), uint64(0)
	for ; len(p) >= 32; p = p[32:] {
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(p), carry)
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(p[8:]), carry)
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(p[16:]), carry)
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(p[24:]), carry)
	}
	folded := total>>48 + total>>32&0xffff + total>>16&0xffff + total&0xffff + carry
	for ; len(p) >= 2; p = p[2:] {
		folded += uint64(binary.BigEndian.Uint16(p))
	}
	if len(p) == 1 {
		folded += uint64(p[0]) << 8
	}
	for folded > 0xffff {
		folded = folded>>16 + folded&0xffff
	}
	return uint16(folded)
}

// pseudoSum is the sum of the pseudo-header that TCP and UDP count in (RFC
// 9293 §3.1, RFC 8200 §8.1): addresses, protocol, and the length of what
// follows the IP header.
func pseudoSum(addresses []byte, protocol byte, length int) uint16 {
	var rest [4]byte
	rest[1] = protocol
	binary.BigEndian.PutUint16(rest[2:], uint16(length))
	return sum(sum(0, addresses), rest[:])
}
