package xfer

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"example.com/uft/internal/wire"
)

// fields reads the fields of a message one by one. The first mistake is kept in
// problem, ends the reading, and makes every later value zero, so a message
// lists its fields and the caller checks once.
type fields struct {
	rest    []byte
	id      uint64 // of the current field
	value   []byte
	seen    uint64 // bit i: field i has come
	problem string // empty: none
}

// next goes on to the next field that this version defines; fields of
// extensions are skipped. It returns false at the end.
func (f *fields) next() bool {
	for len(f.rest) > 0 && f.problem == "" {
		id, value, n := wire.ConsumeField(f.rest)
		if n < 0 {
			f.fail("a field is cut off")
			return false
		}
		f.rest = f.rest[n:]
		if id < firstExtension {
			f.id, f.value = id, value
			return true
		}
	}
	return false
}

func (f *fields) fail(format string, args ...any) {
	if f.problem == "" {
		f.problem = fmt.Sprintf(format, args...)
	}
}

// once fails where the current field has come before, and notes it.
func (f *fields) once() {
	if bit := uint64(1) << f.id; f.seen&bit != 0 {
		f.fail("field %d comes twice", f.id)
	} else {
		f.seen |= bit
	}
}

// has reports whether the field has come.
func (f *fields) has(id uint64) bool { return f.seen&(1<<id) != 0 }

// need fails where one of the fields has not come.
func (f *fields) need(ids ...uint64) {
	for _, id := range ids {
		if !f.has(id) {
			f.fail("field %d is missing", id)
		}
	}
}

func (f *fields) unknown() { f.fail("field %d is unknown", f.id) }

// uint reads a value that is an integer of at most limit.
func (f *fields) uint(limit uint64) uint64 {
	f.once()
	v, ok := wire.UintValue(f.value)
	if !ok {
		f.fail("field %d is no integer", f.id)
		return 0
	}
	if v > limit {
		f.fail("field %d is %d, above %d", f.id, v, limit)
		return 0
	}
	return v
}

// uintPointer reads an integer that a message may lack.
func (f *fields) uintPointer(limit uint64) *uint64 {
	v := f.uint(limit)
	return &v
}

func (f *fields) transfer() uint16 { return uint16(f.uint(0xffff)) }

// text reads a text. It is not escaped.
func (f *fields) text() string {
	f.once()
	switch {
	case len(f.value) > MaxText:
		f.fail("field %d is a text of %d bytes, above %d", f.id, len(f.value), MaxText)
		return ""
	case !utf8.Valid(f.value):
		f.fail("field %d is not UTF-8", f.id)
		return ""
	}
	return string(f.value)
}

// fixed reads a value of exactly len(dst) bytes.
func (f *fields) fixed(dst []byte) {
	f.once()
	if len(f.value) != len(dst) {
		f.fail("field %d has %d bytes, not %d", f.id, len(f.value), len(dst))
		return
	}
	copy(dst, f.value)
}

func (f *fields) hash() (h Hash) {
	f.fixed(h[:])
	return h
}

// hashes reads a list of at least one hash.
func (f *fields) hashes() []Hash {
	f.once()
	if len(f.value) == 0 || len(f.value)%HashSize != 0 {
		f.fail("field %d has %d bytes, which are no hashes", f.id, len(f.value))
		return nil
	}
	list := make([]Hash, 0, len(f.value)/HashSize)
	for part := range slices.Chunk(f.value, HashSize) {
		list = append(list, Hash(part))
	}
	return list
}

// ClipText returns a text that a message can carry: valid UTF-8 of at most
// MaxText bytes.
func ClipText(s string) string {
	b := []byte(s)
	if !utf8.Valid(b) {
		b = []byte(fmt.Sprintf("%+q", s))
	}
	if len(b) <= MaxText {
		return string(b)
	}
	cut := MaxText
	for !utf8.RuneStart(b[cut]) {
		cut--
	}
	return string(b[:cut])
}

// appendTransfer appends the field that most messages begin with.
func appendTransfer(b []byte, id uint16) []byte { return wire.AppendUintField(b, 1, uint64(id)) }

// appendText appends a text unless it is empty.
func appendText(b []byte, id uint64, text string) []byte {
	if text == "" {
		return b
	}
	return wire.AppendStringField(b, id, text)
}

// newOfferID returns the id of the n-th offer made from the randomness of a
// session: each offer has one of its own.
func newOfferID(base [16]byte, n uint64) [16]byte {
	tail := binary.BigEndian.Uint64(base[8:])
	binary.BigEndian.PutUint64(base[8:], tail+n)
	return base
}
