package duplex

import (
	"os"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/store"
)

// checkFiles finds what would make the transfer fail at a file of this machine,
// before anything is sent: the source cannot be opened, or there is no way to
// write where the received file goes.
func (t *texts) checkFiles(a *arguments) *failure {
	if a.send != "" {
		source, err := store.OpenSourcePath(a.send)
		if err != nil {
			return failf(exit.Source, t.source, a.send, t.fileReason(err))
		}
		_ = source.Close() // it was not even read
	}
	if a.trace != "" && (sameFile(a.trace, a.send) || sameFile(a.trace, a.receive)) {
		return failf(exit.Usage, t.sameTrace, a.trace)
	}
	if a.receive == "" {
		return nil
	}
	if a.bothWays() && sameFile(a.send, a.receive) {
		return failf(exit.Usage, t.sameFile, a.send)
	}
	if err := checkTarget(a.receive); err != nil {
		return failf(exit.Destination, t.destination, a.receive, t.fileReason(err))
	}
	return nil
}

// sameFile reports whether two paths lead to one file. A source that is
// replaced while it is read would come to nothing.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

// checkTarget begins a file at a path and drops it, which finds everything that
// the real one would find: a missing folder, no permission, a full disk.
func checkTarget(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil // a pipe or a device is written to, not replaced
	}
	part, err := store.CreatePath(path, store.Meta{Size: -1}, true)
	if err != nil {
		return err
	}
	return part.Abort()
}
