package xfer

import (
	"encoding/binary"

	"example.com/uft/internal/wire"
)

// The bodies of the messages, in the order of docs/protocol.md §10.1: what is
// appended, then what is read.

// anyUint is the limit of integers that may have every value of a varint.
const anyUint = wire.MaxVarint

func (m *Hello) appendBody(b []byte) []byte {
	b = wire.AppendUintField(b, 1, uint64(m.Mode))
	b = appendText(b, 2, m.Program)
	return wire.AppendUintField(b, 3, m.Abilities)
}

func (m *Hello) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Mode = Mode(f.uint(anyUint))
		case 2:
			m.Program = f.text()
		case 3:
			m.Abilities = f.uint(anyUint)
		default:
			f.unknown()
		}
	}
	f.need(1, 3)
}

func (m *Offer) appendBody(b []byte) []byte {
	b = wire.AppendField(b, 1, m.ID[:])
	if m.Answers != nil {
		b = wire.AppendUintField(b, 2, *m.Answers)
	}
	var value []byte
	for i := range m.Entries {
		value = m.Entries[i].appendBody(value[:0])
		b = wire.AppendField(b, 3, value)
	}
	return b
}

func (m *Offer) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			f.fixed(m.ID[:])
		case 2:
			m.Answers = f.uintPointer(anyUint)
		case 3:
			if len(m.Entries) == maxEntries {
				f.fail("more than %d entries", maxEntries)
				return
			}
			entry := fields{rest: f.value}
			var e Entry
			e.parse(&entry)
			if entry.problem != "" {
				f.fail("entry %d: %s", len(m.Entries), entry.problem)
				return
			}
			m.Entries = append(m.Entries, e)
		default:
			f.unknown()
		}
	}
	f.need(1)
	if len(m.Entries) == 0 {
		f.fail("no entry")
	}
}

func (e *Entry) appendBody(b []byte) []byte {
	b = appendTransfer(b, e.Transfer)
	b = wire.AppendUintField(b, 2, e.Kind)
	b = wire.AppendStringField(b, 3, e.Name)
	if e.Size != nil {
		b = wire.AppendUintField(b, 4, *e.Size)
	}
	// Eight bytes and no varint, which would end in 2043.
	if e.ModTime != nil {
		b = wire.AppendField(b, 5, binary.BigEndian.AppendUint64(nil, uint64(*e.ModTime)))
	}
	if e.Mode != nil {
		b = wire.AppendUintField(b, 6, uint64(*e.Mode))
	}
	return wire.AppendUintField(b, 7, e.Hash)
}

func (e *Entry) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			e.Transfer = f.transfer()
		case 2:
			e.Kind = f.uint(anyUint)
		case 3:
			e.Name = f.text()
		case 4:
			e.Size = f.uintPointer(anyUint)
		case 5:
			var v [8]byte
			f.fixed(v[:])
			nanoseconds := int64(binary.BigEndian.Uint64(v[:]))
			e.ModTime = &nanoseconds
		case 6:
			v := uint16(f.uint(maxMode))
			e.Mode = &v
		case 7:
			e.Hash = f.uint(anyUint)
		default:
			f.unknown()
		}
	}
	f.need(1, 2, 3, 7)
}

// modeBackground is the only sending mode that a REQUEST can ask for; 0 is the
// default one.
const modeBackground = 1

func (m *Request) appendBody(b []byte) []byte {
	b = wire.AppendUintField(b, 1, m.ID)
	b = wire.AppendStringField(b, 2, m.Name)
	if m.Rate != 0 {
		b = wire.AppendUintField(b, 3, m.Rate)
	}
	if m.Target != nil {
		b = wire.AppendStringField(b, 4, *m.Target)
	}
	if m.Background {
		b = wire.AppendUintField(b, 5, modeBackground)
	}
	return b
}

func (m *Request) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.ID = f.uint(anyUint)
		case 2:
			m.Name = f.text()
		case 3:
			m.Rate = f.uint(anyUint)
		case 4:
			target := f.text()
			m.Target = &target
		case 5:
			m.Background = f.uint(modeBackground) == modeBackground
		default:
			f.unknown()
		}
	}
	f.need(1, 2)
}

func (m *Accept) appendBody(b []byte) []byte { return appendTransfer(b, m.Transfer) }

func (m *Accept) parse(f *fields) {
	for f.next() {
		if f.id != 1 {
			f.unknown()
			return
		}
		m.Transfer = f.transfer()
	}
	f.need(1)
}

func (m *Held) appendBody(b []byte) []byte {
	b = appendTransfer(b, m.Transfer)
	b = wire.AppendUintField(b, 2, m.First)
	value := make([]byte, 0, len(m.Hashes)*HashSize)
	for i := range m.Hashes {
		value = append(value, m.Hashes[i][:]...)
	}
	return wire.AppendField(b, 3, value)
}

func (m *Held) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Transfer = f.transfer()
		case 2:
			m.First = f.uint(anyUint)
		case 3:
			m.Hashes = f.hashes()
		default:
			f.unknown()
		}
	}
	f.need(1, 2, 3)
}

func (m *Refuse) appendBody(b []byte) []byte {
	if m.Transfer != nil {
		b = appendTransfer(b, *m.Transfer)
	}
	if m.Request != nil {
		b = wire.AppendUintField(b, 2, *m.Request)
	}
	b = wire.AppendUintField(b, 3, uint64(m.Code))
	return appendText(b, 4, m.Text)
}

func (m *Refuse) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			id := f.transfer()
			m.Transfer = &id
		case 2:
			m.Request = f.uintPointer(anyUint)
		case 3:
			m.Code = Code(f.uint(anyUint))
		case 4:
			m.Text = f.text()
		default:
			f.unknown()
		}
	}
	f.need(3)
	if f.has(1) == f.has(2) {
		f.fail("exactly one of a transfer and a request is refused")
	}
}

func (m *Chunk) appendBody(b []byte) []byte {
	b = appendTransfer(b, m.Transfer)
	b = wire.AppendUintField(b, 2, m.Index)
	return wire.AppendField(b, 3, m.Hash[:])
}

func (m *Chunk) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Transfer = f.transfer()
		case 2:
			m.Index = f.uint(anyUint)
		case 3:
			m.Hash = f.hash()
		default:
			f.unknown()
		}
	}
	f.need(1, 2, 3)
}

func (m *End) appendBody(b []byte) []byte {
	b = appendTransfer(b, m.Transfer)
	b = wire.AppendUintField(b, 2, m.Size)
	return wire.AppendField(b, 3, m.Root[:])
}

func (m *End) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Transfer = f.transfer()
		case 2:
			m.Size = f.uint(anyUint)
		case 3:
			m.Root = f.hash()
		default:
			f.unknown()
		}
	}
	f.need(1, 2, 3)
}

func (m *Done) appendBody(b []byte) []byte {
	b = appendTransfer(b, m.Transfer)
	b = wire.AppendField(b, 2, m.Root[:])
	if m.Same {
		b = wire.AppendUintField(b, 3, flagSame)
	}
	return b
}

func (m *Done) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Transfer = f.transfer()
		case 2:
			m.Root = f.hash()
		case 3:
			// The other flags belong to extensions.
			m.Same = f.uint(anyUint)&flagSame != 0
		default:
			f.unknown()
		}
	}
	f.need(1, 2)
}

func (m *Error) appendBody(b []byte) []byte {
	b = appendTransfer(b, m.Transfer)
	b = wire.AppendUintField(b, 2, uint64(m.Code))
	return appendText(b, 3, m.Text)
}

func (m *Error) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Transfer = f.transfer()
		case 2:
			m.Code = Code(f.uint(anyUint))
		case 3:
			m.Text = f.text()
		default:
			f.unknown()
		}
	}
	f.need(1, 2)
}

func (m *Status) appendBody(b []byte) []byte {
	b = appendTransfer(b, m.Transfer)
	b = wire.AppendUintField(b, 2, m.Activity)
	return wire.AppendUintField(b, 3, m.Bytes)
}

func (m *Status) parse(f *fields) {
	for f.next() {
		switch f.id {
		case 1:
			m.Transfer = f.transfer()
		case 2:
			m.Activity = f.uint(anyUint)
		case 3:
			m.Bytes = f.uint(anyUint)
		default:
			f.unknown()
		}
	}
	f.need(1, 2)
}
