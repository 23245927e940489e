package chat

import (
	"bytes"
	"io"
	"sync"
	"unicode/utf8"
)

// maxEdited is how long a line may become in the editor, in bytes. The library
// goes through the whole line with every key, so a pasted line of 100 kB would
// take it minutes.
const maxEdited = 4 << 10

// Keys that mean something beyond maxEdited.
const (
	keyInterrupt = 3
	keyLineFeed  = '\n'
	keyReturn    = '\r'
	keyBackspace = 0x7f
)

// A screen stands between the library of the editor and the terminal.
//
// It answers the library's question where the cursor is: at the beginning of a
// line, since nothing but whole lines is ever printed, and a carriage return
// makes sure of it. A terminal that does not know the question would never
// answer, and everything would wait for it.
//
// And it keeps what is typed beyond maxEdited from the library. That is part of
// the line, but is not seen.
type screen struct {
	in  io.Reader
	out io.Writer

	mu     sync.Mutex
	answer []byte
	length int      // bytes of the line that the library has
	beyond []byte   // the rest of that line
	ended  [][]byte // the rests of the lines that the library will return
}

func (s *screen) Write(p []byte) (int, error) {
	if bytes.Equal(p, []byte("\x1b[6n")) { // device status report, ECMA-48 §8.3.35
		s.mu.Lock()
		s.answer = []byte("\x1b[1;1R")
		s.mu.Unlock()
		_, err := s.out.Write([]byte("\r"))
		return len(p), err
	}
	// In raw mode nobody else makes a new line of a line feed.
	_, err := s.out.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	return len(p), err
}

func (s *screen) Read(p []byte) (int, error) {
	s.mu.Lock()
	n := copy(p, s.answer)
	s.answer = s.answer[n:]
	s.mu.Unlock()
	for n == 0 {
		read, err := s.in.Read(p)
		n = s.take(p[:read])
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// take moves the keys that the library is to see to the front and returns how
// many they are.
func (s *screen) take(keys []byte) (kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.passes(key) {
			keys[kept] = key
			kept++
		}
	}
	return kept
}

// passes decides whether the library sees a key. s.mu is held.
func (s *screen) passes(key byte) bool {
	switch {
	case key == keyReturn || key == keyLineFeed:
		s.ended = append(s.ended, s.beyond)
		s.beyond, s.length = nil, 0
	case key == keyInterrupt:
		s.beyond, s.length = nil, 0
	case len(s.beyond) == 0 && key == keyBackspace:
		s.length = max(0, s.length-1)
	case len(s.beyond) == 0 && (s.length < maxEdited || !utf8.RuneStart(key)):
		s.length++
	case key == keyBackspace:
		_, size := utf8.DecodeLastRune(s.beyond)
		s.beyond = s.beyond[:len(s.beyond)-size]
		return false
	default:
		// One byte more than a message may have tells that it is too long.
		if key >= ' ' && len(s.beyond) <= maxMessage {
			s.beyond = append(s.beyond, key)
		}
		return false
	}
	return true
}

// unseen returns the rest of the line that the library has returned.
func (s *screen) unseen() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ended) == 0 {
		return nil
	}
	rest := s.ended[0]
	s.ended = s.ended[1:]
	return rest
}
