package transfer

import (
	"errors"
	"io"
	"math"
	"path/filepath"
	"unicode/utf8"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
)

// Source is a file to be sent.
type Source struct {
	Path   string    // of a regular file, where there is no Reader
	Reader io.Reader // its bytes, to the end; the size need not be known
	Name   string    // what the peer is told; without it the last element of Path
}

// name returns what the peer is told.
func (s *Source) name() string {
	if s.Name != "" || s.Reader != nil {
		return s.Name
	}
	return filepath.Base(s.Path)
}

// openSource is a Source that is open, with what an offer tells of it.
type openSource struct {
	name string
	path string
	file *store.Source // nil for a reader
	io.Reader
}

// open opens the source.
func (s *Source) open() (*openSource, error) {
	name := s.name()
	if !utf8.ValidString(name) || len(name) > xfer.MaxText {
		return nil, errors.New("the name is not UTF-8, or too long")
	}
	if s.Reader != nil {
		return &openSource{name: name, Reader: s.Reader}, nil
	}
	file, err := store.OpenSourcePath(s.Path)
	if err != nil {
		return nil, err
	}
	return openFile(name, s.Path, file), nil
}

func openFile(name, path string, file *store.Source) *openSource {
	return &openSource{name: name, path: path, file: file, Reader: io.NewSectionReader(file, 0, math.MaxInt64)}
}

// entry returns what an offer says of the file.
func (s *openSource) entry(transfer uint16) xfer.Entry {
	e := xfer.NewEntry(transfer, s.name)
	if s.file == nil {
		return e
	}
	size, mode := uint64(s.file.Size()), uint16(s.file.Mode().Perm())
	e.Size, e.Mode = &size, &mode
	if modified := s.file.ModTime(); !modified.IsZero() {
		nanoseconds := modified.UnixNano()
		e.ModTime = &nanoseconds
	}
	return e
}

// size returns the size, -1 where it is not known.
func (s *openSource) size() int64 {
	if s.file == nil {
		return -1
	}
	return s.file.Size()
}

// unchanged returns an error where the file changed while it was read.
func (s *openSource) unchanged() error {
	if s.file == nil {
		return nil
	}
	return s.file.Unchanged()
}

func (s *openSource) close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
	}
}

// fill reads until p is full or the source ends, which is no error.
func (s *openSource) fill(p []byte) (n int, ended bool, err error) {
	n, err = io.ReadFull(s.Reader, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, store.ErrChanged) {
		return n, true, nil
	}
	return n, false, err
}
