package store

import (
	"io"
	"io/fs"
	"slices"
	"time"
)

// An Entry is a file in the list of a Folder.
type Entry struct {
	Name    string
	Size    int64
	ModTime time.Time
}

// List returns the files of the folder that a peer may ask for, sorted by the
// bytes of their names: those whose names come after the given one, limit of
// them at most. Where there may be others, next is the name to go on after. What
// OpenListed refuses because of its name or because of what it is, is not in the
// list; a file may be in it that this process has no permission to read.
//
// However many files the folder holds, no more than twice limit names are in
// memory at once.
func (f *Folder) List(after string, limit int) (entries []Entry, next string, err error) {
	names, more, err := f.listNames(after, limit)
	if err != nil {
		return nil, "", err
	}
	if more {
		next = names[len(names)-1]
	}
	entries = make([]Entry, 0, len(names))
	for _, name := range names {
		// Through the root: a link that leads out of it is an error.
		info, err := f.root.Stat(name)
		if err == nil && info.Mode().IsRegular() {
			entries = append(entries, Entry{Name: name, Size: info.Size(), ModTime: info.ModTime()})
		}
	}
	return entries, next, nil
}

// listNames returns the first names after the given one that may be those of
// files in the list.
func (f *Folder) listNames(after string, limit int) (names []string, more bool, err error) {
	dir, err := f.root.Open(".")
	if err != nil {
		return nil, false, explain("list", f.root.Name(), err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(256)
		for _, entry := range entries {
			if name := entry.Name(); name > after && mayBeFile(entry) && f.allowListed(name) == nil {
				names = append(names, name)
			}
		}
		if len(names) >= 2*limit || err == io.EOF {
			slices.Sort(names)
			if len(names) > limit {
				names, more = slices.Delete(names, limit, len(names)), true
			}
		}
		if err == io.EOF {
			return names, more, nil
		}
		if err != nil {
			return nil, false, explain("list", f.root.Name(), err)
		}
	}
}

// mayBeFile reports whether a directory entry is a regular file or a link,
// which may lead to one.
func mayBeFile(entry fs.DirEntry) bool {
	kind := entry.Type()
	return kind.IsRegular() || kind&fs.ModeSymlink != 0
}

// allowListed checks a name against the rules for names and the options of the
// folder, and against the names of part files.
func (f *Folder) allowListed(name string) error {
	if isPartName(name) {
		return &Error{Op: "open", Name: name, Kind: ErrHidden}
	}
	return f.allow("open", name)
}

// OpenListed is OpenSource for the files that List shows: it opens no part file,
// not even where hidden files are served.
func (f *Folder) OpenListed(name string) (*Source, error) {
	if err := f.allowListed(name); err != nil {
		return nil, err
	}
	return f.OpenSource(name)
}
