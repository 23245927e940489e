package wire

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFramesInOnePacket reads all frames from one packet with one Frame, those
// without a length in turn as the last, with PADDING in both forms between them.
func TestFramesInOnePacket(t *testing.T) {
	order := append(frameCases[:0:0], frameCases...)
	order = slices.DeleteFunc(order, func(c frameCase) bool { return toTheEnd(c.frame.Type) })
	for _, tt := range frameCases {
		if toTheEnd(tt.frame.Type) {
			readInOrder(t, append(order[:len(order):len(order)], tt))
		}
	}
}

func readInOrder(t *testing.T, order []frameCase) {
	t.Helper()
	var payload []byte
	for _, tt := range order {
		payload = append(payload, 0x00, 0x00, 0x40, 0x00)
		payload = append(payload, tt.bytes...)
	}
	var f Frame
	p := NewParser(payload, PacketShort)
	for _, tt := range order {
		if ok, err := p.Next(&f); !ok || err != nil {
			t.Fatalf("before %v: %v, %v", tt.frame.Type, ok, err)
		}
		sameFrame(t, &f, &tt.frame)
	}
	if ok, err := p.Next(&f); ok || err != nil {
		t.Errorf("after the last frame: %v, %v", ok, err)
	}
}

func TestMalformedFrames(t *testing.T) {
	largest := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} // MaxVarint
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	ackHead := func(form, number byte) []byte { return []byte{form, 0, number, 0, 0, 0, 0, 0} }
	for _, tt := range []struct {
		name    string
		payload []byte
		want    string // part of the error
	}{
		{"empty packet", nil, "PROTOCOL_VIOLATION: a packet without frames"},
		{"unknown type", []byte{0x05}, "FRAME_ENCODING_ERROR in FRAME(0x05): unknown"},
		{"highest unknown type", []byte{0x3f}, "FRAME_ENCODING_ERROR in FRAME(0x3f): unknown"},
		{"type cut", []byte{0x40}, "FRAME_ENCODING_ERROR: truncated frame type"},
		{"extension longer than the packet", []byte{0x40, 0x40, 0x02, 0x00}, "EXTENSION(0x40): truncated"},
		{"crypto at the end of the world", join([]byte{0x04}, largest, []byte{1, 'x'}), "CRYPTO: data ends beyond"},
		{"stream at the end of the world", join([]byte{0x08, 0}, largest, []byte{1, 'x'}), "STREAM: data ends beyond"},
		{"stream with a huge length", join([]byte{0x08, 0, 0}, largest, []byte("x")), "STREAM: truncated"},
		{"data at the end of the world", []byte{0x10, 0, 0, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'x'}, "DATA: data ends beyond"},
		{"data at the largest offset", join([]byte{0x10, 0, 0}, largest, []byte("x")), "DATA: data ends beyond"},
		{"data without data", []byte{0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "DATA: no file data"},
		{"parity without a share", []byte{0x1d, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0}, "PARITY: no share"},
		{"parity of no blocks", []byte{0x1d, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'}, "PARITY: not a group"},
		{"parity without a stride", []byte{0x1d, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'x'}, "PARITY: not a group"},
		{"parity with 257 members", []byte{0x1d, 0, 0, 0, 0, 0, 0, 0, 1, 128, 128, 'x'}, "PARITY: not a group"},
		{"have with a huge count", join([]byte{0x1e, 0, 0}, largest), "BULK_HAVE: too many ranges"},
		{"have with 33 ranges", join([]byte{0x1e, 0, 0, 33}, bytes.Repeat([]byte{1, 1}, 33)), "BULK_HAVE: too many ranges"},
		{"have of nothing", []byte{0x1e, 0, 0, 1, 5, 0}, "BULK_HAVE: empty range"},
		{"have without a gap", []byte{0x1e, 0, 0, 2, 5, 1, 0, 1}, "BULK_HAVE: empty range or gap"},
		{"have at the end of the world", join([]byte{0x1e, 0, 0, 1}, largest, []byte{1}), "BULK_HAVE: data ends beyond"},
		{"have beyond the end of the world", join([]byte{0x1e, 0, 0, 2, 5, 1}, largest, []byte{1}), "BULK_HAVE: data ends beyond"},
		{"ack without ranges", join(ackHead(2, 9), []byte{0}), "ACK: no ranges"},
		{"ack with a first range below zero", join(ackHead(2, 9), []byte{1, 10}), "ACK: acknowledges packets below zero"},
		{"ack with a gap below zero", join(ackHead(2, 9), []byte{2, 4, 4, 0}), "ACK: acknowledges packets below zero"},
		{"ack with a range below zero", join(ackHead(2, 9), []byte{2, 4, 3, 1}), "ACK: acknowledges packets below zero"},
		{"ack with a huge gap", join(ackHead(2, 9), []byte{2, 4}, largest, []byte{0}), "ACK: acknowledges packets below zero"},
		{"ack with a huge first range", join(ackHead(2, 9), []byte{1}, largest), "ACK: acknowledges packets below zero"},
		{"ack with a huge count", join(ackHead(2, 9), largest, []byte{0, 0, 0}), "ACK: truncated"},
		{"bitmap below zero", join(ackHead(3, 2), []byte{1, 0b100}), "ACK_BITMAP: acknowledges packets below zero"},
		{"bitmap too long", join(ackHead(3, 2), []byte{0x44, 0x4d}, make([]byte, 1101)), "ACK_BITMAP: bitmap too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseOne(tt.payload)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestFramesAtTheLimit(t *testing.T) {
	for name, payload := range map[string][]byte{
		"empty crypto at the largest offset":   {0x04, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0},
		"the last byte of the longest file":    {0x10, 0, 0, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 'x'},
		"parity of the last block there is":    append([]byte{0x1d, 0, 0, 255, 255, 255, 255, 255, 255, 1, 254}, 'x'),
		"have of everything there is":          {0x1e, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255},
		"have of all":                          {0x1e, 0, 0, 0},
		"ack down to zero":                     {0x02, 0, 9, 0, 0, 0, 0, 0, 2, 4, 3, 0},
		"bitmap down to zero":                  {0x03, 0, 2, 0, 0, 0, 0, 0, 1, 0b11},
		"bitmap with clear bits below zero":    {0x03, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0},
		"longest bitmap":                       append([]byte{0x03, 0, 2, 0, 0, 0, 0, 0, 0x44, 0x4c}, make([]byte, 1100)...),
		"type in a longer form":                {0x40, 0x01},
		"extension without content, 8 byte id": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0},
	} {
		if _, err := parseOne(payload); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAllowedFrames is the table of docs/protocol.md §4: I Initial, H
// Handshake, 0 0-RTT, A Application.
func TestAllowedFrames(t *testing.T) {
	const everywhere, noEarly, noHandshake, applicationOnly = "IH0A", "IHA", "0A", "A"
	allowed := map[FrameType]string{
		0x01: everywhere, 0x02: noEarly, 0x03: noEarly, 0x04: noEarly,
		0x08: noHandshake, 0x09: noHandshake, 0x0a: noHandshake, 0x0b: noHandshake,
		0x0c: noHandshake, 0x0d: noHandshake, 0x0e: noHandshake,
		0x10: noHandshake, 0x11: noHandshake, 0x12: noHandshake, 0x13: noHandshake, 0x14: noHandshake, 0x15: noHandshake,
		0x16: applicationOnly, 0x17: applicationOnly, 0x18: noEarly, 0x19: applicationOnly,
		0x1a: applicationOnly, 0x1b: applicationOnly, 0x1c: noHandshake, 0x1d: noHandshake, 0x1e: noHandshake,
		0x40: everywhere,
	}
	packets := map[string]PacketType{"I": PacketInitial, "H": PacketHandshake, "0": PacketZeroRTT, "A": PacketShort}
	for _, tt := range frameCases {
		for letter, packet := range packets {
			p := NewParser(tt.bytes, packet)
			ok, err := p.Next(new(Frame))
			if strings.Contains(allowed[tt.frame.Type], letter) {
				if !ok || err != nil {
					t.Errorf("%v in %v: %v, want it to be allowed", tt.frame.Type, packet, err)
				}
				continue
			}
			wantCode(t, err, CodeProtocolViolation)
			if ok, err := p.Next(new(Frame)); ok || err != nil {
				t.Errorf("after an error: %v, %v", ok, err)
			}
		}
	}
}

func TestOnlyPadding(t *testing.T) {
	p := NewParser(make([]byte, 100), PacketInitial)
	if ok, err := p.Next(new(Frame)); ok || err != nil {
		t.Errorf("a packet of PADDING: %v, %v", ok, err)
	}
}

func TestAckDelayIsClamped(t *testing.T) {
	f, err := parseOne([]byte{0x02, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Duration(math.MaxInt64).Truncate(time.Microsecond); f.Ack.Delay != want {
		t.Errorf("delay %v, want %v", f.Ack.Delay, want)
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	data := Data{Transfer: 1, Offset: 4096, Bytes: make([]byte, BlockSize)}.Append([]byte{0x1c, 0x00})
	ack := Ack{Largest: 100}
	for i := range uint64(50) {
		ack.Ranges.Add(2*i, 2*i+1)
	}
	ack.Ranges.Add(100, 101)
	var f Frame
	have := BulkHave{Ranges: ack.Ranges[:MaxHaveRanges]}
	for name, payload := range map[string][]byte{"DATA": data, "ACK": ack.Append(nil), "BULK_HAVE": have.Append(nil)} {
		parse := func() {
			p := NewParser(payload, PacketShort)
			for {
				ok, err := p.Next(&f)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					return
				}
			}
		}
		parse() // grows the slice of ranges once
		if n := testing.AllocsPerRun(100, parse); n != 0 {
			t.Errorf("parsing %s allocates %v times", name, n)
		}
	}
	out := make([]byte, 0, MaxDatagram)
	if n := testing.AllocsPerRun(100, func() { out = AppendAck(out[:0], ack, MaxDatagram) }); n != 0 {
		t.Errorf("AppendAck allocates %v times", n)
	}
}

// FuzzFrames checks that what parses once, appended again, parses to the same.
func FuzzFrames(f *testing.F) {
	for _, tt := range frameCases {
		f.Add(tt.bytes, uint8(PacketShort))
	}
	f.Add([]byte{0x00, 0x01, 0x02, 0x00}, uint8(PacketInitial))
	f.Fuzz(func(t *testing.T, payload []byte, packet uint8) {
		p := NewParser(payload, PacketType(packet%6))
		var first Frame
		for {
			ok, err := p.Next(&first)
			if err != nil || !ok {
				return
			}
			encoded := first.Append(nil)
			if content := first.content(); content != nil && content.Len() != len(encoded) {
				t.Fatalf("%v: Len() = %d, appended %d bytes", &first, content.Len(), len(encoded))
			}
			second, err := parseOne(encoded)
			if err != nil {
				t.Fatalf("%v, appended again as % x: %v", &first, encoded, err)
			}
			if second.Type == FrameAck || second.Type == FrameAckBitmap {
				second.Type = first.Type // the encoder chooses the form
			}
			sameFrame(t, second, &first)
		}
	})
}
