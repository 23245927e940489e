package medium

import "encoding/binary"

// The codepoints of ECN in the IP header (RFC 3168 §5).
const (
	ecnMask               = 0b11
	ecnNone               = 0b00
	congestionExperienced = 0b11
)

// isMarkable reports whether an IP packet says that its sender understands a
// congestion mark.
func isMarkable(p []byte) bool {
	ecn, ok := ecnOf(p)
	return ok && ecn != ecnNone
}

// ecnOf returns the ECN codepoint of an IP packet, or false where p is none.
func ecnOf(p []byte) (codepoint byte, ok bool) {
	switch {
	case len(p) >= 20 && p[0]>>4 == 4:
		return p[1] & ecnMask, true
	case len(p) >= 40 && p[0]>>4 == 6:
		return p[1] >> 4 & ecnMask, true // the traffic class spans two bytes
	}
	return 0, false
}

// markCongestion writes "congestion experienced" into an IP packet.
func markCongestion(p []byte) {
	ecn, ok := ecnOf(p)
	switch {
	case !ok || ecn == congestionExperienced:
	case p[0]>>4 == 6:
		p[1] |= congestionExperienced << 4
	default:
		// The header checksum changes with the field it covers: RFC 1624,
		// equation 3, HC' = ~(~HC + ~m + m').
		old := binary.BigEndian.Uint16(p)
		p[1] |= congestionExperienced
		total := uint32(^binary.BigEndian.Uint16(p[10:])) + uint32(^old) + uint32(binary.BigEndian.Uint16(p))
		for total > 0xffff {
			total = total>>16 + total&0xffff
		}
		binary.BigEndian.PutUint16(p[10:], ^uint16(total))
	}
}
