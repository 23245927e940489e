package store

import (
	"errors"
	"fmt"
	"os"
)

// Commit makes the file appear under its name. When it returns nil, the bytes
// and the name survive a crash of the machine. When it returns an error, the
// part is gone and nothing has appeared under the name; only where the last
// step, the sync of the folder, fails is the complete file there all the same,
// and a crash may yet take it away.
//
// Without overwrite the error is ErrExists where somebody else has taken the
// name meanwhile.
func (p *Part) Commit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return explain("commit", p.name, os.ErrClosed)
	}
	err := p.settle()
	if err == nil {
		err = p.publish()
	}
	if err != nil {
		_ = p.discard() // the first error is the one to tell
		return explain("commit", p.name, err)
	}
	return explain("commit", p.name, errors.Join(p.folder.sync(), p.end()))
}

// settle brings the temporary file into its last state and closes it. A
// failed sync is final: a second one may succeed without the bytes that the
// first one lost.
//
// The modification time is set after closing, because Windows sets its own
// when the last handle goes. A crash just then loses the time alone.
func (p *Part) settle() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	if p.meta.Size >= 0 && info.Size() != p.meta.Size {
		return &Error{
			Op: "commit", Name: p.name, Kind: ErrIncomplete,
			Err: fmt.Errorf("%w: %d of %d are there", ErrIncomplete, info.Size(), p.meta.Size),
		}
	}
	mode := p.meta.Mode.Perm()
	if p.meta.Mode == 0 {
		mode = 0o666
	}
	// A file system without permissions or times still holds the bytes intact.
	if err := p.file.Chmod(mode &^ p.folder.umask); err != nil && !isUnsupported(err) {
		return err
	}
	if !p.folder.options.NoSync {
		if err := p.file.Sync(); err != nil {
			return err
		}
		p.passage.synced(p.file)
	}
	if err := p.file.Close(); err != nil {
		return err
	}
	if p.meta.ModTime.IsZero() {
		return nil
	}
	err = p.folder.root.Chtimes(p.temporary, p.meta.ModTime, p.meta.ModTime)
	if err != nil && !isUnsupported(err) {
		return err
	}
	return nil
}

// publish gives the closed temporary file its name.
//
// Overwriting is a rename, which replaces in one step: every reader sees the
// old file or the new one. Not overwriting is a hard link, which fails where
// the name is taken, and the removal of the temporary name; a rename would
// silently replace what somebody made after Create had looked.
func (p *Part) publish() error {
	f := p.folder
	if err := f.checkVacant("commit", p.name, p.overwrite); err != nil {
		return err
	}
	if p.overwrite {
		return f.root.Rename(p.temporary, p.name)
	}
	err := f.link(p.temporary, p.name)
	if isUnsupported(err) {
		return f.reserveAndRename(p.temporary, p.name)
	}
	if err == nil {
		// The file has its name. A temporary name left beside it costs no
		// space, and SweepParts finds it.
		_ = f.root.Remove(p.temporary)
	}
	return err
}

// reserveAndRename stands in for the hard link on file systems that have none
// (FAT, some network ones): it takes the name with an empty file, which fails
// where the name is taken, and replaces that by the complete one. Between the
// two steps the name shows an empty file, and a crash leaves it; the other
// choice, a bare rename, could destroy a file of somebody else.
func (f *Folder) reserveAndRename(temporary, name string) error {
	reserved, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = reserved.Close()
	if err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, f.root.Remove(name))
	}
	return nil
}
