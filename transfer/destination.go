package transfer

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
)

// Destination is where a received file goes: into a folder under its own name,
// to a path, or to a writer. Exactly one of the three is set.
type Destination struct {
	Dir    string
	Path   string
	Writer io.Writer // gets only verified bytes, in order

	Overwrite bool  // an existing file may be replaced
	Hidden    bool  // with Dir: names with a leading dot are acceptable
	MaxSize   int64 // with Dir: the largest file, in bytes; 0 means no limit
}

// target is a destination that is ready for one file.
type target interface {
	// existing opens the file that is there; the error is store.ErrNotFound
	// where there is none.
	existing() (*store.Source, error)
	// create begins the new file.
	create(meta store.Meta) (store.Sink, error)
	// replaces reports whether an existing file may be replaced.
	replaces() bool
	// path returns where the file goes.
	path() string
	// close releases what open took.
	close()
}

// open prepares the destination for a file of this name. Where it is a writer
// there is no target. device is closed by the caller unless it is nil.
func (d *Destination) open(name string) (t target, w io.Writer, device io.Closer, err error) {
	switch {
	case d.Writer != nil:
		return nil, d.Writer, nil, nil
	case d.Path != "":
		if info, err := os.Stat(d.Path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			// A pipe or a device, such as /dev/null, cannot be replaced: it is
			// written to.
			file, err := os.OpenFile(d.Path, os.O_WRONLY, 0)
			return nil, file, file, err
		}
		return &pathTarget{name: d.Path, overwrite: d.Overwrite}, nil, nil, nil
	}
	folder, err := store.Open(d.Dir, store.Options{Hidden: d.Hidden, MaxSize: d.MaxSize})
	if err != nil {
		return nil, nil, nil, err
	}
	_, _ = folder.SweepParts(store.Abandoned, time.Now()) // as store.CreatePath does
	return &folderTarget{folder: folder, dir: d.Dir, name: name, overwrite: d.Overwrite, owned: true}, nil, nil, nil
}

// folderTarget is a name in a folder.
type folderTarget struct {
	folder    *store.Folder
	dir, name string
	overwrite bool
	owned     bool // the folder ends with it
}

func (t *folderTarget) existing() (*store.Source, error) { return t.folder.OpenExisting(t.name) }

func (t *folderTarget) create(meta store.Meta) (store.Sink, error) {
	return sinkOf(t.folder.Create(t.name, meta, t.overwrite))
}

func (t *folderTarget) replaces() bool { return t.overwrite }

func (t *folderTarget) path() string { return filepath.Join(t.dir, t.name) }

func (t *folderTarget) close() {
	if t.owned {
		_ = t.folder.Close() // nothing is written through it any more
	}
}

// pathTarget is a path that the user named.
type pathTarget struct {
	name      string
	overwrite bool
}

func (t *pathTarget) existing() (*store.Source, error) { return store.OpenSourcePath(t.name) }

func (t *pathTarget) create(meta store.Meta) (store.Sink, error) {
	return sinkOf(store.CreatePath(t.name, meta, t.overwrite))
}

func (t *pathTarget) replaces() bool { return t.overwrite }

func (t *pathTarget) path() string { return t.name }

func (t *pathTarget) close() {}

// sinkOf keeps a nil *store.Part from becoming a Sink that is not nil.
func sinkOf(part *store.Part, err error) (store.Sink, error) {
	if err != nil {
		return nil, err
	}
	return part, nil
}

// metaOf is what an offer says of a file, for the disk.
func metaOf(e *xfer.Entry) store.Meta {
	meta := store.Meta{Size: -1}
	if e.Size != nil {
		meta.Size = int64(*e.Size)
	}
	if e.Mode != nil {
		meta.Mode = fs.FileMode(*e.Mode)
	}
	if e.ModTime != nil {
		meta.ModTime = time.Unix(0, *e.ModTime)
	}
	return meta
}
