package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Abandoned is how long a part file was not written to when nobody writes it
// any more: longer than a transfer is silent.
const Abandoned = 24 * time.Hour

// spaceCheckInterval is how many written bytes lie between two looks at the
// free space. Transfers that start together each find the disk free, and fill
// it together.
const spaceCheckInterval = 8 << 20

// Meta is what the sender says of the file.
type Meta struct {
	Size    int64       // in bytes; -1 where the sender does not know it yet
	Mode    fs.FileMode // of which the permission bits count; 0 means unknown, and gives 0666 under the umask
	ModTime time.Time   // zero means unknown, and leaves the time of the last write
}

// A Part is a file being received. Its bytes are in a temporary file in the
// target folder, readable by the owner alone, until Commit. WriteAt and ReadAt
// may be called by several goroutines at once.
//
// The disk is neither allocated nor truncated to the announced size: the
// number is a stranger's claim, and a bare claim must not fill a disk.
type Part struct {
	folder    *Folder
	ownFolder bool // the folder was opened for this Part and ends with it
	file      *os.File
	temporary string
	name      string
	meta      Meta
	overwrite bool
	limit     int64        // no byte is written at or beyond this offset
	written   atomic.Int64 // bytes given to the disk, repeated ones included
	passage   writeBehind  // through the memory of the machine

	mu    sync.Mutex // guards ended, and makes Commit and Abort exclude each other
	ended bool
}

// Create begins a file that a peer offers. It fails before any byte has
// crossed the network where it can tell that Commit would: the name is not
// acceptable or taken, the file is too large, or the disk too full. With
// overwrite, a regular file of that name is replaced at Commit, and kept until
// then.
func (f *Folder) Create(name string, meta Meta, overwrite bool) (*Part, error) {
	if err := f.allow("write", name); err != nil {
		return nil, err
	}
	if isPartName(name) {
		return nil, &Error{Op: "write", Name: name, Kind: ErrHidden, Err: errors.New("the name is of a kind that SweepParts removes")}
	}
	return f.create(name, meta, overwrite)
}

// CreatePath begins a file at a path that the user of this machine named.
// Where the path is a symbolic link, the file it leads to is the one that is
// replaced. Part files that a crash left in the folder long ago are removed.
func CreatePath(path string, meta Meta, overwrite bool) (*Part, error) {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	dir, name := filepath.Split(path)
	if name == "" || name == "." || name == ".." {
		return nil, &Error{Op: "write", Name: path, Kind: ErrNotRegular}
	}
	if dir == "" {
		dir = "."
	}
	folder, err := Open(dir, Options{Hidden: true})
	if err != nil {
		return nil, err
	}
	_, _ = folder.SweepParts(Abandoned, time.Now()) // what is left takes room and does no other harm
	part, err := folder.create(name, meta, overwrite)
	if err != nil {
		_ = folder.Close() // the first error is the one to tell
		return nil, err
	}
	part.ownFolder = true
	return part, nil
}

// create opens the temporary file for a name that has been checked.
func (f *Folder) create(name string, meta Meta, overwrite bool) (*Part, error) {
	limit := int64(math.MaxInt64)
	if f.options.MaxSize > 0 {
		limit = f.options.MaxSize
	}
	if meta.Size > limit {
		return nil, tooLarge(name, limit)
	}
	if meta.Size >= 0 {
		limit = meta.Size
	}
	if err := f.checkVacant("write", name, overwrite); err != nil {
		return nil, err
	}
	if err := f.checkSpace("write", name, max(meta.Size, 0)); err != nil {
		return nil, err
	}
	file, temporary, err := f.createTemporary()
	if err != nil {
		return nil, explain("write", name, err)
	}
	return &Part{
		folder:    f,
		file:      file,
		temporary: temporary,
		name:      name,
		meta:      meta,
		overwrite: overwrite,
		limit:     limit,
		passage:   writeBehind{large: largeFile(), size: meta.Size},
	}, nil
}

// createTemporary makes a new part file. O_EXCL neither follows a link nor
// opens what is there; a collision of 64 random bits means that something else
// is wrong, so it is reported and not tried again.
func (f *Folder) createTemporary() (*os.File, string, error) {
	var random [partDigits / 2]byte
	_, _ = rand.Read(random[:]) // never fails, by its documentation
	name := partPrefix + hex.EncodeToString(random[:]) + partSuffix
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	return file, name, err
}

// WriteAt writes the bytes at an offset, as io.WriterAt says. Bytes beyond the
// announced size or beyond the folder's limit are refused with ErrTooLarge.
func (p *Part) WriteAt(b []byte, offset int64) (int, error) {
	if offset < 0 || offset > p.limit-int64(len(b)) {
		return 0, tooLarge(p.name, p.limit)
	}
	after := p.written.Add(int64(len(b)))
	if before := after - int64(len(b)); after/spaceCheckInterval != before/spaceCheckInterval {
		if err := p.folder.checkSpace("write", p.name, int64(len(b))); err != nil {
			return 0, err
		}
	}
	n, err := p.file.WriteAt(b, offset)
	if err == nil {
		err = p.passage.wrote(p.file, offset, int64(n))
	}
	return n, explain("write", p.name, err)
}

// ReadAt reads back what was written, as io.ReaderAt says.
func (p *Part) ReadAt(b []byte, offset int64) (int, error) {
	n, err := p.file.ReadAt(b, offset)
	if err == io.EOF {
		return n, err
	}
	return n, explain("read back", p.name, err)
}

// Abort removes the temporary file.
func (p *Part) Abort() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	return explain("remove the part of", p.name, p.discard())
}

// discard ends the Part and removes the temporary file. Windows does not
// remove open files, so it closes first; Commit may have closed it already,
// and somebody may have swept it away.
func (p *Part) discard() error {
	closed := p.file.Close()
	if errors.Is(closed, fs.ErrClosed) {
		closed = nil
	}
	removed := p.folder.root.Remove(p.temporary)
	if errors.Is(removed, fs.ErrNotExist) {
		removed = nil
	}
	return errors.Join(closed, removed, p.end())
}

// end marks the Part as ended and lets go of what it owns besides the file.
func (p *Part) end() error {
	p.ended = true
	if p.ownFolder {
		return p.folder.Close()
	}
	return nil
}

func tooLarge(name string, limit int64) error {
	return &Error{
		Op: "write", Name: name, Kind: ErrTooLarge,
		Err: fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, limit),
	}
}
