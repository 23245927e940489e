package wire

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

// TestFramesInOnePacket reads all frames from one packet with one Frame, DATA
// last, with PADDING in both forms between them.
func TestFramesInOnePacket(t *testing.T) {
	var payload []byte
	order := append(frameCases[:0:0], frameCases...)
	for i, tt := range order {
		if tt.frame.Type == FrameData {
			order = append(append(order[:i:i], order[i+1:]...), tt)
			break
		}
	}
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
		0x1a: applicationOnly, 0x1b: applicationOnly, 0x1c: noHandshake,
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
	for name, payload := range map[string][]byte{"DATA": data, "ACK": ack.Append(nil)} {
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
