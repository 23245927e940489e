// Package wire turns packets' headers, frames, transport parameters and
// control messages into bytes and back, as docs/protocol.md §3, §4, §6.4 and
// §10 lay them out.
//
// The package knows the shape of things and nothing of their meaning: it keeps
// no state between packets, seals and opens nothing, and reads no clock. Every
// encoder appends to a slice that its caller owns; every decoder consumes a
// prefix of a slice, never allocates by a length that it has not checked
// against the bytes at hand, and returns slices that alias its input. What a
// peer may send is bounded here by what fits into a datagram, and by the core
// in every other respect.
package wire

import "encoding/hex"

// Version1 is the version of the protocol that this package speaks: "UFT", 1
// (docs/protocol.md §3.3).
const Version1 uint32 = 0x55465401

// Sizes, in bytes (docs/protocol.md §3.1).
const (
	// MaxDatagram is the longest datagram that is sent without probing: the
	// 1280 bytes that every IPv6 path carries, less 40 of IPv6 and 8 of UDP.
	MaxDatagram = 1232

	// LargestDatagram is the longest datagram that is sent after probing
	// (§8.6): what both IP versions carry, 65535 bytes less 40 of IPv6 and 8 of
	// UDP. So a train of several is never longer either.
	LargestDatagram = 1<<16 - 1 - 40 - 8

	// LargestReceivable is the longest UDP payload that there is. Receive
	// buffers take it, so it is what an endpoint announces.
	LargestReceivable = 1<<16 - 1 - 8

	// MinInitialDatagram is what a datagram with an ack-eliciting Initial
	// packet is padded to.
	MinInitialDatagram = 1200

	// BlockSize is the file data of a full DATA frame, where no larger one was
	// asked for and probed.
	BlockSize = 1024

	// LargestBlock is the file data that the longest datagram carries.
	LargestBlock = LargestDatagram - DataOverhead

	// AutoBlockSize, more than any datagram carries, asks for the largest blocks
	// that the path does (§8.6).
	AutoBlockSize = 1 << 16

	// DataHeader is what a DATA frame takes before the file data.
	DataHeader = 1 + 2 + 8

	// ShortHeaderLen is the header of an Application packet, up to and
	// including the packet number.
	ShortHeaderLen = 1 + connectionIDLen + packetNumberLen

	// TagLen is the authentication tag of every AEAD in use.
	TagLen = 16

	// FullDataDatagram is a datagram that carries a full block: all of them
	// have this one size, so that they leave as one train.
	FullDataDatagram = BlockSize + DataOverhead

	// DataOverhead is what a datagram with a DATA frame holds besides file data.
	DataOverhead = ShortHeaderLen + DataHeader + TagLen

	// MinStatelessReset is the shortest stateless reset (§3.6).
	MinStatelessReset = 1 + 20 + statelessResetTokenLen
)

// MaxToken is the longest address token that is used, in bytes. A longer one is
// ignored: it would leave an Initial packet no room for the handshake (§6.5).
const MaxToken = 512

// What every server grants a client at least: so much may be sent as 0-RTT,
// whatever an earlier connection had (§6.6).
const (
	MinBulkCredit   = 128 << 10 // initial_max_bulk_data, bytes
	MinStreamCredit = 16 << 10  // initial_max_data and initial_max_stream_data, bytes
	MinStreams      = 4         // initial_max_streams
)

// MaxVarint is the largest integer that a varint holds, and therefore the
// largest packet number, stream offset and file offset.
const MaxVarint = 1<<62 - 1

const (
	connectionIDLen        = 8
	packetNumberLen        = 4
	statelessResetTokenLen = 16
)

// ConnectionID is what the receiver of a packet finds the connection and the
// path by. The receiver chose it.
type ConnectionID [connectionIDLen]byte

// String returns the connection ID in hexadecimal.
func (id ConnectionID) String() string { return hex.EncodeToString(id[:]) }
