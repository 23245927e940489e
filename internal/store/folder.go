// Package store reads and writes the files that are transferred, and is the
// only part of the program that touches a disk.
//
// A Folder is one directory that a peer may name files in. Everything goes
// through an os.Root, so no name and no symbolic link leads out of it. A
// Source is a file being sent: it notices when the file changes underneath. A
// Part is a file being received: its bytes gather under a temporary name, and
// Commit makes it appear under its own name complete, durable and at once, or
// not at all.
//
// The rules for names, permissions and completion are those that
// docs/protocol.md promises to a peer.
package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// defaultFreeFraction is the share of the disk that stays free. The owner of
// the machine needs room to clean up after peers who fill it.
const defaultFreeFraction = 0.05

// Options say what a Folder allows. The zero value is what a careful server
// wants.
type Options struct {
	Hidden       bool    // serve and write names with a leading dot
	MaxSize      int64   // the largest file written, in bytes; 0 means no limit
	FreeFraction float64 // the share of the disk that stays free; 0 means 5 %, below 0 means none
	NoSync       bool    // commit without waiting for the disk; a crash may then lose a committed file

	// diskUsage takes the place of the operating system's answer in tests.
	diskUsage func(folder *os.File) (free, total uint64, err error)
}

// A Folder is an open directory. Several goroutines may use it at once. It
// follows the directory, not its path: one that is renamed stays the same.
type Folder struct {
	root    *os.Root
	dir     *os.File // the same directory, for what os.Root does not offer: sync and disk usage
	options Options

	outside error       // what this root answers for a path that leaves it; package os does not export it
	umask   fs.FileMode // permission bits that new files do not get
	link    func(oldname, newname string) error
}

// Open opens the directory at dir, which must exist.
func Open(dir string, options Options) (*Folder, error) {
	// Looking first keeps us from opening a FIFO, which would wait for a writer.
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, explain("open folder", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, explain("open folder", dir, err)
	}
	handle, err := root.Open(".")
	if err != nil {
		return nil, explain("open folder", dir, errors.Join(err, root.Close()))
	}
	options.FreeFraction = cmp.Or(options.FreeFraction, defaultFreeFraction)
	if options.diskUsage == nil {
		options.diskUsage = diskUsage
	}
	_, outside := root.Lstat("..")
	return &Folder{
		root:    root,
		dir:     handle,
		options: options,
		outside: withoutPath(outside),
		umask:   processUmask,
		link:    root.Link,
	}, nil
}

// Close releases the directory. Parts and Sources of the Folder must have
// ended before.
func (f *Folder) Close() error {
	return errors.Join(f.dir.Close(), f.root.Close())
}

// allow checks a name given by a peer against the rules for names and the
// options of the folder.
func (f *Folder) allow(op, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := checkPlatformName(name); err != nil {
		return &Error{Op: op, Name: name, Kind: ErrBadName, Err: err}
	}
	if IsHidden(name) && !f.options.Hidden {
		return &Error{Op: op, Name: name, Kind: ErrHidden}
	}
	return nil
}

// checkVacant reports whether a file may be committed under the name. What is
// there and is no regular file (a folder, a device, a symbolic link) is never
// replaced, not even by overwriting.
func (f *Folder) checkVacant(op, name string, overwrite bool) error {
	info, err := f.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explain(op, name, err)
	case !info.Mode().IsRegular():
		return &Error{Op: op, Name: name, Kind: ErrNotRegular}
	case !overwrite:
		return &Error{Op: op, Name: name, Kind: ErrExists}
	}
	return nil
}

// checkSpace reports whether size more bytes (0 or more) fit on the disk and
// leave the reserve free. Where the system does not tell, they fit; the write
// itself finds out.
func (f *Folder) checkSpace(op, name string, size int64) error {
	if f.options.FreeFraction < 0 {
		return nil
	}
	free, total, err := f.options.diskUsage(f.dir)
	if isUnsupported(err) {
		return nil
	}
	if err != nil {
		return explain(op, name, err)
	}
	if total == 0 {
		return nil // a pseudo file system that does not count
	}
	reserve := uint64(float64(total) * f.options.FreeFraction)
	if free < reserve || uint64(size) > free-reserve {
		return &Error{
			Op: op, Name: name, Kind: ErrNoSpace,
			Err: fmt.Errorf("%w: %d bytes are free, %d of them stay free, %d are needed", ErrNoSpace, free, reserve, size),
		}
	}
	return nil
}

// sync makes the names in the folder durable. File systems that cannot sync a
// folder are believed to need no such call, as Windows.
func (f *Folder) sync() error {
	if f.options.NoSync || !folderSync {
		return nil
	}
	if err := f.dir.Sync(); err != nil && !isUnsupported(err) {
		return err
	}
	return nil
}

// SweepParts removes the part files that a crash left behind: those not
// written to for olderThan before now. It goes on after a failure, and returns
// how many it removed. Parts that other processes are still writing are safe
// as long as olderThan is longer than a transfer may be silent.
func (f *Folder) SweepParts(olderThan time.Duration, now time.Time) (removed int, err error) {
	dir, err := f.root.Open(".")
	if err != nil {
		return 0, explain("sweep", f.root.Name(), err)
	}
	defer dir.Close()
	var stale []string
	for {
		entries, err := dir.ReadDir(256)
		for _, entry := range entries {
			if f.isStalePart(entry, now.Add(-olderThan)) {
				stale = append(stale, entry.Name())
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, explain("sweep", f.root.Name(), err)
		}
	}
	for _, name := range stale {
		if failure := f.root.Remove(name); failure != nil {
			err = errors.Join(err, explain("remove", name, failure))
			continue
		}
		removed++
	}
	return removed, err
}

// isStalePart reports whether a directory entry is a part file last written
// before the given time.
func (f *Folder) isStalePart(entry fs.DirEntry, before time.Time) bool {
	if !isPartName(entry.Name()) {
		return false
	}
	info, err := f.root.Lstat(entry.Name())
	return err == nil && info.Mode().IsRegular() && info.ModTime().Before(before)
}
