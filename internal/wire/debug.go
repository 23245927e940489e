package wire

import "fmt"

// Append appends the frame that f holds, as Next found it. The form of an ACK
// may differ.
func (f *Frame) Append(b []byte) []byte {
	if content := f.content(); content != nil {
		return content.Append(b)
	}
	return f.Type.Append(b)
}

// String describes the frame in one line for traces: its name, its fields, and
// the lengths of what it carries in place of the bytes themselves.
func (f *Frame) String() string {
	if content := f.content(); content != nil {
		return content.String()
	}
	return f.Type.String()
}

// encodable is a frame with fields.
type encodable interface {
	Append(b []byte) []byte
	Len() int
	String() string
}

// content returns the field of f that Type names, or nil for a frame that is
// only a type. It allocates: traces and tests use it, the core does not.
func (f *Frame) content() encodable {
	switch f.Type {
	case FrameAck, FrameAckBitmap:
		return f.Ack
	case FrameCrypto:
		return f.Crypto
	case FrameStream, FrameStreamFin:
		return f.Stream
	case FrameResetStream:
		return f.ResetStream
	case FrameStopSending:
		return f.StopSending
	case FrameMaxData:
		return f.MaxData
	case FrameMaxStreamData:
		return f.MaxStreamData
	case FrameMaxStreams:
		return f.MaxStreams
	case FrameData, FrameDataKeep:
		return f.Data
	case FrameBulkEnd:
		return f.BulkEnd
	case FrameResetBulk:
		return f.ResetBulk
	case FrameStopBulk:
		return f.StopBulk
	case FrameMaxBulkData:
		return f.MaxBulkData
	case FrameParity:
		return f.Parity
	case FrameBulkHave:
		return f.BulkHave
	case FramePathChallenge:
		return f.PathChallenge
	case FramePathResponse:
		return f.PathResponse
	case FrameConnectionClose:
		return f.ConnectionClose
	case FrameApplicationClose:
		return f.ApplicationClose
	case FrameNewToken:
		return f.NewToken
	case FrameExtension:
		return f.Extension
	}
	return nil
}

// String describes the frame in one line. Counters that are zero are left out.
func (a Ack) String() string {
	s := fmt.Sprintf("ACK path=%d received=%v delay=%v at=%dµs", a.PathID, a.Ranges, a.Delay, a.ReceiveTime)
	for _, counter := range []struct {
		name  string
		value uint64
	}{{"ce", a.CE}, {"drops", a.SocketDrops}, {"backlog", a.Backlog}} {
		if counter.value != 0 {
			s += fmt.Sprintf(" %s=%d", counter.name, counter.value)
		}
	}
	return s
}

// String describes the frame in one line.
func (f Crypto) String() string {
	return fmt.Sprintf("CRYPTO offset=%d length=%d", f.Offset, len(f.Data))
}

// String describes the frame in one line.
func (f Stream) String() string {
	s := fmt.Sprintf("STREAM id=%d offset=%d length=%d", f.ID, f.Offset, len(f.Data))
	if f.Fin {
		s += " fin"
	}
	return s
}

// String describes the frame in one line.
func (f ResetStream) String() string {
	return fmt.Sprintf("RESET_STREAM id=%d code=%d size=%d", f.ID, f.Code, f.FinalSize)
}

// String describes the frame in one line.
func (f StopSending) String() string {
	return fmt.Sprintf("STOP_SENDING id=%d code=%d", f.ID, f.Code)
}

// String describes the frame in one line.
func (f MaxData) String() string { return fmt.Sprintf("MAX_DATA limit=%d", f.Limit) }

// String describes the frame in one line.
func (f MaxStreamData) String() string {
	return fmt.Sprintf("MAX_STREAM_DATA id=%d limit=%d", f.ID, f.Limit)
}

// String describes the frame in one line.
func (f MaxStreams) String() string { return fmt.Sprintf("MAX_STREAMS count=%d", f.Count) }

// String describes the frame in one line.
func (f Data) String() string {
	s := fmt.Sprintf("DATA transfer=%d offset=%d length=%d", f.Transfer, f.Offset, len(f.Bytes))
	if f.Keep {
		s += " keep"
	}
	return s
}

// String describes the frame in one line.
func (f BulkEnd) String() string {
	return fmt.Sprintf("BULK_END transfer=%d size=%d", f.Transfer, f.Size)
}

// String describes the frame in one line.
func (f ResetBulk) String() string {
	return fmt.Sprintf("RESET_BULK transfer=%d code=%d sent=%d", f.Transfer, f.Code, f.Sent)
}

// String describes the frame in one line.
func (f StopBulk) String() string {
	return fmt.Sprintf("STOP_BULK transfer=%d code=%d", f.Transfer, f.Code)
}

// String describes the frame in one line.
func (f MaxBulkData) String() string { return fmt.Sprintf("MAX_BULK_DATA limit=%d", f.Limit) }

// String describes the frame in one line.
func (f Parity) String() string {
	return fmt.Sprintf("PARITY transfer=%d first=%d stride=%d count=%d index=%d length=%d",
		f.Transfer, f.First, f.Stride, f.Count, f.Index, len(f.Share))
}

// String describes the frame in one line.
func (f BulkHave) String() string {
	if len(f.Ranges) == 0 {
		return fmt.Sprintf("BULK_HAVE transfer=%d all", f.Transfer)
	}
	return fmt.Sprintf("BULK_HAVE transfer=%d ranges=%v", f.Transfer, f.Ranges)
}

// String describes the frame in one line.
func (f PathChallenge) String() string { return fmt.Sprintf("PATH_CHALLENGE data=%x", f.Data) }

// String describes the frame in one line.
func (f PathResponse) String() string { return fmt.Sprintf("PATH_RESPONSE data=%x", f.Data) }

// String describes the frame in one line, with the reason quoted.
func (f ConnectionClose) String() string {
	return fmt.Sprintf("CONNECTION_CLOSE code=%v frame=%v reason=%q", ErrorCode(f.Code), FrameType(f.Frame), f.Reason)
}

// String describes the frame in one line, with the reason quoted.
func (f ApplicationClose) String() string {
	return fmt.Sprintf("APPLICATION_CLOSE code=%d reason=%q", f.Code, f.Reason)
}

// String describes the frame in one line.
func (f NewToken) String() string { return fmt.Sprintf("NEW_TOKEN length=%d", len(f.Token)) }

// String describes the frame in one line.
func (f Extension) String() string { return fmt.Sprintf("%v length=%d", f.Type, len(f.Data)) }
