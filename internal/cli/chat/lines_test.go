package chat

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// piece is what next has returned.
type piece struct {
	text  string
	whole bool
}

func pieces(t *testing.T, r io.Reader) (all []piece) {
	t.Helper()
	lines := newLineReader(r)
	for {
		line, whole, err := lines.next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, piece{string(line), whole})
	}
}

func TestLines(t *testing.T) {
	full := strings.Repeat("x", maxMessage)
	for _, test := range []struct {
		name, stream string
		want         []piece
	}{
		{"nothing", "", nil},
		{"one", "a\n", []piece{{"a", true}}},
		{"empty", "\n\r\n", []piece{{"", true}, {"", true}}},
		{"without an end", "a\nb", []piece{{"a", true}, {"b", true}}},
		{"one end is taken off", "a\r\nb\r\r\n\r", []piece{{"a", true}, {"b\r", true}, {"\r", true}}},
		{"the longest", full + "\r\nb\n", []piece{{full, true}, {"b", true}}},
		{"longer", full + "12345\nb\n", []piece{{full + "12", false}, {"345", true}, {"b", true}}},
		{"ending where it is cut", full + "12\nb\n", []piece{{full + "12", true}, {"b", true}}},
		{"ending there for good", full + "12", []piece{{full + "12", true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(test.stream), iotest.HalfReader(strings.NewReader(test.stream)), iotest.DataErrReader(strings.NewReader(test.stream))} {
				got := pieces(t, r)
				if len(got) != len(test.want) {
					t.Fatalf("%d lines, not %d", len(got), len(test.want))
				}
				for i := range got {
					if got[i] != test.want[i] {
						t.Errorf("line %d has %d bytes, whole %v; wanted %d, %v", i, len(got[i].text), got[i].whole, len(test.want[i].text), test.want[i].whole)
					}
				}
			}
		})
	}
}

func TestRows(t *testing.T) {
	for message, want := range map[string]string{
		"hello":        "Client : hello\n",
		"":             "Client : \n",
		"a\nb\r\n\tc":  "Client : a\nClient : b\nClient : \\tc\n",
		"\x1b[31m\xff": "Client : \\x1b[31m\\xff\n",
	} {
		if got := rows("Client", []byte(message)); got != want {
			t.Errorf("%q is shown as %q, not %q", message, got, want)
		}
	}
}

// FuzzLines: nothing gets lost, nothing is longer than it may be, and nothing
// that is shown is a command to a terminal.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\n\x1b[2J"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var joined []byte
		for _, p := range pieces(t, bytes.NewReader(stream)) {
			if strings.Contains(p.text, "\n") {
				t.Errorf("a line end within a line: %q", p.text)
			}
			joined = append(append(joined, p.text...), '\n')
			for _, r := range strings.TrimSuffix(rows("x", []byte(p.text)), "\n") {
				if r < ' ' || r == 0x7f {
					t.Errorf("%q is shown with the character %q", p.text, r)
				}
			}
		}
		want := bytes.ReplaceAll(stream, []byte("\r\n"), []byte("\n"))
		if len(want) > 0 && want[len(want)-1] != '\n' {
			want = append(want, '\n')
		}
		if !bytes.Equal(joined, want) {
			t.Errorf("%q became %q", stream, joined)
		}
	})
}

func TestUnderstand(t *testing.T) {
	for line, want := range map[string]order{
		"hello":            {verb: say, text: []byte("hello")},
		"":                 {verb: say},
		"exit":             {verb: end, text: []byte("exit")},
		" exit":            {verb: say, text: []byte(" exit")},
		"//x":              {verb: say, text: []byte("/x")},
		"/who":             {verb: who},
		"/help":            {verb: help},
		"/to Client a  b ": {verb: to, name: "Client", text: []byte("a  b ")},
		"/to 2 ":           {verb: to, name: "2"},
		"/to":              {verb: nope, text: []byte("write /to NAME text; /who lists the names")},
		"/to  a":           {verb: nope, text: []byte("write /to NAME text; /who lists the names")},
	} {
		got := understand([]byte(line), true)
		if got.verb != want.verb || got.name != want.name || !bytes.Equal(got.text, want.text) {
			t.Errorf("%q is understood as %+v", line, got)
		}
	}
	if got := understand(make([]byte, maxMessage+1), true); got.verb != nope {
		t.Errorf("a message that is too long is understood as %d", got.verb)
	}
}
