package chat

import (
	"bufio"
	"bytes"
	"io"

	"example.com/uft/internal/cli/term"
)

// maxMessage bounds a message in the modes with a connection, in bytes.
const maxMessage = 1 << 20

// lineReader cuts a stream of bytes into lines. It holds at most one line of
// maxMessage bytes, whatever comes.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 32<<10)}
}

// next returns the next line without its "\n" or "\r\n". A longer line than
// maxMessage comes in pieces, and whole is false for all but the last. What
// stands behind the last "\n" is a line too, unless it is empty.
func (l *lineReader) next() (line []byte, whole bool, err error) {
	const limit = maxMessage + len("\r\n")
	for {
		if _, err := l.r.Peek(1); err != nil {
			if len(line) > 0 {
				return line, true, nil // the error comes again
			}
			return nil, false, err
		}
		there, _ := l.r.Peek(min(l.r.Buffered(), limit-len(line)))
		end := bytes.IndexByte(there, '\n')
		if end >= 0 {
			there = there[:end+1]
		}
		line = append(line, there...)
		_, _ = l.r.Discard(len(there))
		switch {
		case end >= 0:
			return trimLineEnd(line), true, nil
		case len(line) == limit:
			return line, l.atEnd(), nil
		}
	}
}

// atEnd reports whether nothing more than a line end follows, and takes it.
func (l *lineReader) atEnd() bool {
	following, err := l.r.Peek(1)
	if err == nil && following[0] != '\n' {
		return false
	}
	_, _ = l.r.Discard(len(following))
	return true
}

// trimLineEnd takes exactly one line end off a message: what nc and others send
// behind it.
func trimLineEnd(message []byte) []byte {
	if rest, ok := bytes.CutSuffix(message, []byte("\n")); ok {
		return bytes.TrimSuffix(rest, []byte("\r"))
	}
	return message
}

// rows returns a message as it is shown: a row for each of its lines, each with
// the name of who speaks, and nothing in them that a terminal would obey.
func rows(name string, message []byte) string {
	var b bytes.Buffer
	for line := range bytes.SplitSeq(message, []byte("\n")) {
		b.WriteString(name)
		b.WriteString(" : ")
		b.WriteString(term.EscapePath(string(bytes.TrimSuffix(line, []byte("\r")))))
		b.WriteByte('\n')
	}
	return b.String()
}
