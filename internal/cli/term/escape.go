package term

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxEscaped is the longest text that Escape returns, in bytes, apart from the
// mark of what was cut off.
const MaxEscaped = 1024

// Escape makes text that a peer chose safe to print within a line. Everything
// that does not print as itself becomes a visible escape: control characters
// (and with them every terminal sequence), invalid UTF-8, line and paragraph
// separators, and the invisible characters that change the direction of
// writing, with which a name can be made to look like another. What exceeds
// MaxEscaped bytes is cut off and replaced by "…".
//
// Backslashes stay single: the result is for reading, not for decoding.
func Escape(s string) string { return escape(s, MaxEscaped) }

// EscapePath is Escape without the cut, for names that the user gave and will
// want to see whole.
func EscapePath(s string) string { return escape(s, -1) }

// escape returns s escaped and cut at limit bytes; a negative limit is none.
func escape(s string, limit int) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		piece := s[:size]
		if r == utf8.RuneError && size == 1 {
			const digits = "0123456789abcdef"
			piece = `\x` + string([]byte{digits[s[0]>>4], digits[s[0]&15]})
		} else if !strconv.IsPrint(r) {
			// IsPrint holds for letters, marks, numbers, punctuation,
			// symbols and the ASCII space: for nothing of the Unicode
			// categories C (control, format, …) and Z (separators) else.
			quoted := strconv.QuoteRuneToASCII(r)
			piece = quoted[1 : len(quoted)-1]
		}
		if limit >= 0 && b.Len()+len(piece) > limit {
			b.WriteString("…")
			break
		}
		b.WriteString(piece)
		s = s[size:]
	}
	return b.String()
}
