package wire

import (
	"bytes"
	"errors"
	"testing"
)

func TestMessage(t *testing.T) {
	body := AppendField(nil, 1, []byte{7, 7})
	body = AppendUintField(body, 0x40, 1000)
	body = AppendStringField(body, 3, "né")
	wantBody := []byte{
		0x01, 2, 7, 7,
		0x40, 0x40, 2, 0x43, 0xe8, // id 0x40 takes two bytes
		0x03, 3, 'n', 0xc3, 0xa9,
	}
	message := AppendMessage(nil, 5, body)
	want := append([]byte{0x05, 14}, wantBody...)
	if !bytes.Equal(message, want) {
		t.Fatalf("appended % x\n    want % x", message, want)
	}

	stream := append(bytes.Clone(message), 0x06, 0x00)
	typ, got, n, err := ConsumeMessage(stream, 14)
	if typ != 5 || !bytes.Equal(got, wantBody) || n != len(message) || err != nil {
		t.Errorf("got type %d, body % x, n %d, %v", typ, got, n, err)
	}
	if typ, got, n, err := ConsumeMessage(stream[n:], 14); typ != 6 || len(got) != 0 || n != 2 || err != nil {
		t.Errorf("after it: type %d, body % x, n %d, %v", typ, got, n, err)
	}
	for i := range len(message) {
		if _, body, n, err := ConsumeMessage(message[:i], 14); body != nil || n != 0 || err != nil {
			t.Errorf("the first %d bytes: body % x, n %d, %v, want it to be incomplete", i, body, n, err)
		}
	}

	id, value, n := ConsumeField(got)
	if id != 1 || !bytes.Equal(value, []byte{7, 7}) || n != 4 {
		t.Errorf("field %d: % x, n %d", id, value, n)
	}
	id, value, m := ConsumeField(got[n:])
	if v, ok := UintValue(value); id != 0x40 || v != 1000 || !ok || m != 5 {
		t.Errorf("field %#x: % x, n %d", id, value, m)
	}
	id, value, m = ConsumeField(got[n+m:])
	if id != 3 || string(value) != "né" || m != 5 {
		t.Errorf("field %d: %q, n %d", id, value, m)
	}
}

func TestMessageTooLarge(t *testing.T) {
	head := []byte{0x05, 0x40, 0x64} // 100 bytes are announced, none has come
	if _, _, n, err := ConsumeMessage(head, 100); n != 0 || err != nil {
		t.Errorf("at the limit: n %d, %v", n, err)
	}
	for _, limit := range []int{99, 0, -1} {
		if typ, _, n, err := ConsumeMessage(head, limit); typ != 5 || n != 0 || !errors.Is(err, ErrMessageTooLarge) {
			t.Errorf("limit %d: type %d, n %d, %v", limit, typ, n, err)
		}
	}
	huge := []byte{0x05, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if _, _, _, err := ConsumeMessage(huge, 1<<20); !errors.Is(err, ErrMessageTooLarge) {
		t.Errorf("2^62-1 bytes: %v", err)
	}
}

func TestFieldTruncations(t *testing.T) {
	field := AppendField(nil, 0x1234, []byte{1, 2, 3})
	for n := range len(field) {
		if id, value, n := ConsumeField(field[:n]); n >= 0 || id != 0 || value != nil {
			t.Errorf("the first %d bytes: %d, % x, %d", n, id, value, n)
		}
	}
}

func TestUintValue(t *testing.T) {
	for _, tt := range []struct {
		value []byte
		want  uint64
		ok    bool
	}{
		{nil, 0, false},
		{[]byte{0x3f}, 63, true},
		{[]byte{0x40, 0x01}, 1, true}, // longer than needed
		{[]byte{0x40}, 0, false},
		{[]byte{0x01, 0x00}, 0, false},
	} {
		if v, ok := UintValue(tt.value); ok != tt.ok || ok && v != tt.want {
			t.Errorf("UintValue(% x) = %d, %v", tt.value, v, ok)
		}
	}
}

func TestVarint(t *testing.T) {
	for _, tt := range []struct {
		v     uint64
		bytes []byte
	}{
		// The examples of RFC 9000 A.1.
		{151_288_809_941_952_652, []byte{0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
		{494_878_333, []byte{0x9d, 0x7f, 0x3e, 0x7d}},
		{15_293, []byte{0x7b, 0xbd}},
		{37, []byte{0x25}},
		// The borders.
		{0, []byte{0}},
		{63, []byte{0x3f}},
		{64, []byte{0x40, 0x40}},
		{1<<14 - 1, []byte{0x7f, 0xff}},
		{1 << 14, []byte{0x80, 0x00, 0x40, 0x00}},
		{1<<30 - 1, []byte{0xbf, 0xff, 0xff, 0xff}},
		{1 << 30, []byte{0xc0, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00}},
		{MaxVarint, bytes.Repeat([]byte{0xff}, 8)},
	} {
		if got := AppendVarint(nil, tt.v); !bytes.Equal(got, tt.bytes) || VarintLen(tt.v) != len(got) {
			t.Errorf("%d: appended % x, VarintLen %d, want % x", tt.v, got, VarintLen(tt.v), tt.bytes)
		}
		if v, n := ConsumeVarint(append(bytes.Clone(tt.bytes), 0xaa)); v != tt.v || n != len(tt.bytes) {
			t.Errorf("% x: consumed %d, n %d, want %d", tt.bytes, v, n, tt.v)
		}
		for i := range len(tt.bytes) {
			if _, n := ConsumeVarint(tt.bytes[:i]); n >= 0 {
				t.Errorf("the first %d bytes of % x: n %d", i, tt.bytes, n)
			}
		}
	}
	if v, n := ConsumeVarint([]byte{0x40, 0x25}); v != 37 || n != 2 {
		t.Errorf("37 in two bytes: %d, n %d", v, n)
	}
	defer func() {
		if recover() == nil {
			t.Error("2^62 was appended")
		}
	}()
	AppendVarint(nil, MaxVarint+1)
}

func TestErrorStrings(t *testing.T) {
	for err, want := range map[*Error]string{
		{Code: CodeKeyLimit, Reason: "too many"}:                              "KEY_LIMIT: too many",
		{Code: CodeFinalSizeError, Frame: FrameBulkEnd, Reason: "two sizes"}:  "FINAL_SIZE_ERROR in BULK_END: two sizes",
		{Code: CodeCryptoBase + 42, Reason: "bad certificate"}:                "CRYPTO_ERROR(alert 42): bad certificate",
		{Code: 0x0c, Frame: 0x2f, Reason: "from a later version"}:             "ERROR(0xc) in FRAME(0x2f): from a later version",
		{Code: CodeProtocolViolation, Frame: FrameExtension + 1, Reason: "?"}: "PROTOCOL_VIOLATION in EXTENSION(0x41): ?",
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzMessage checks that a message and its fields, appended again, parse to
// the same, and that a prefix of a message is incomplete, never an error.
func FuzzMessage(f *testing.F) {
	f.Add(AppendMessage(nil, 1, AppendStringField(AppendUintField(nil, 1, 1<<40), 2, "name")), 100)
	f.Add([]byte{0x40, 0x01, 0x40, 0x00}, 0)
	f.Fuzz(func(t *testing.T, b []byte, maxBody int) {
		typ, body, n, err := ConsumeMessage(b, maxBody)
		if err != nil || n == 0 {
			return
		}
		if len(body) > max(maxBody, 0) || n > len(b) {
			t.Fatalf("a body of %d bytes, limit %d, n %d of %d", len(body), maxBody, n, len(b))
		}
		if _, _, m, err := ConsumeMessage(b[:n-1], maxBody); m != 0 || err != nil {
			t.Fatalf("one byte short: n %d, %v", m, err)
		}
		again, got, m, err := ConsumeMessage(AppendMessage(nil, typ, body), maxBody)
		if again != typ || !bytes.Equal(got, body) || m > n || err != nil {
			t.Fatalf("type %d, % x became %d, % x, %v", typ, body, again, got, err)
		}
		for len(body) > 0 {
			id, value, n := ConsumeField(body)
			if n < 0 {
				return
			}
			body = body[n:]
			if v, ok := UintValue(value); ok {
				_, value, _ := ConsumeField(AppendUintField(nil, id, v))
				if again, ok := UintValue(value); again != v || !ok {
					t.Fatalf("number %d became %d, %v", v, again, ok)
				}
			}
			againID, againValue, _ := ConsumeField(AppendField(nil, id, value))
			if againID != id || !bytes.Equal(againValue, value) {
				t.Fatalf("field %d: % x became %d: % x", id, value, againID, againValue)
			}
		}
	})
}
