package wire

// Frame is any frame, as Parser.Next found it. Type says which one of the
// other fields is filled in; the rest hold what earlier frames left there. A
// Frame is reused from one call to the next, so that parsing does not
// allocate: the ranges of ACK and BULK_HAVE reuse their slices, and all other slices alias
// the payload.
type Frame struct {
	// Type is never FramePadding, and FrameExtension for all extensions.
	Type FrameType

	Ack              Ack // FrameAck and FrameAckBitmap
	Crypto           Crypto
	Stream           Stream // FrameStream and FrameStreamFin
	ResetStream      ResetStream
	StopSending      StopSending
	MaxData          MaxData
	MaxStreamData    MaxStreamData
	MaxStreams       MaxStreams
	Data             Data // FrameData and FrameDataKeep
	BulkEnd          BulkEnd
	ResetBulk        ResetBulk
	StopBulk         StopBulk
	MaxBulkData      MaxBulkData
	Parity           Parity
	BulkHave         BulkHave
	PathChallenge    PathChallenge
	PathResponse     PathResponse
	ConnectionClose  ConnectionClose
	ApplicationClose ApplicationClose
	NewToken         NewToken
	Extension        Extension
}

// Parser yields the frames of one packet.
type Parser struct {
	rest   []byte
	packet PacketType
	begun  bool
}

// NewParser returns a parser of a packet's payload, which must not change
// while the frames are in use.
func NewParser(payload []byte, p PacketType) Parser {
	return Parser{rest: payload, packet: p}
}

// Next reads the next frame into f; ok is false at the end of the packet.
// PADDING is passed over in silence. An error is an *Error and ends the packet:
// an empty packet and a frame where it may not stand are PROTOCOL_VIOLATION,
// everything else is FRAME_ENCODING_ERROR (docs/protocol.md §4).
func (p *Parser) Next(f *Frame) (ok bool, err error) {
	if !p.begun {
		p.begun = true
		if len(p.rest) == 0 {
			return false, &Error{Code: CodeProtocolViolation, Reason: "a packet without frames"}
		}
	}
	for {
		p.skipPadding()
		if len(p.rest) == 0 {
			return false, nil
		}
		r := reader{rest: p.rest}
		p.rest = nil // nothing follows an error
		t := FrameType(r.varint())
		switch {
		case r.problem != "":
			return false, &Error{Code: CodeFrameEncoding, Reason: "truncated frame type"}
		case t >= FrameExtension:
		case !t.known():
			return false, &Error{CodeFrameEncoding, t, "unknown frame type"}
		case !t.allowedIn(p.packet):
			return false, &Error{CodeProtocolViolation, t, "not allowed in this type of packet: " + p.packet.String()}
		}
		f.consume(&r, t)
		if r.problem != "" {
			return false, &Error{CodeFrameEncoding, t, r.problem}
		}
		p.rest = r.rest
		// PADDING in a longer form than needed ends up here.
		if t != FramePadding {
			return true, nil
		}
	}
}

// skipPadding passes over a run of PADDING, which is a run of zero bytes.
func (p *Parser) skipPadding() {
	i := 0
	for i < len(p.rest) && p.rest[i] == byte(FramePadding) {
		i++
	}
	p.rest = p.rest[i:]
}

// consume reads the fields of a frame of type t.
func (f *Frame) consume(r *reader, t FrameType) {
	f.Type = t
	switch t {
	case FramePadding, FramePing, FrameHandshakeDone, FrameImmediateAck:
	case FrameAck, FrameAckBitmap:
		f.Ack.consume(r, t == FrameAckBitmap)
	case FrameCrypto:
		f.Crypto.consume(r)
	case FrameStream, FrameStreamFin:
		f.Stream.consume(r, t == FrameStreamFin)
	case FrameResetStream:
		f.ResetStream.consume(r)
	case FrameStopSending:
		f.StopSending.consume(r)
	case FrameMaxData:
		f.MaxData.consume(r)
	case FrameMaxStreamData:
		f.MaxStreamData.consume(r)
	case FrameMaxStreams:
		f.MaxStreams.consume(r)
	case FrameData, FrameDataKeep:
		f.Data.consume(r, t == FrameDataKeep)
	case FrameBulkEnd:
		f.BulkEnd.consume(r)
	case FrameResetBulk:
		f.ResetBulk.consume(r)
	case FrameStopBulk:
		f.StopBulk.consume(r)
	case FrameMaxBulkData:
		f.MaxBulkData.consume(r)
	case FrameParity:
		f.Parity.consume(r)
	case FrameBulkHave:
		f.BulkHave.consume(r)
	case FramePathChallenge:
		f.PathChallenge.consume(r)
	case FramePathResponse:
		f.PathResponse.consume(r)
	case FrameConnectionClose:
		f.ConnectionClose.consume(r)
	case FrameApplicationClose:
		f.ApplicationClose.consume(r)
	case FrameNewToken:
		f.NewToken.consume(r)
	default:
		f.Type = FrameExtension
		f.Extension.consume(r, t)
	}
}
