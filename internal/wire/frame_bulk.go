package wire

import "encoding/binary"

// Data is a piece of a file, placed by its byte offset. It has no length: it
// is the last frame of its packet and reaches to the packet's end.
type Data struct {
	Transfer uint16
	Offset   uint64
	Bytes    []byte
	Keep     bool // the receiver should keep the bytes for repair (§9.4)
}

// Append appends the frame. With no Bytes it appends the DataHeader bytes that
// precede them, for a caller that reads the file straight into the packet.
func (f Data) Append(b []byte) []byte {
	t := FrameData
	if f.Keep {
		t = FrameDataKeep
	}
	b = t.Append(b)
	b = binary.BigEndian.AppendUint16(b, f.Transfer)
	b = binary.BigEndian.AppendUint64(b, f.Offset)
	return append(b, f.Bytes...)
}

// Len returns how many bytes Append appends.
func (f Data) Len() int { return DataHeader + len(f.Bytes) }

// ConsumeOnly reads a payload that is one DATA frame and nothing else, and reports
// whether it is. Of any other, even of a DATA frame that is wrong, the Parser says
// what it is.
func (f *Data) ConsumeOnly(payload []byte) bool {
	if len(payload) <= DataHeader || payload[0] != byte(FrameData) && payload[0] != byte(FrameDataKeep) {
		return false
	}
	f.Keep = payload[0] == byte(FrameDataKeep)
	f.Transfer = binary.BigEndian.Uint16(payload[1:])
	f.Offset = binary.BigEndian.Uint64(payload[3:])
	f.Bytes = payload[DataHeader:]
	return f.Offset <= MaxVarint-uint64(len(f.Bytes))
}

func (f *Data) consume(r *reader, keep bool) {
	f.Keep = keep
	f.Transfer = r.uint16()
	f.Offset = r.uint64()
	f.Bytes = r.fixed(len(r.rest))
	switch {
	case len(f.Bytes) == 0:
		r.fail("no file data")
	case f.Offset > MaxVarint-uint64(len(f.Bytes)):
		r.fail(beyondLimit)
	}
}

// BulkEnd says how many bytes a transfer has.
type BulkEnd struct {
	Transfer uint16
	Size     uint64
}

// Append appends the frame.
func (f BulkEnd) Append(b []byte) []byte {
	return AppendVarint(appendTransfer(b, FrameBulkEnd, f.Transfer), f.Size)
}

// Len returns how many bytes Append appends.
func (f BulkEnd) Len() int { return transferHeader + VarintLen(f.Size) }

func (f *BulkEnd) consume(r *reader) {
	f.Transfer = r.uint16()
	f.Size = r.varint()
}

// ResetBulk ends a transfer early: nothing more will be sent of it.
type ResetBulk struct {
	Transfer uint16
	Code     uint64 // of the application
	Sent     uint64 // bytes that were put into DATA frames, each counted once
}

// Append appends the frame.
func (f ResetBulk) Append(b []byte) []byte {
	b = appendTransfer(b, FrameResetBulk, f.Transfer)
	b = AppendVarint(b, f.Code)
	return AppendVarint(b, f.Sent)
}

// Len returns how many bytes Append appends.
func (f ResetBulk) Len() int {
	return transferHeader + VarintLen(f.Code) + VarintLen(f.Sent)
}

func (f *ResetBulk) consume(r *reader) {
	f.Transfer = r.uint16()
	f.Code = r.varint()
	f.Sent = r.varint()
}

// StopBulk says that what the peer sends of a transfer is not wanted any more.
type StopBulk struct {
	Transfer uint16
	Code     uint64 // of the application
}

// Append appends the frame.
func (f StopBulk) Append(b []byte) []byte {
	return AppendVarint(appendTransfer(b, FrameStopBulk, f.Transfer), f.Code)
}

// Len returns how many bytes Append appends.
func (f StopBulk) Len() int { return transferHeader + VarintLen(f.Code) }

func (f *StopBulk) consume(r *reader) {
	f.Transfer = r.uint16()
	f.Code = r.varint()
}

// MaxBulkData is the credit for all transfers together, in bytes.
type MaxBulkData struct {
	Limit uint64
}

// Append appends the frame.
func (f MaxBulkData) Append(b []byte) []byte {
	return AppendVarint(FrameMaxBulkData.Append(b), f.Limit)
}

// Len returns how many bytes Append appends.
func (f MaxBulkData) Len() int { return 1 + VarintLen(f.Limit) }

func (f *MaxBulkData) consume(r *reader) { f.Limit = r.varint() }

// transferHeader is the type and the transfer id that most bulk frames begin
// with.
const transferHeader = 1 + 2

func appendTransfer(b []byte, t FrameType, transfer uint16) []byte {
	return binary.BigEndian.AppendUint16(t.Append(b), transfer)
}
