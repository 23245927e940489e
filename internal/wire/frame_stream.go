package wire

// beyondLimit is what is wrong with data that would end above MaxVarint.
const beyondLimit = "data ends beyond 2^62-1"

// Crypto is a piece of the TLS handshake.
type Crypto struct {
	Offset uint64
	Data   []byte
}

// Append appends the frame.
func (f Crypto) Append(b []byte) []byte {
	b = FrameCrypto.Append(b)
	b = AppendVarint(b, f.Offset)
	return appendBytes(b, f.Data)
}

// Len returns how many bytes Append appends.
func (f Crypto) Len() int { return 1 + VarintLen(f.Offset) + bytesLen(len(f.Data)) }

func (f *Crypto) consume(r *reader) {
	f.Offset = r.varint()
	f.Data = r.bytes()
	if f.Offset > MaxVarint-uint64(len(f.Data)) {
		r.fail(beyondLimit)
	}
}

// Stream is a piece of a stream; Fin says that it is the last one. With Fin,
// Data may be empty.
type Stream struct {
	ID     uint64
	Offset uint64
	Data   []byte
	Fin    bool
}

// Append appends the frame.
func (f Stream) Append(b []byte) []byte {
	t := FrameStream
	if f.Fin {
		t = FrameStreamFin
	}
	b = t.Append(b)
	b = AppendVarint(b, f.ID)
	b = AppendVarint(b, f.Offset)
	return appendBytes(b, f.Data)
}

// Len returns how many bytes Append appends.
func (f Stream) Len() int {
	return 1 + VarintLen(f.ID) + VarintLen(f.Offset) + bytesLen(len(f.Data))
}

func (f *Stream) consume(r *reader, fin bool) {
	f.ID = r.varint()
	f.Offset = r.varint()
	f.Data = r.bytes()
	f.Fin = fin
	if f.Offset > MaxVarint-uint64(len(f.Data)) {
		r.fail(beyondLimit)
	}
}

// ResetStream ends a stream early: nothing more will be sent on it.
type ResetStream struct {
	ID        uint64
	Code      uint64 // of the application
	FinalSize uint64 // bytes that count against the credit
}

// Append appends the frame.
func (f ResetStream) Append(b []byte) []byte {
	b = FrameResetStream.Append(b)
	b = AppendVarint(b, f.ID)
	b = AppendVarint(b, f.Code)
	return AppendVarint(b, f.FinalSize)
}

// Len returns how many bytes Append appends.
func (f ResetStream) Len() int {
	return 1 + VarintLen(f.ID) + VarintLen(f.Code) + VarintLen(f.FinalSize)
}

func (f *ResetStream) consume(r *reader) {
	f.ID = r.varint()
	f.Code = r.varint()
	f.FinalSize = r.varint()
}

// StopSending says that what the peer sends on a stream is not read any more.
type StopSending struct {
	ID   uint64
	Code uint64 // of the application
}

// Append appends the frame.
func (f StopSending) Append(b []byte) []byte {
	b = FrameStopSending.Append(b)
	b = AppendVarint(b, f.ID)
	return AppendVarint(b, f.Code)
}

// Len returns how many bytes Append appends.
func (f StopSending) Len() int { return 1 + VarintLen(f.ID) + VarintLen(f.Code) }

func (f *StopSending) consume(r *reader) {
	f.ID = r.varint()
	f.Code = r.varint()
}

// MaxData is the credit for all streams together, in bytes.
type MaxData struct {
	Limit uint64
}

// Append appends the frame.
func (f MaxData) Append(b []byte) []byte {
	return AppendVarint(FrameMaxData.Append(b), f.Limit)
}

// Len returns how many bytes Append appends.
func (f MaxData) Len() int { return 1 + VarintLen(f.Limit) }

func (f *MaxData) consume(r *reader) { f.Limit = r.varint() }

// MaxStreamData is the credit for one stream, in bytes.
type MaxStreamData struct {
	ID    uint64
	Limit uint64
}

// Append appends the frame.
func (f MaxStreamData) Append(b []byte) []byte {
	b = FrameMaxStreamData.Append(b)
	b = AppendVarint(b, f.ID)
	return AppendVarint(b, f.Limit)
}

// Len returns how many bytes Append appends.
func (f MaxStreamData) Len() int { return 1 + VarintLen(f.ID) + VarintLen(f.Limit) }

func (f *MaxStreamData) consume(r *reader) {
	f.ID = r.varint()
	f.Limit = r.varint()
}

// MaxStreams is how many streams the peer may open, in all.
type MaxStreams struct {
	Count uint64
}

// Append appends the frame.
func (f MaxStreams) Append(b []byte) []byte {
	return AppendVarint(FrameMaxStreams.Append(b), f.Count)
}

// Len returns how many bytes Append appends.
func (f MaxStreams) Len() int { return 1 + VarintLen(f.Count) }

func (f *MaxStreams) consume(r *reader) { f.Count = r.varint() }
