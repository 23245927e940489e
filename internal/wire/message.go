package wire

// The control messages (docs/protocol.md §10) and the transport parameters
// (§6.4) share one shape: an identifier, a length, and that many bytes. So a
// peer can pass over what it does not know, where the rules of its layer let
// it, and new messages and new fields stay compatible.

// AppendMessage appends a message: its type, its length, and its body.
func AppendMessage(b []byte, typ uint64, body []byte) []byte {
	return appendBytes(AppendVarint(b, typ), body)
}

// ConsumeMessage reads a message from the start of b, which holds what has
// come of a stream so far, and returns its type, its body, which aliases b, and
// its whole length n. While the message is incomplete n is 0 and err is nil.
// The error is ErrMessageTooLarge as soon as the length is known to be above
// maxBody bytes.
func ConsumeMessage(b []byte, maxBody int) (typ uint64, body []byte, n int, err error) {
	typ, typeLen := ConsumeVarint(b)
	if typeLen < 0 {
		return 0, nil, 0, nil
	}
	length, lengthLen := ConsumeVarint(b[typeLen:])
	if lengthLen < 0 {
		return 0, nil, 0, nil
	}
	if length > uint64(max(maxBody, 0)) {
		return typ, nil, 0, ErrMessageTooLarge
	}
	start := typeLen + lengthLen
	if uint64(len(b)-start) < length {
		return 0, nil, 0, nil
	}
	n = start + int(length)
	return typ, b[start:n:n], n, nil
}

// AppendField appends a field: its id, its length, and its value.
func AppendField(b []byte, id uint64, value []byte) []byte {
	return appendBytes(AppendVarint(b, id), value)
}

// AppendUintField appends a field whose value is a varint.
func AppendUintField(b []byte, id, v uint64) []byte {
	b = AppendVarint(b, id)
	b = AppendVarint(b, uint64(VarintLen(v)))
	return AppendVarint(b, v)
}

// AppendStringField appends a field whose value is text.
func AppendStringField(b []byte, id uint64, text string) []byte {
	return appendString(AppendVarint(b, id), text)
}

// ConsumeField reads a field from the start of b and returns its id, its value,
// which aliases b, and its whole length, which is negative when b ends too
// early.
func ConsumeField(b []byte) (id uint64, value []byte, n int) {
	r := reader{rest: b}
	id = r.varint()
	value = r.bytes()
	if r.problem != "" {
		return 0, nil, -1
	}
	return id, value, len(b) - len(r.rest)
}

// UintValue returns the number that a field's value holds; ok is false unless
// the value is exactly one varint.
func UintValue(value []byte) (v uint64, ok bool) {
	v, n := ConsumeVarint(value)
	return v, n > 0 && n == len(value)
}
