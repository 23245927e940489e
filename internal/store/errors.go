package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// What can go wrong, as the callers tell it apart: they turn these into the
// refusals of the protocol and into exit codes. Every error of this package
// that has such a reason satisfies errors.Is for it, and also for its cause
// in the operating system.
var (
	ErrBadName    = errors.New("not an acceptable file name")
	ErrHidden     = errors.New("hidden files are left alone")
	ErrExists     = errors.New("a file of that name exists")
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("the file is too large")
	ErrNoSpace    = errors.New("not enough free space on the disk")
	ErrNotFound   = errors.New("no such file")
	ErrPermission = errors.New("no permission")
	ErrOutside    = errors.New("a link that leads out of the folder")
	ErrChanged    = errors.New("the file changed while it was read")
	ErrIncomplete = errors.New("bytes of the file are missing")
	ErrDisk       = errors.New("the disk failed")
)

// An Error says what could not be done to which file, and why.
type Error struct {
	Op   string // what was tried, as a verb: "open", "write", "commit"
	Name string // the file or folder as the caller named it; may be the peer's word
	Kind error  // one of the errors above, or nil where none fits
	Err  error  // the cause; nil where Kind says it all
}

// Error returns one line, with the name quoted, so that a name chosen by a
// peer cannot reach a terminal unescaped. The cause is more precise than the
// kind, so it stands alone where there is one.
func (e *Error) Error() string {
	reason := e.Err
	if reason == nil {
		reason = e.Kind
	}
	return "cannot " + e.Op + " " + strconv.Quote(e.Name) + ": " + reason.Error()
}

// Unwrap makes both the kind and the cause visible to errors.Is.
func (e *Error) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Kind, e.Err}, func(err error) bool { return err == nil })
}

// IsDiskError reports whether err says that the disk is full, out of quota,
// read-only or broken: what no peer and no other name can repair. It accepts
// errors of the operating system as well as those of this package.
func IsDiskError(err error) bool {
	return errors.Is(err, ErrNoSpace) || errors.Is(err, ErrDisk) ||
		isAnyOf(err, spaceErrors) || isAnyOf(err, diskErrors)
}

// explain makes an *Error from an error of the operating system, or passes on
// one that explains itself already.
func explain(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if explained, ok := errors.AsType[*Error](err); ok {
		return explained
	}
	cause := withoutPath(err)
	return &Error{Op: op, Name: name, Kind: kindOf(cause), Err: cause}
}

// withoutPath takes off the operation and the path that package os puts before
// the cause: ours are the ones that the user knows.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	if linkError, ok := errors.AsType[*os.LinkError](err); ok {
		return linkError.Err
	}
	return err
}

// kindOf sorts an error of the operating system into our kinds; nil where none
// fits.
func kindOf(err error) error {
	switch {
	case isAnyOf(err, spaceErrors):
		return ErrNoSpace
	case isAnyOf(err, diskErrors):
		return ErrDisk
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return ErrNotFound
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	case errors.Is(err, fs.ErrPermission):
		return ErrPermission
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ELOOP):
		return ErrNotRegular
	case errors.Is(err, syscall.ENAMETOOLONG):
		return ErrBadName
	case errors.Is(err, syscall.EFBIG):
		return ErrTooLarge
	}
	return nil
}

// isUnsupported reports whether err says that the file system does not know
// the operation at all, rather than that it failed. FAT answers EPERM to link
// and chmod.
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || isAnyOf(err, unsupportedErrors)
}

func isAnyOf(err error, list []syscall.Errno) bool {
	return slices.ContainsFunc(list, func(target syscall.Errno) bool { return errors.Is(err, target) })
}
