package wire

import "fmt"

// FrameType is the varint that a frame begins with (docs/protocol.md §4).
type FrameType uint64

// The frame types. Those of FrameAck and FrameAckBitmap are two encodings of
// one frame, as are those of FrameStream and FrameStreamFin, and of FrameData and
// FrameDataKeep.
const (
	FramePadding          FrameType = 0x00
	FramePing             FrameType = 0x01
	FrameAck              FrameType = 0x02
	FrameAckBitmap        FrameType = 0x03
	FrameCrypto           FrameType = 0x04
	FrameStream           FrameType = 0x08
	FrameStreamFin        FrameType = 0x09
	FrameResetStream      FrameType = 0x0a
	FrameStopSending      FrameType = 0x0b
	FrameMaxData          FrameType = 0x0c
	FrameMaxStreamData    FrameType = 0x0d
	FrameMaxStreams       FrameType = 0x0e
	FrameData             FrameType = 0x10
	FrameBulkEnd          FrameType = 0x11
	FrameResetBulk        FrameType = 0x12
	FrameStopBulk         FrameType = 0x13
	FrameDataKeep         FrameType = 0x14
	FrameMaxBulkData      FrameType = 0x15
	FramePathChallenge    FrameType = 0x16
	FramePathResponse     FrameType = 0x17
	FrameConnectionClose  FrameType = 0x18
	FrameApplicationClose FrameType = 0x19
	FrameHandshakeDone    FrameType = 0x1a
	FrameNewToken         FrameType = 0x1b
	FrameImmediateAck     FrameType = 0x1c
	FrameParity           FrameType = 0x1d
	FrameBulkHave         FrameType = 0x1e

	// FrameExtension is the lowest type of an extension frame. The parser
	// reports all of them as this one type.
	FrameExtension FrameType = 0x40
)

// packetSet is a set of packet types, one bit each.
type packetSet uint8

const (
	handshaking packetSet = 1<<PacketInitial | 1<<PacketHandshake
	earlyData   packetSet = 1 << PacketZeroRTT
	application packetSet = 1 << PacketShort
	everywhere            = handshaking | earlyData | application
)

// frameTypes is the table of docs/protocol.md §4: each type's name, and the
// packets in which it may stand. A type without a name is not of this version.
var frameTypes = [FrameExtension]struct {
	name    string
	packets packetSet
}{
	FramePadding:          {"PADDING", everywhere},
	FramePing:             {"PING", everywhere},
	FrameAck:              {"ACK", handshaking | application},
	FrameAckBitmap:        {"ACK_BITMAP", handshaking | application},
	FrameCrypto:           {"CRYPTO", handshaking | application},
	FrameStream:           {"STREAM", earlyData | application},
	FrameStreamFin:        {"STREAM_FIN", earlyData | application},
	FrameResetStream:      {"RESET_STREAM", earlyData | application},
	FrameStopSending:      {"STOP_SENDING", earlyData | application},
	FrameMaxData:          {"MAX_DATA", earlyData | application},
	FrameMaxStreamData:    {"MAX_STREAM_DATA", earlyData | application},
	FrameMaxStreams:       {"MAX_STREAMS", earlyData | application},
	FrameData:             {"DATA", earlyData | application},
	FrameBulkEnd:          {"BULK_END", earlyData | application},
	FrameResetBulk:        {"RESET_BULK", earlyData | application},
	FrameStopBulk:         {"STOP_BULK", earlyData | application},
	FrameDataKeep:         {"DATA_KEEP", earlyData | application},
	FrameMaxBulkData:      {"MAX_BULK_DATA", earlyData | application},
	FramePathChallenge:    {"PATH_CHALLENGE", application},
	FramePathResponse:     {"PATH_RESPONSE", application},
	FrameConnectionClose:  {"CONNECTION_CLOSE", handshaking | application},
	FrameApplicationClose: {"APPLICATION_CLOSE", application},
	FrameHandshakeDone:    {"HANDSHAKE_DONE", application},
	FrameNewToken:         {"NEW_TOKEN", application},
	FrameImmediateAck:     {"IMMEDIATE_ACK", earlyData | application},
	FrameParity:           {"PARITY", earlyData | application},
	FrameBulkHave:         {"BULK_HAVE", earlyData | application},
}

// known reports whether t is a frame of this version.
func (t FrameType) known() bool {
	return t < FrameExtension && frameTypes[t].name != ""
}

// allowedIn reports whether a known frame may stand in a packet of type p.
func (t FrameType) allowedIn(p PacketType) bool {
	return frameTypes[t].packets&(1<<p) != 0
}

// String returns the name that docs/protocol.md §4 gives the type.
func (t FrameType) String() string {
	switch {
	case t.known():
		return frameTypes[t].name
	case t >= FrameExtension:
		return fmt.Sprintf("EXTENSION(0x%x)", uint64(t))
	default:
		return fmt.Sprintf("FRAME(0x%02x)", uint64(t))
	}
}

// AckEliciting reports whether a packet with such a frame is to be
// acknowledged (docs/protocol.md §1).
func (t FrameType) AckEliciting() bool {
	switch t {
	case FramePadding, FrameAck, FrameAckBitmap, FrameConnectionClose, FrameApplicationClose:
		return false
	default:
		return true
	}
}

// Append appends the type. That is the whole frame for PADDING, PING,
// HANDSHAKE_DONE and IMMEDIATE_ACK, which have no fields.
func (t FrameType) Append(b []byte) []byte { return AppendVarint(b, uint64(t)) }
