package tun

import "encoding/binary"

// Numbers of the protocols that are taken apart, and where their fields are.
const (
	protocolTCP = 6
	protocolUDP = 17

	ipv4Length, ipv6Length = 20, 40
	tcpLength, udpLength   = 20, 8

	tcpChecksum, udpChecksum = 16, 6

	flagFIN, flagPSH, flagACK, flagCWR = 0x01, 0x08, 0x10, 0x80
)

// A layout says where the parts of an IP packet are that carries TCP or UDP.
type layout struct {
	six       bool
	protocol  byte
	transport int // where the header of TCP or UDP begins
	payload   int // where what they carry begins
}

// layoutOf returns the layout of a packet, or false where it is another one,
// has extensions after its IPv6 header, or is a fragment. Its length is not
// compared with that in its header.
func layoutOf(p []byte) (l layout, ok bool) {
	switch {
	case len(p) >= ipv4Length && p[0]>>4 == 4 && p[0]&0xf >= 5 && binary.BigEndian.Uint16(p[6:])&0x3fff == 0:
		l = layout{protocol: p[9], transport: int(p[0]&0xf) * 4}
	case len(p) >= ipv6Length && p[0]>>4 == 6:
		l = layout{six: true, protocol: p[6], transport: ipv6Length}
	default:
		return layout{}, false
	}
	switch {
	case l.protocol == protocolTCP && len(p) >= l.transport+tcpLength:
		l.payload = l.transport + int(p[l.transport+12]>>4)*4
		return l, l.payload >= l.transport+tcpLength && l.payload <= len(p)
	case l.protocol == protocolUDP && len(p) >= l.transport+udpLength:
		l.payload = l.transport + udpLength
		return l, true
	}
	return layout{}, false
}

// addresses returns both addresses of a packet.
func (l layout) addresses(p []byte) []byte {
	if l.six {
		return p[8:ipv6Length]
	}
	return p[12:ipv4Length]
}

// checksum returns where the checksum of TCP or UDP is.
func (l layout) checksum() int {
	if l.protocol == protocolTCP {
		return l.transport + tcpChecksum
	}
	return l.transport + udpChecksum
}

// setLength writes the length of a packet into its headers, and the checksum
// that IPv4 has for its own.
func (l layout) setLength(p []byte, length int) {
	if l.six {
		binary.BigEndian.PutUint16(p[4:], uint16(length-ipv6Length))
	} else {
		binary.BigEndian.PutUint16(p[2:], uint16(length))
		p[10], p[11] = 0, 0
		binary.BigEndian.PutUint16(p[10:], ^sum(0, p[:l.transport]))
	}
	if l.protocol == protocolUDP {
		binary.BigEndian.PutUint16(p[l.transport+4:], uint16(length-l.transport))
	}
}

// hasLength reports whether the headers of a packet say how long it is.
func (l layout) hasLength(p []byte) bool {
	if l.protocol == protocolUDP && int(binary.BigEndian.Uint16(p[l.transport+4:])) != len(p)-l.transport {
		return false
	}
	if l.six {
		return int(binary.BigEndian.Uint16(p[4:])) == len(p)-ipv6Length
	}
	return int(binary.BigEndian.Uint16(p[2:])) == len(p)
}

// setChecksum writes the checksum of TCP or UDP.
func (l layout) setChecksum(p []byte) {
	field := l.checksum()
	p[field], p[field+1] = 0, 0
	value := ^sum(pseudoSum(l.addresses(p), l.protocol, len(p)-l.transport), p[l.transport:])
	if value == 0 && l.protocol == protocolUDP {
		value = 0xffff // 0 means that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(p[field:], value)
}

// isIntact reports whether the checksums of a packet are right.
func (l layout) isIntact(p []byte) bool {
	if !l.six && sum(0, p[:l.transport]) != 0xffff {
		return false
	}
	return sum(pseudoSum(l.addresses(p), l.protocol, len(p)-l.transport), p[l.transport:]) == 0xffff
}
