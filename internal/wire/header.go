package wire

import "encoding/binary"

// PacketType tells the kinds of packets apart. The first four have the values
// of the T bits of a long header (docs/protocol.md §3.3).
type PacketType uint8

// The packet types.
const (
	PacketInitial PacketType = iota
	PacketZeroRTT
	PacketHandshake
	PacketRetry
	PacketVersionNegotiation
	PacketShort // an Application packet
)

var packetTypeNames = [...]string{"Initial", "0-RTT", "Handshake", "Retry", "Version Negotiation", "Application"}

// String returns the name of the packet type in docs/protocol.md.
func (t PacketType) String() string {
	if int(t) < len(packetTypeNames) {
		return packetTypeNames[t]
	}
	return "unknown packet type"
}

// Bits of the first byte of a packet.
const (
	longBit     = 0x80
	fixedBit    = 0x40 // set in every packet but version negotiation
	typeShift   = 4
	typeBits    = 0x03
	keyPhaseBit = 0x01
)

// longPrefix is the part of a long header that all versions share: flags,
// version, and the two connection IDs.
const longPrefix = 1 + 4 + 2*connectionIDLen

// LongHeader is the header of an Initial, 0-RTT or Handshake packet
// (docs/protocol.md §3.3).
type LongHeader struct {
	Type        PacketType
	Version     uint32
	Destination ConnectionID
	Source      ConnectionID
	Token       []byte // Initial only; as parsed it aliases the datagram

	// PacketNumber is the number to send; as parsed, only its low 32 bits.
	PacketNumber uint64

	// HeaderLen counts the bytes up to and including the packet number: the
	// associated data of the AEAD. Set by ConsumeLongHeader.
	HeaderLen int

	// PacketLen counts the bytes of the whole packet, tag included. Set by
	// ConsumeLongHeader.
	PacketLen int
}

// IsLong reports whether the packet at the start of b has a long header.
func IsLong(b []byte) bool { return len(b) > 0 && b[0]&longBit != 0 }

// DestinationID returns the destination connection ID of the first packet in
// the datagram, whatever its type and version. It reports false when the
// datagram is too short to hold a packet, or its fixed bit says that it holds
// something else (version negotiation alone has no fixed bit, §3.5).
func DestinationID(datagram []byte) (id ConnectionID, ok bool) {
	if IsLong(datagram) {
		h, _, ok := consumeLongPrefix(datagram)
		return h.Destination, ok
	}
	if len(datagram) < ShortHeaderLen+TagLen || datagram[0]&fixedBit == 0 {
		return id, false
	}
	return ConnectionID(datagram[1 : 1+connectionIDLen]), true
}

// consumeLongPrefix reads what the long headers of all versions begin with.
func consumeLongPrefix(b []byte) (h LongHeader, rest []byte, ok bool) {
	if !IsLong(b) || len(b) < longPrefix {
		return h, nil, false
	}
	r := reader{rest: b[1:]}
	h.Version = r.uint32()
	h.Destination = r.connectionID()
	h.Source = r.connectionID()
	if h.Version == 0 {
		h.Type = PacketVersionNegotiation
		return h, r.rest, true
	}
	h.Type = PacketType(b[0] >> typeShift & typeBits)
	return h, r.rest, b[0]&fixedBit != 0
}

// ConsumeLongHeader reads the header of the packet at the start of b. The
// packet is b[:PacketLen]; another one may follow.
//
// Retry and version negotiation packets have neither a length nor a number:
// they are returned with their Type, Version and connection IDs and a
// PacketLen of all of b, for ConsumeRetry and ConsumeVersionNegotiation to
// read. The error is ErrVersion when the version is unknown; Version,
// Destination and Source are filled in then and nothing else means anything.
// It is ErrHeader when the header is truncated or the packet does not end
// within b.
func ConsumeLongHeader(b []byte) (LongHeader, error) {
	h, rest, ok := consumeLongPrefix(b)
	switch {
	case !ok:
		return LongHeader{}, ErrHeader
	case h.Type == PacketVersionNegotiation:
		h.PacketLen = len(b)
		return h, nil
	case h.Version != Version1:
		return h, ErrVersion
	case h.Type == PacketRetry:
		h.PacketLen = len(b)
		return h, nil
	}
	r := reader{rest: rest}
	if h.Type == PacketInitial {
		h.Token = r.bytes()
	}
	length := int(r.uint16())
	// length covers the packet number, the sealed frames and the tag.
	if r.problem != "" || length < packetNumberLen+TagLen || length > len(r.rest) {
		return LongHeader{}, ErrHeader
	}
	numberAt := len(b) - len(r.rest)
	h.PacketNumber = uint64(r.uint32())
	h.HeaderLen = numberAt + packetNumberLen
	h.PacketLen = numberAt + length
	return h, nil
}

// AppendLongHeader appends the header of an Initial, 0-RTT or Handshake packet
// up to and including the packet number. The length in it is zero: it is known
// when the packet is complete, and SetLength(out, lengthAt, ...) fills it in.
func AppendLongHeader(b []byte, h LongHeader) (out []byte, lengthAt int) {
	b = appendLongPrefix(b, h.Type, h.Version, h.Destination, h.Source)
	if h.Type == PacketInitial {
		b = appendBytes(b, h.Token)
	}
	lengthAt = len(b)
	b = append(b, 0, 0)
	return binary.BigEndian.AppendUint32(b, uint32(h.PacketNumber)), lengthAt
}

func appendLongPrefix(b []byte, t PacketType, version uint32, destination, source ConnectionID) []byte {
	b = append(b, longBit|fixedBit|byte(t&typeBits)<<typeShift)
	b = binary.BigEndian.AppendUint32(b, version)
	b = append(b, destination[:]...)
	return append(b, source[:]...)
}

// SetLength writes a long header's length, which counts the packet number (4
// bytes), the sealed frames and the tag, at the index that AppendLongHeader
// returned.
func SetLength(packet []byte, lengthAt, length int) {
	binary.BigEndian.PutUint16(packet[lengthAt:], uint16(length))
}

// ShortHeader is the header of an Application packet (docs/protocol.md §3.2).
type ShortHeader struct {
	KeyPhase    bool
	Destination ConnectionID

	// PacketNumber is the number to send; as parsed, only its low 32 bits.
	PacketNumber uint64
}

// ConsumeShortHeader reads the header of an Application packet, which reaches
// to the end of b. The error is ErrHeader when b is too short to hold a header
// and a tag, or is no short-header packet. The reserved bits are ignored.
func ConsumeShortHeader(b []byte) (ShortHeader, error) {
	if len(b) < ShortHeaderLen+TagLen || b[0]&(longBit|fixedBit) != fixedBit {
		return ShortHeader{}, ErrHeader
	}
	return ShortHeader{
		KeyPhase:     b[0]&keyPhaseBit != 0,
		Destination:  ConnectionID(b[1 : 1+connectionIDLen]),
		PacketNumber: uint64(binary.BigEndian.Uint32(b[1+connectionIDLen:])),
	}, nil
}

// AppendShortHeader appends the header of an Application packet:
// ShortHeaderLen bytes.
func AppendShortHeader(b []byte, h ShortHeader) []byte {
	flags := byte(fixedBit)
	if h.KeyPhase {
		flags |= keyPhaseBit
	}
	b = append(b, flags)
	b = append(b, h.Destination[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(h.PacketNumber))
}

// DecodePacketNumber returns the packet number whose low 32 bits are low and
// that lies nearest to largestPlusOne, the number after the largest that was
// opened in the space (docs/protocol.md §3.7; RFC 9000 A.3). It is never above
// MaxVarint.
func DecodePacketNumber(largestPlusOne uint64, low uint32) uint64 {
	const window = 1 << 32
	expected := min(largestPlusOne, MaxVarint)
	candidate := expected&^(window-1) | uint64(low)
	switch {
	case candidate+window/2 <= expected && candidate <= MaxVarint-window:
		return candidate + window
	case candidate > expected+window/2 && candidate >= window:
		return candidate - window
	default:
		return candidate
	}
}
