package wire

// PathChallenge asks the peer to send Data back on the same path.
type PathChallenge struct {
	Data [8]byte
}

// Append appends the frame.
func (f PathChallenge) Append(b []byte) []byte {
	return append(FramePathChallenge.Append(b), f.Data[:]...)
}

// Len returns how many bytes Append appends.
func (f PathChallenge) Len() int { return 1 + len(f.Data) }

func (f *PathChallenge) consume(r *reader) { copy(f.Data[:], r.fixed(len(f.Data))) }

// PathResponse answers a PathChallenge with its Data.
type PathResponse struct {
	Data [8]byte
}

// Append appends the frame.
func (f PathResponse) Append(b []byte) []byte {
	return append(FramePathResponse.Append(b), f.Data[:]...)
}

// Len returns how many bytes Append appends.
func (f PathResponse) Len() int { return 1 + len(f.Data) }

func (f *PathResponse) consume(r *reader) { copy(f.Data[:], r.fixed(len(f.Data))) }

// ConnectionClose ends the connection for a reason of the transport.
type ConnectionClose struct {
	Code   uint64 // an ErrorCode
	Frame  uint64 // the FrameType at fault; 0 where it is none
	Reason string // for people; as parsed it is any bytes, to be escaped before printing
}

// Append appends the frame.
func (f ConnectionClose) Append(b []byte) []byte {
	b = FrameConnectionClose.Append(b)
	b = AppendVarint(b, f.Code)
	b = AppendVarint(b, f.Frame)
	return appendString(b, f.Reason)
}

// Len returns how many bytes Append appends.
func (f ConnectionClose) Len() int {
	return 1 + VarintLen(f.Code) + VarintLen(f.Frame) + bytesLen(len(f.Reason))
}

func (f *ConnectionClose) consume(r *reader) {
	f.Code = r.varint()
	f.Frame = r.varint()
	f.Reason = string(r.bytes())
}

// ApplicationClose ends the connection for a reason of the application.
type ApplicationClose struct {
	Code   uint64 // of the application
	Reason string // for people; as parsed it is any bytes, to be escaped before printing
}

// Append appends the frame.
func (f ApplicationClose) Append(b []byte) []byte {
	b = FrameApplicationClose.Append(b)
	b = AppendVarint(b, f.Code)
	return appendString(b, f.Reason)
}

// Len returns how many bytes Append appends.
func (f ApplicationClose) Len() int { return 1 + VarintLen(f.Code) + bytesLen(len(f.Reason)) }

func (f *ApplicationClose) consume(r *reader) {
	f.Code = r.varint()
	f.Reason = string(r.bytes())
}

// NewToken gives the client a token that proves its address in a later
// connection.
type NewToken struct {
	Token []byte
}

// Append appends the frame.
func (f NewToken) Append(b []byte) []byte {
	return appendBytes(FrameNewToken.Append(b), f.Token)
}

// Len returns how many bytes Append appends.
func (f NewToken) Len() int { return 1 + bytesLen(len(f.Token)) }

func (f *NewToken) consume(r *reader) { f.Token = r.bytes() }

// Extension is a frame that this version does not know. Type is at least
// FrameExtension.
type Extension struct {
	Type FrameType
	Data []byte
}

// Append appends the frame.
func (f Extension) Append(b []byte) []byte { return appendBytes(f.Type.Append(b), f.Data) }

// Len returns how many bytes Append appends.
func (f Extension) Len() int { return VarintLen(uint64(f.Type)) + bytesLen(len(f.Data)) }

func (f *Extension) consume(r *reader, t FrameType) {
	f.Type = t
	f.Data = r.bytes()
}

// appendString appends text with its length in front.
func appendString(b []byte, text string) []byte {
	return append(AppendVarint(b, uint64(len(text))), text...)
}
