package term

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"plain name.txt", "plain name.txt"},
		{"été — 日本.txt", "été — 日本.txt"},
		{`C:\files`, `C:\files`},
		{"a\nb\r\tc", `a\nb\r\tc`},
		{"\x1b[2J\x1b]0;title\a", `\x1b[2J\x1b]0;title\a`},
		{"\x00\x7f", `\x00\x7f`},
		{"\u0085\u009b31m", `\u0085\u009b31m`},
		{"bad \xff\xc3 utf8", `bad \xff\xc3 utf8`},
		{"\ufffd", "\ufffd"},
		{"gpj\u202eexe", `gpj\u202eexe`},
		{"\u2066\u2069\u200e\u200f\u061c", `\u2066\u2069\u200e\u200f\u061c`},
		{"\u200b\ufeff\u2028\u2029\u00a0", `\u200b\ufeff\u2028\u2029\u00a0`},
		{"\U000e0041", `\U000e0041`},
	}
	for _, test := range tests {
		if got := Escape(test.in); got != test.want {
			t.Errorf("Escape(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestEscapeIsBounded(t *testing.T) {
	fits := strings.Repeat("x", MaxEscaped)
	if got := Escape(fits); got != fits {
		t.Errorf("%d bytes were cut to %d", len(fits), len(got))
	}
	for _, unit := range []string{"x", "é", "\x1b", "\xff"} {
		got := Escape(strings.Repeat(unit, 2*MaxEscaped))
		body, cut := strings.CutSuffix(got, "…")
		if !cut || len(body) > MaxEscaped || len(body) < MaxEscaped-10 {
			t.Errorf("%q repeated: %d bytes, cut mark %v", unit, len(body), cut)
		}
	}
	if got := EscapePath(fits + fits + "\n"); got != fits+fits+`\n` {
		t.Errorf("EscapePath cut the name to %d bytes", len(got))
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b[0m\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if !utf8.ValidString(got) || len(got) > MaxEscaped+len("…") {
			t.Errorf("Escape(%q) = %q", s, got)
		}
		for _, r := range got {
			if r < ' ' || 0x7f <= r && r <= 0x9f || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 {
				t.Errorf("Escape(%q) lets %U through", s, r)
			}
		}
	})
}

func TestModeAndStyleWithoutTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	none := func(string) string { return "" }
	for _, w := range []interface {
		Write([]byte) (int, error)
	}{new(bytes.Buffer), file} {
		if IsTerminal(w) {
			t.Errorf("%T is a terminal", w)
		}
		if got := ModeFor(w, false, none); got != Lines {
			t.Errorf("mode %v on %T, want Lines", got, w)
		}
		if got := ModeFor(w, true, none); got != Quiet {
			t.Errorf("mode %v on %T with -q, want Quiet", got, w)
		}
		if got := StyleFor(w, none).Alarm("x"); got != "x" {
			t.Errorf("colour on %T: %q", w, got)
		}
	}
	if got := (Style{color: true}).Alarm("x"); got != "\x1b[1;31mx\x1b[0m" {
		t.Errorf("alarm in colour: %q", got)
	}
}
