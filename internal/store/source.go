package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Source is a regular file open for reading, with the size it had when it
// was opened. Several goroutines may read it at once.
type Source struct {
	file   *os.File
	bytes  *io.SectionReader // the file up to its size when opened
	info   fs.FileInfo
	change time.Time // of the inode; zero where the system does not tell
	name   string
	lookup func() (fs.FileInfo, error) // what the name leads to now

	passage readBehind // through the memory of the machine
}

// OpenSource opens a file of the folder for a peer that asked for it by name.
// Symbolic links are followed inside the folder.
func (f *Folder) OpenSource(name string) (*Source, error) {
	if err := f.allow("open", name); err != nil {
		return nil, err
	}
	source, err := openSource(name,
		func() (fs.FileInfo, error) { return f.root.Stat(name) },
		func() (*os.File, error) { return f.root.OpenFile(name, os.O_RDONLY|openNonblock, 0) })
	if f.outside != nil && errors.Is(err, f.outside) {
		return nil, &Error{Op: "open", Name: name, Kind: ErrOutside}
	}
	return source, err
}

// OpenExisting opens the file that a Part of the same name would collide with,
// to see whether it holds the very bytes that a peer offers. The error is
// ErrNotFound where there is none.
func (f *Folder) OpenExisting(name string) (*Source, error) {
	return f.OpenSource(name)
}

// OpenSourcePath opens a file that the user of this machine named. Any path
// will do, and symbolic links are followed.
func OpenSourcePath(path string) (*Source, error) {
	return openSource(path,
		func() (fs.FileInfo, error) { return os.Stat(path) },
		func() (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|openNonblock, 0) })
}

// openSource opens a regular file and nothing else. Opening a FIFO waits for a
// writer and opening a device can have effects, so it looks before it opens;
// what is opened may be another file by then, so it looks again.
func openSource(name string, lookup func() (fs.FileInfo, error), open func() (*os.File, error)) (*Source, error) {
	info, err := lookup()
	if err != nil {
		return nil, explain("open", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Op: "open", Name: name, Kind: ErrNotRegular}
	}
	file, err := open()
	if err != nil {
		return nil, explain("open", name, err)
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &Error{Op: "open", Name: name, Kind: ErrNotRegular}
	}
	if err != nil {
		return nil, explain("open", name, errors.Join(err, file.Close()))
	}
	s := &Source{
		file:   file,
		bytes:  io.NewSectionReader(file, 0, info.Size()),
		info:   info,
		change: changeTime(file),
		name:   name,
		lookup: lookup,
	}
	s.passage.begins(file, info.Size(), largeFile())
	return s, nil
}

// Name returns the last element of the file's name: what a peer is told.
func (s *Source) Name() string { return filepath.Base(s.name) }

// Size returns the size in bytes that the file had when it was opened.
func (s *Source) Size() int64 { return s.info.Size() }

// ModTime returns the modification time that the file had when it was opened.
func (s *Source) ModTime() time.Time { return s.info.ModTime() }

// ChangeTime returns when the file, its name or its permissions had last changed
// when it was opened. It is zero where the system does not tell. Unlike the
// modification time, nobody can set it back.
func (s *Source) ChangeTime() time.Time { return s.change }

// Mode returns the permission bits, without setuid, setgid and sticky.
func (s *Source) Mode() fs.FileMode { return s.info.Mode().Perm() }

// ReadAt reads as io.ReaderAt says, as if the file ended at Size. Where the
// file has become shorter the error is ErrChanged.
func (s *Source) ReadAt(b []byte, offset int64) (int, error) {
	s.passage.reads(s.file, offset, int64(len(b)))
	n, err := s.bytes.ReadAt(b, offset)
	s.passage.read(s.file, offset, int64(n))
	if err == io.EOF && offset+int64(n) < s.Size() {
		return n, s.changed(io.ErrUnexpectedEOF)
	}
	if err != nil && err != io.EOF {
		return n, explain("read", s.name, err)
	}
	return n, err
}

// Unchanged returns an ErrChanged where the file is no longer what it was when
// it was opened: written to, grown, cut, or replaced by another one of its
// name. Call it after the last read.
//
// It goes by size, times and inode. A write of the same length within the same
// tick of the file system's clock as the opening (a few milliseconds on older
// kernels) escapes it; the hash of what was sent is true all the same.
func (s *Source) Unchanged() error {
	info, err := s.file.Stat()
	if err != nil {
		return s.changed(err)
	}
	switch named, err := s.lookup(); {
	case err != nil:
		return s.changed(withoutPath(err))
	case !os.SameFile(info, named):
		return s.changed(errors.New("another file has taken its name"))
	case info.Size() != s.Size():
		return s.changed(fmt.Errorf("it had %d bytes and has %d now", s.Size(), info.Size()))
	case !info.ModTime().Equal(s.ModTime()), !changeTime(s.file).Equal(s.change):
		return s.changed(errors.New("it was written to"))
	}
	// Some files of /proc are of size 0 by their own account and have bytes to read.
	if n, _ := s.file.ReadAt(make([]byte, 1), s.Size()); n > 0 {
		return s.changed(errors.New("it goes on beyond the size it claims"))
	}
	return nil
}

// changed returns an ErrChanged with its reason.
func (s *Source) changed(reason error) error {
	return &Error{Op: "send", Name: s.name, Kind: ErrChanged, Err: fmt.Errorf("%w: %w", ErrChanged, reason)}
}

// Close closes the file.
func (s *Source) Close() error {
	s.passage.ends(s.file)
	return s.file.Close()
}
