package pcap

import (
	"encoding/binary"
	"net/netip"
)

// Lengths of headers, and the protocol number of UDP.
const (
	ipv4Header  = 20
	ipv6Header  = 40
	udpHeader   = 8
	udpProtocol = 17
	hopLimit    = 64
)

// AppendUDP appends the IP packet that carries a UDP payload between two
// addresses, for payloads that were seen without their headers. Where one of
// the addresses is of IPv6 the packet is.
func AppendUDP(b []byte, source, target netip.AddrPort, payload []byte) []byte {
	length := udpHeader + len(payload)
	from, to := source.Addr(), target.Addr()
	start := len(b)
	if from.Is4() && to.Is4() {
		b = append(b, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(min(ipv4Header+length, 0xffff)))
		b = append(b, 0, 0, 0, 0, hopLimit, udpProtocol, 0, 0)
		b = append(b, from.AsSlice()...)
		b = append(b, to.AsSlice()...)
		binary.BigEndian.PutUint16(b[start+10:], ^sum(0, b[start:]))
	} else {
		sixFrom, sixTo := from.As16(), to.As16()
		b = append(b, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(length))
		b = append(b, udpProtocol, hopLimit)
		b = append(b, sixFrom[:]...)
		b = append(b, sixTo[:]...)
	}
	// The pseudo-header is the addresses, which both headers end with, the
	// protocol and the length (RFC 768, RFC 8200 §8.1).
	addresses := 8
	if len(b)-start == ipv6Header {
		addresses = 32
	}
	var rest [4]byte
	binary.BigEndian.PutUint16(rest[:], udpProtocol)
	binary.BigEndian.PutUint16(rest[2:], uint16(length))
	checksum := sum(sum(0, b[len(b)-addresses:]), rest[:])
	udp := len(b)
	b = binary.BigEndian.AppendUint16(b, source.Port())
	b = binary.BigEndian.AppendUint16(b, target.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, 0, 0)
	b = append(b, payload...)
	checksum = ^sum(checksum, b[udp:])
	if checksum == 0 {
		checksum = 0xffff // 0 means that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(b[udp+6:], checksum)
	return b
}

// sum adds p to a ones' complement sum (RFC 1071).
func sum(begin uint16, p []byte) uint16 {
	total := uint32(begin)
	for ; len(p) >= 2; p = p[2:] {
		total += uint32(binary.BigEndian.Uint16(p))
	}
	if len(p) == 1 {
		total += uint32(p[0]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}
