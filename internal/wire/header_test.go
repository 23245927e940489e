package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var (
	clientID = ConnectionID{1, 2, 3, 4, 5, 6, 7, 8}
	serverID = ConnectionID{0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8}
)

// longPrefixBytes are the first 21 bytes of a version 1 packet to serverID.
func longPrefixBytes(flags byte) []byte {
	return []byte{
		flags,
		'U', 'F', 'T', 1, // version
		0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, // destination
		1, 2, 3, 4, 5, 6, 7, 8, // source
	}
}

// longCases are headers whose packets have a payload and a tag of 20 bytes.
var longCases = []struct {
	name   string
	header LongHeader
	bytes  []byte
}{
	{
		"Initial with a token",
		LongHeader{Type: PacketInitial, Token: []byte("tok"), PacketNumber: 0x01020304},
		append(
			longPrefixBytes(0xc0),
			3, 't', 'o', 'k',
			0, 24, // length
			1, 2, 3, 4, // packet number
		),
	},
	{
		"Initial without a token",
		LongHeader{Type: PacketInitial, PacketNumber: 5},
		append(longPrefixBytes(0xc0), 0 /* token length */, 0, 24, 0, 0, 0, 5),
	},
	{
		"0-RTT",
		LongHeader{Type: PacketZeroRTT, PacketNumber: 0xffffffff},
		append(longPrefixBytes(0xd0), 0, 24, 0xff, 0xff, 0xff, 0xff),
	},
	{
		"Handshake",
		LongHeader{Type: PacketHandshake},
		append(longPrefixBytes(0xe0), 0, 24, 0, 0, 0, 0),
	},
}

func TestLongHeaders(t *testing.T) {
	sealed := bytes.Repeat([]byte{0x55}, 20)
	for _, tt := range longCases {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.header
			h.Version, h.Destination, h.Source = Version1, serverID, clientID
			// A packet in front shows that lengthAt counts from the start of out.
			front := []byte{9, 9, 9}
			out, lengthAt := AppendLongHeader(front, h)
			out = append(out, sealed...)
			SetLength(out, lengthAt, len(out)-lengthAt-2)
			packet := append(bytes.Clone(tt.bytes), sealed...)
			if got := out[len(front):]; !bytes.Equal(got, packet) {
				t.Fatalf("appended % x\n    want % x", got, packet)
			}

			datagram := append(bytes.Clone(packet), packet...)
			got, err := ConsumeLongHeader(datagram)
			if err != nil {
				t.Fatal(err)
			}
			h.HeaderLen, h.PacketLen = len(tt.bytes), len(packet)
			if diff := cmp.Diff(h, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if id, ok := DestinationID(datagram); !ok || id != serverID {
				t.Errorf("DestinationID = %v, %v", id, ok)
			}
			for n := range len(packet) {
				if h, err := ConsumeLongHeader(packet[:n]); !errors.Is(err, ErrHeader) {
					t.Errorf("cut to %d bytes: %+v, %v", n, h, err)
				}
				if _, ok := DestinationID(packet[:n]); ok != (n >= 21) {
					t.Errorf("DestinationID of %d bytes: %v", n, ok)
				}
			}
		})
	}
}

func TestHeaderStrings(t *testing.T) {
	if got := serverID.String(); got != "a1a2a3a4a5a6a7a8" {
		t.Errorf("connection ID %s", got)
	}
	if got := PacketZeroRTT.String() + ", " + PacketShort.String() + ", " + PacketType(6).String(); got != "0-RTT, Application, unknown packet type" {
		t.Errorf("packet types %s", got)
	}
}

func TestMalformedLongHeaders(t *testing.T) {
	sealed := make([]byte, 20)
	for name, packet := range map[string][]byte{
		"no fixed bit":                  append(append(longPrefixBytes(0xa0), 0, 24, 0, 0, 0, 0), sealed...),
		"length without room for a tag": append(append(longPrefixBytes(0xe0), 0, 19, 0, 0, 0, 0), sealed...),
		"length beyond the datagram":    append(append(longPrefixBytes(0xe0), 0, 25, 0, 0, 0, 0), sealed...),
		"token beyond the datagram":     append(append(longPrefixBytes(0xc0), 0x40, 0xff), sealed...),
		"short header":                  append(longPrefixBytes(0x40), sealed...),
	} {
		if h, err := ConsumeLongHeader(packet); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	b := longPrefixBytes(0xc0)
	b[4] = 2
	h, err := ConsumeLongHeader(b)
	if !errors.Is(err, ErrVersion) {
		t.Fatalf("error %v", err)
	}
	if h.Version != 0x55465402 || h.Destination != serverID || h.Source != clientID {
		t.Errorf("header %+v", h)
	}
	if id, ok := DestinationID(b); !ok || id != serverID {
		t.Errorf("DestinationID = %v, %v", id, ok)
	}
	if _, err := ConsumeRetry(append(b, make([]byte, 20)...)); !errors.Is(err, ErrVersion) {
		t.Errorf("ConsumeRetry: %v", err)
	}
}

func TestShortHeader(t *testing.T) {
	for _, phase := range []bool{false, true} {
		h := ShortHeader{KeyPhase: phase, Destination: clientID, PacketNumber: 0x7_89abcdef}
		want := []byte{0x40, 1, 2, 3, 4, 5, 6, 7, 8, 0x89, 0xab, 0xcd, 0xef}
		if phase {
			want[0] = 0x41
		}
		packet := AppendShortHeader(nil, h)
		if !bytes.Equal(packet, want) {
			t.Fatalf("appended % x\n    want % x", packet, want)
		}
		packet = append(packet, make([]byte, TagLen)...)
		for n := range len(packet) {
			if _, err := ConsumeShortHeader(packet[:n]); !errors.Is(err, ErrHeader) {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
			if _, ok := DestinationID(packet[:n]); ok {
				t.Errorf("DestinationID of %d bytes", n)
			}
		}
		packet[0] |= 0x3e // reserved bits are ignored
		got, err := ConsumeShortHeader(packet)
		h.PacketNumber = 0x89abcdef
		if err != nil || got != h {
			t.Errorf("got %+v, %v, want %+v", got, err, h)
		}
		if id, ok := DestinationID(packet); !ok || id != clientID {
			t.Errorf("DestinationID = %v, %v", id, ok)
		}
		for _, flags := range []byte{0x00, 0x80, 0xc0} {
			packet[0] = flags
			if _, err := ConsumeShortHeader(packet); !errors.Is(err, ErrHeader) {
				t.Errorf("first byte %#x: %v", flags, err)
			}
		}
		packet[0] = 0
		if _, ok := DestinationID(packet); ok {
			t.Error("DestinationID of a packet without the fixed bit")
		}
	}
}

func TestRetry(t *testing.T) {
	r := Retry{Version: Version1, Destination: serverID, Source: clientID, Token: []byte("token"), Tag: [16]byte{15: 7}}
	packet := AppendRetryWithoutTag(nil, r)
	if want := append(longPrefixBytes(0xf0), "token"...); !bytes.Equal(packet, want) {
		t.Fatalf("appended % x\n    want % x", packet, want)
	}
	packet = append(packet, r.Tag[:]...)
	got, err := ConsumeRetry(packet)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for n := range longPrefix + TagLen + 1 {
		if _, err := ConsumeRetry(packet[:n]); !errors.Is(err, ErrHeader) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	h, err := ConsumeLongHeader(packet)
	if err != nil || h.Type != PacketRetry || h.Source != clientID || h.PacketLen != len(packet) {
		t.Errorf("ConsumeLongHeader: %+v, %v", h, err)
	}
	packet[0] = 0xe0
	if _, err := ConsumeRetry(packet); !errors.Is(err, ErrHeader) {
		t.Errorf("a Handshake packet as a Retry: %v", err)
	}
}

func TestVersionNegotiation(t *testing.T) {
	v := VersionNegotiation{Destination: serverID, Source: clientID, Versions: []uint32{Version1, 0x0a0a0a0a}}
	packet := AppendVersionNegotiation(nil, v)
	want := longPrefixBytes(0xc0)
	copy(want[1:5], []byte{0, 0, 0, 0})
	want = append(want, 'U', 'F', 'T', 1, 0x0a, 0x0a, 0x0a, 0x0a)
	if !bytes.Equal(packet, want) {
		t.Fatalf("appended % x\n    want % x", packet, want)
	}
	for _, flags := range []byte{0xc0, 0x80, 0xff, 0xbf} { // all bits but the first are free
		packet[0] = flags
		got, err := ConsumeVersionNegotiation(packet)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		h, err := ConsumeLongHeader(packet)
		if err != nil || h.Type != PacketVersionNegotiation || h.Destination != serverID {
			t.Errorf("ConsumeLongHeader: %+v, %v", h, err)
		}
		if _, err := ConsumeRetry(packet); !errors.Is(err, ErrHeader) {
			t.Errorf("ConsumeRetry: %v", err)
		}
	}
	for n := range len(packet) {
		if _, err := ConsumeVersionNegotiation(packet[:n]); (err == nil) != (n == 25) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	v.Versions = make([]uint32, 300)
	if got, err := ConsumeVersionNegotiation(AppendVersionNegotiation(nil, v)); err != nil || len(got.Versions) != 16 {
		t.Errorf("of 300 versions %d were kept, %v", len(got.Versions), err)
	}
}

func TestDecodePacketNumber(t *testing.T) {
	for _, tt := range []struct {
		largestPlusOne uint64
		low            uint32
		want           uint64
	}{
		{0, 0, 0},
		{0, 0xffffffff, 0xffffffff}, // nothing lies below zero
		{1 << 32, 0xffffffff, 0xffffffff},
		{0xffffffff, 0, 1 << 32},
		{0x1_00000005, 0x80000005, 0x1_80000005}, // half a window away: the later one
		{0x1_00000005, 0x80000006, 0x0_80000006},
		{MaxVarint, 0xffffffff, MaxVarint},
		{MaxVarint, 0, MaxVarint - 0xffffffff}, // the nearest one would be too large
		{MaxVarint + 1, 0xffffffff, MaxVarint},
		{1<<64 - 1, 5, MaxVarint - 0xffffffff + 5},
	} {
		if got := DecodePacketNumber(tt.largestPlusOne, tt.low); got != tt.want {
			t.Errorf("DecodePacketNumber(%#x, %#x) = %#x, want %#x", tt.largestPlusOne, tt.low, got, tt.want)
		}
	}
}

func TestDecodePacketNumberProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expected := rapid.OneOf(
			rapid.Uint64Range(0, 1<<33), rapid.Uint64Range(0, MaxVarint), rapid.Uint64Range(MaxVarint-1<<33, MaxVarint),
		).Draw(t, "largest plus one")
		low := uint64(0)
		if expected > 1<<31 {
			low = expected - 1<<31 + 1
		}
		number := rapid.Uint64Range(low, min(expected+1<<31, MaxVarint)).Draw(t, "number")
		if got := DecodePacketNumber(expected, uint32(number)); got != number {
			t.Fatalf("decoded %#x", got)
		}
	})
}

// FuzzHeaders checks that a header that parses, appended again, gives the same
// bytes, and that the lengths it reports lie within the datagram.
func FuzzHeaders(f *testing.F) {
	for _, tt := range longCases {
		f.Add(append(bytes.Clone(tt.bytes), make([]byte, 20)...))
	}
	f.Add(append(longPrefixBytes(0xf0), make([]byte, 20)...))
	f.Add(AppendVersionNegotiation(nil, VersionNegotiation{Versions: []uint32{Version1}}))
	f.Add(append(AppendShortHeader(nil, ShortHeader{KeyPhase: true}), make([]byte, TagLen)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := ConsumeShortHeader(b); err == nil {
			got := AppendShortHeader(nil, h)
			if id, ok := DestinationID(b); !ok || id != h.Destination || !bytes.Equal(got[1:], b[1:ShortHeaderLen]) {
				t.Fatalf("%+v from % x", h, b)
			}
		}
		if r, err := ConsumeRetry(b); err == nil {
			if got := append(AppendRetryWithoutTag(nil, r), r.Tag[:]...); !bytes.Equal(got[1:], b[1:]) {
				t.Fatalf("%+v from % x", r, b)
			}
		}
		if v, err := ConsumeVersionNegotiation(b); err == nil {
			if got := AppendVersionNegotiation(nil, v); !bytes.HasPrefix(b[1:], got[1:]) {
				t.Fatalf("%+v from % x", v, b)
			}
		}
		h, err := ConsumeLongHeader(b)
		if err != nil {
			return
		}
		if id, ok := DestinationID(b); !ok || id != h.Destination {
			t.Fatalf("%+v from % x", h, b)
		}
		if h.PacketLen > len(b) || h.HeaderLen > h.PacketLen-TagLen && h.HeaderLen != 0 {
			t.Fatalf("lengths %d, %d of %d bytes", h.HeaderLen, h.PacketLen, len(b))
		}
		if h.Type > PacketHandshake {
			return
		}
		out, lengthAt := AppendLongHeader(nil, h)
		SetLength(out, lengthAt, h.PacketLen-h.HeaderLen+packetNumberLen)
		again, err := ConsumeLongHeader(append(out, b[h.HeaderLen:h.PacketLen]...))
		again.HeaderLen, again.PacketLen = h.HeaderLen, h.PacketLen // a token length may have been longer than needed
		if diff := cmp.Diff(h, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}
