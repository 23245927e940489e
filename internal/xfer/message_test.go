package xfer_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"example.com/uft/internal/wire"
	"example.com/uft/internal/xfer"
)

func pointer[T any](v T) *T { return &v }

// hashOf is a hash whose bytes are all b.
func hashOf(b byte) xfer.Hash { return xfer.Hash(bytes.Repeat([]byte{b}, xfer.HashSize)) }

// messages has every type of message, with all its fields and with as few as
// may be, and the bytes that stand on the stream.
var messages = []struct {
	name    string
	message xfer.Message
	wire    string // hexadecimal, with spaces
}{
	{"HELLO", &xfer.Hello{Mode: xfer.ModeBothWays, Program: "uft", Abilities: 3}, "01 0b 010102 0203756674 030103"},
	{"HELLO of few words", &xfer.Hello{}, "01 06 010100 030100"},
	{
		"OFFER",
		&xfer.Offer{
			ID:      [16]byte{15: 1},
			Answers: pointer(uint64(5)),
			Entries: []xfer.Entry{
				{Transfer: 3, Name: "a.bin", Size: pointer(uint64(1024)), ModTime: pointer(int64(-1)), Mode: pointer(uint16(0o644)), Hash: 1},
				{Transfer: 300, Name: "b", Hash: 1},
			},
		},
		"02 40 48 0110 00000000000000000000000000000001 020105" +
			"03 22 010103 020100 0305612e62696e 04024400 0508ffffffffffffffff 060241a4 070101" +
			"03 0d 0102412c 020100 030162 070101",
	},
	{"REQUEST in the background", &xfer.Request{ID: 1, Name: "a", Background: true}, "03 09 010101 020161 050101"},
	{"REQUEST", &xfer.Request{ID: 1, Name: "a", Rate: 8000, Target: pointer("host")}, "03 10 010101 020161 03025f40 0404686f7374"},
	{"REQUEST at any rate", &xfer.Request{Name: "a"}, "03 06 010100 020161"},
	{"ACCEPT", &xfer.Accept{Transfer: 0xffff}, "04 06 0104 8000ffff"},
	{
		"HELD", &xfer.Held{Transfer: 1, First: 2, Hashes: []xfer.Hash{hashOf(0xaa), hashOf(0xbb)}},
		"05 40 49 010101 020102 034040" + strings.Repeat("aa", 32) + strings.Repeat("bb", 32),
	},
	{"REFUSE of a transfer", &xfer.Refuse{Transfer: pointer(uint16(1)), Code: xfer.CodeExists, Text: "no"}, "06 0a 010101 030103 04026e6f"},
	{"REFUSE of a request", &xfer.Refuse{Request: pointer(uint64(1)), Code: xfer.CodeNotFound}, "06 06 020101 030101"},
	{"CHUNK", &xfer.Chunk{Transfer: 1, Index: 64, Hash: hashOf(0xcc)}, "07 29 010101 02024040 0320" + strings.Repeat("cc", 32)},
	{"END", &xfer.End{Transfer: 1, Size: 1 << 32, Root: hashOf(0xdd)}, "08 2f 010101 0208c000000100000000 0320" + strings.Repeat("dd", 32)},
	{"DONE", &xfer.Done{Transfer: 1, Root: hashOf(0xee)}, "09 25 010101 0220" + strings.Repeat("ee", 32)},
	{"DONE without writing", &xfer.Done{Transfer: 1, Root: hashOf(0xee), Same: true}, "09 28 010101 0220" + strings.Repeat("ee", 32) + "030101"},
	{"ERROR", &xfer.Error{Transfer: 1, Code: xfer.CodeIntegrity, Text: "é"}, "0a 0a 010101 02010b 0302c3a9"},
	{"STATUS", &xfer.Status{Transfer: 1, Activity: xfer.ActivitySyncing, Bytes: 7}, "0b 09 010101 020102 030107"},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessages(t *testing.T) {
	for _, test := range messages {
		t.Run(test.name, func(t *testing.T) {
			want := unhex(t, test.wire)
			if got := xfer.Append(nil, test.message); !bytes.Equal(got, want) {
				t.Errorf("appended\n%x, want\n%x", got, want)
			}
			var d xfer.Decoder
			d.Feed(want)
			got, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.message, got); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
			if d.Buffered() {
				t.Error("something is left")
			}
		})
	}
}

// TestTruncatedBodies cuts every body everywhere: what is left is an error, or
// a message with fewer fields, and never a panic.
func TestTruncatedBodies(t *testing.T) {
	for _, test := range messages {
		t.Run(test.name, func(t *testing.T) {
			typ, body, n, err := wire.ConsumeMessage(unhex(t, test.wire), xfer.MaxBody)
			if n == 0 || err != nil {
				t.Fatal(n, err)
			}
			for cut := range len(body) {
				m, err := xfer.Parse(xfer.MessageType(typ), body[:cut])
				var broken *xfer.ProtocolError
				switch {
				case err != nil && !errors.As(err, &broken):
					t.Errorf("cut at %d: %v is no ProtocolError", cut, err)
				case err == nil && cmp.Equal(m, test.message):
					t.Errorf("cut at %d: nothing is missing", cut)
				}
			}
		})
	}
}

// TestStreamInPieces: however the stream is cut, the messages are the same.
func TestStreamInPieces(t *testing.T) {
	var stream []byte
	var want []xfer.Message
	for _, test := range messages {
		stream = append(stream, unhex(t, test.wire)...)
		stream = append(stream, unhex(t, "4040 03 616263")...) // an extension between them
		want = append(want, test.message)
	}
	rapid.Check(t, func(t *rapid.T) {
		var d xfer.Decoder
		var got []xfer.Message
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, min(len(rest), 80)).Draw(t, "piece")
			d.Feed(rest[:n])
			rest = rest[n:]
			for {
				m, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				if m == nil {
					break
				}
				got = append(got, m)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || d.Buffered() {
			t.Fatalf("other messages, or something left (%t):\n%s", d.Buffered(), diff)
		}
	})
}

func TestRejected(t *testing.T) {
	hash := "0320" + strings.Repeat("cc", 32)
	for _, test := range []struct{ name, wire, want string }{
		{"unknown type", "0c 00", "unknown type 0xc"},
		{"type zero", "00 00", "unknown type 0x0"},
		{"unknown field", "04 06 010101 020100", "ACCEPT: field 2 is unknown"},
		{"field zero", "04 06 010101 000100", "field 0 is unknown"},
		{"field twice", "04 06 010101 010101", "field 1 comes twice"},
		{"field missing", "04 00", "field 1 is missing"},
		{"field cut off", "04 02 0105", "cut off"},
		{"empty integer", "04 02 0100", "no integer"},
		{"integer and more", "04 04 01020101", "no integer"},
		{"integer cut off", "04 03 010141", "no integer"},
		{"transfer id above 16 bits", "04 06 0104 80010000", "above 65535"},
		{"hash too short", "07 09 010101 020100 030101", "has 1 bytes, not 32"},
		{"no hashes", "05 08 010101 020100 0300", "no hashes"},
		{"half a hash", "05 19 010101 020100 0311" + strings.Repeat("aa", 17), "no hashes"},
		{"no entry", "02 12 0110" + strings.Repeat("00", 16), "no entry"},
		{"entry without a name", "02 1d 0110" + strings.Repeat("00", 16) + "0309 010100 020100 070101", "entry 0: field 3 is missing"},
		{"mode with special bits", "02 24 0110" + strings.Repeat("00", 16) + "0310 010100 020100 030161 070101 060249ed", "above 511"},
		{"offer without id", "02 0e 030c 010100 020100 030161 070101", "field 1 is missing"},
		{"offer id too long", "02 13 0111" + strings.Repeat("00", 17), "not 16"},
		{"refusal of nothing", "06 03 030101", "exactly one"},
		{"refusal of both", "06 09 010101 020101 030101", "exactly one"},
		{"text not UTF-8", "03 06 010100 0201ff", "not UTF-8"},
		{"text too long", "03 4407 010100 024401" + strings.Repeat("61", 1025), "above 1024"},
		{"chunk without index", "07 25 010101" + hash, "field 2 is missing"},
		{"body too large", "07 80100001", "too large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var d xfer.Decoder
			d.Feed(unhex(t, test.wire))
			m, err := d.Next()
			var broken *xfer.ProtocolError
			if !errors.As(err, &broken) || broken.Code != xfer.CodeProtocol || !strings.Contains(broken.Text, test.want) {
				t.Errorf("got %v, %v, want an error with %q", m, err, test.want)
			}
		})
	}
}

func TestExtensionsAreSkipped(t *testing.T) {
	var d xfer.Decoder
	d.Feed(unhex(t, "7fff 05 ffffffffff  04 07 4041 01 ff 010102"))
	m, err := d.Next()
	if diff := cmp.Diff(xfer.Message(&xfer.Accept{Transfer: 2}), m); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestTimesThatFit: a varint has 62 bits, so times too far away are left out
// rather than told wrongly.
func TestEveryTimeIsTold(t *testing.T) {
	for _, nanoseconds := range []int64{0, -1, 1, math.MaxInt64, math.MinInt64} {
		e := xfer.NewEntry(1, "a")
		e.ModTime = &nanoseconds
		var d xfer.Decoder
		d.Feed(xfer.Append(nil, &xfer.Offer{Entries: []xfer.Entry{e}}))
		m, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.(*xfer.Offer).Entries[0].ModTime; got == nil || *got != nanoseconds {
			t.Errorf("time %d was read as %v", nanoseconds, got)
		}
	}
}

func TestClipText(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"short", "abc", "abc"},
		{"just fits", strings.Repeat("a", 1024), strings.Repeat("a", 1024)},
		{"cut between letters", strings.Repeat("a", 1023) + "é", strings.Repeat("a", 1023)},
		{"not UTF-8", "a\xff", `"a\xff"`},
	} {
		if got := xfer.ClipText(test.in); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCodesHaveNames(t *testing.T) {
	for code, want := range map[xfer.Code]string{1: "NOT_FOUND", 10: "MODE", 11: "INTEGRITY", 19: "INTERNAL", 20: "CODE(20)"} {
		if got := code.String(); got != want {
			t.Errorf("code %d is %s, want %s", uint64(code), got, want)
		}
	}
}

// FuzzDecoder: no stream makes the decoder panic, and every message that it
// yields is one that it would have written the same way.
func FuzzDecoder(f *testing.F) {
	for _, test := range messages {
		f.Add(unhex(f, test.wire))
	}
	f.Add(unhex(f, "4040 03 616263"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var d xfer.Decoder
		d.Feed(stream)
		for {
			m, err := d.Next()
			if m == nil || err != nil {
				return
			}
			var again xfer.Decoder
			again.Feed(xfer.Append(nil, m))
			got, err := again.Next()
			if diff := cmp.Diff(m, got); err != nil || diff != "" {
				t.Fatalf("%v written and read again: %v\n%s", m.Type(), err, diff)
			}
		}
	})
}
