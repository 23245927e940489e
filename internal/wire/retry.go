package wire

import "encoding/binary"

// Retry asks a client to prove its address before the server keeps state
// (docs/protocol.md §3.4).
type Retry struct {
	Version     uint32
	Destination ConnectionID
	Source      ConnectionID
	Token       []byte // as parsed it aliases the datagram
	Tag         [TagLen]byte
}

// ConsumeRetry reads a Retry packet, which takes all of b. It does not check
// the integrity tag. A Retry without a token is malformed, as in RFC 9000
// §17.2.5.2: the client could prove nothing with it.
func ConsumeRetry(b []byte) (Retry, error) {
	h, rest, ok := consumeLongPrefix(b)
	switch {
	case !ok || h.Type == PacketVersionNegotiation:
		return Retry{}, ErrHeader
	case h.Version != Version1:
		return Retry{}, ErrVersion
	case h.Type != PacketRetry || len(rest) <= TagLen:
		return Retry{}, ErrHeader
	}
	tagAt := len(rest) - TagLen
	return Retry{
		Version:     h.Version,
		Destination: h.Destination,
		Source:      h.Source,
		Token:       rest[:tagAt:tagAt],
		Tag:         [TagLen]byte(rest[tagAt:]),
	}, nil
}

// AppendRetryWithoutTag appends a Retry packet up to the integrity tag, which
// the caller computes over it and appends (§5.5).
func AppendRetryWithoutTag(b []byte, r Retry) []byte {
	b = appendLongPrefix(b, PacketRetry, r.Version, r.Destination, r.Source)
	return append(b, r.Token...)
}

// maxVersions bounds the versions kept of a version negotiation packet.
const maxVersions = 16

// VersionNegotiation lists the versions that a server speaks
// (docs/protocol.md §3.5).
type VersionNegotiation struct {
	Destination ConnectionID
	Source      ConnectionID
	Versions    []uint32
}

// ConsumeVersionNegotiation reads a version negotiation packet, which takes
// all of b. Versions after the sixteenth are ignored.
func ConsumeVersionNegotiation(b []byte) (VersionNegotiation, error) {
	h, rest, ok := consumeLongPrefix(b)
	if !ok || h.Type != PacketVersionNegotiation || len(rest) == 0 || len(rest)%4 != 0 {
		return VersionNegotiation{}, ErrHeader
	}
	v := VersionNegotiation{Destination: h.Destination, Source: h.Source}
	for len(rest) > 0 && len(v.Versions) < maxVersions {
		v.Versions = append(v.Versions, binary.BigEndian.Uint32(rest))
		rest = rest[4:]
	}
	return v, nil
}

// AppendVersionNegotiation appends a version negotiation packet.
func AppendVersionNegotiation(b []byte, v VersionNegotiation) []byte {
	b = appendLongPrefix(b, PacketInitial, 0, v.Destination, v.Source)
	for _, version := range v.Versions {
		b = binary.BigEndian.AppendUint32(b, version)
	}
	return b
}
