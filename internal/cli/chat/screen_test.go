package chat

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestScreen: what is typed reaches the library up to maxEdited bytes of a line,
// and the rest is found when the line ends.
func TestScreen(t *testing.T) {
	full := strings.Repeat("x", maxEdited)
	for _, test := range []struct {
		name, typed, seen string
		unseen            []string
	}{
		{"short", "ab\x7fc\rd\n", "ab\x7fc\rd\n", []string{"", ""}},
		{"full", full + "\r", full + "\r", []string{""}},
		{"longer", full + "yz\rnext\r", full + "\rnext\r", []string{"yz", ""}},
		{"no character is cut", full[1:] + "éß\r", full[1:] + "é\r", []string{"ß"}},
		{"taken back", full + "yß\x7f\x7f\x7fz\r", full + "\x7fz\r", []string{""}},
		{"keys without a character", full + "y\x01\x1bz\r", full + "\r", []string{"yz"}},
		{"interrupted", full + "y\x03z\r", full + "\x03z\r", []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &screen{in: iotest.OneByteReader(strings.NewReader(test.typed)), out: io.Discard}
			seen, err := io.ReadAll(s)
			if err != nil || string(seen) != test.seen {
				t.Errorf("the library sees %d bytes, ending in %q, %v", len(seen), seen[max(0, len(seen)-9):], err)
			}
			for i, want := range test.unseen {
				if got := string(s.unseen()); got != want {
					t.Errorf("line %d goes on with %q, not %q", i, got, want)
				}
			}
		})
	}
	if got := (&screen{}).unseen(); got != nil {
		t.Errorf("an end that was not typed goes on with %q", got)
	}
}

// TestScreenAnswers: the question where the cursor is never reaches a terminal
// that might not answer it.
func TestScreenAnswers(t *testing.T) {
	var shown strings.Builder
	s := &screen{in: strings.NewReader("typed"), out: &shown}
	if n, err := s.Write([]byte("\x1b[6n")); n != 4 || err != nil || shown.String() != "\r" {
		t.Errorf("wrote %d, %v, %q", n, err, shown.String())
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "\x1b[1;1Rtyped" {
		t.Errorf("read %q, %v", got, err)
	}
}
