//go:build linux || darwin || freebsd

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFIFO: neither direction waits for the other end of a FIFO. A test that
// hangs here has failed.
func TestFIFO(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no FIFO here: %v", err)
	}
	folder := open(t, dir, Options{})
	if _, err := folder.OpenSource("fifo"); !errors.Is(err, ErrNotRegular) {
		t.Errorf("OpenSource = %v, want ErrNotRegular", err)
	}
	if _, err := OpenSourcePath(path); !errors.Is(err, ErrNotRegular) {
		t.Errorf("OpenSourcePath = %v, want ErrNotRegular", err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open = %v, want ErrNotFound", err)
	}
	for _, overwrite := range []bool{false, true} {
		if _, err := folder.Create("fifo", Meta{}, overwrite); !errors.Is(err, ErrNotRegular) {
			t.Errorf("Create = %v, want ErrNotRegular", err)
		}
	}
	if _, err := OpenSourcePath("/dev/zero"); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a device: %v, want ErrNotRegular", err)
	}
	if _, err := CreatePath("/dev/null", Meta{}, true); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a device: %v, want ErrNotRegular", err)
	}

	// The file is a regular one when looked at, and a FIFO when opened.
	writeFile(t, dir, "regular", "x")
	source, err := openSource("regular",
		func() (fs.FileInfo, error) { return folder.root.Stat("regular") },
		func() (*os.File, error) { return folder.root.OpenFile("fifo", os.O_RDONLY|openNonblock, 0) })
	if !errors.Is(err, ErrNotRegular) {
		t.Errorf("a file replaced by a FIFO: %v, %v, want ErrNotRegular", source, err)
	}
}

func TestMode(t *testing.T) {
	for _, test := range []struct {
		mode, umask, want fs.FileMode
	}{
		{0o644, 0, 0o644},
		{0o400, 0, 0o400},
		{0o777, 0o027, 0o750},
		{0o666, 0o077, 0o600},
		{0o755 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky, 0, 0o755},
		{0, 0o022, 0o644},
		{fs.ModeSetuid, 0, 0},
	} {
		dir := t.TempDir()
		folder := open(t, dir, Options{})
		folder.umask = test.umask
		part, err := folder.Create("a", Meta{Mode: test.mode}, false)
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := part.file.Stat(); info.Mode() != 0o600 {
			t.Errorf("the part file is %v, want 0600", info.Mode())
		}
		if err := part.Commit(); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(filepath.Join(dir, "a")); info.Mode() != test.want {
			t.Errorf("mode %v under umask %v became %v, want %v", test.mode, test.umask, info.Mode(), test.want)
		}
	}
}

func TestUmask(t *testing.T) {
	before := syscall.Umask(0o027)
	defer syscall.Umask(before)
	if got := readUmask(); got != 0o027 {
		t.Errorf("readUmask = %v, want 027", got)
	}
	if after := syscall.Umask(0o027); after != 0o027 {
		t.Errorf("readUmask left %#o behind", after)
	}
	if int(processUmask) != before {
		t.Errorf("the process started with %#o, and the package took %#o", before, processUmask)
	}
}

// TestSourceChangedBehindTheClock: a writer that keeps the size and sets the
// modification time back is found out by the change time of the inode.
func TestSourceChangedBehindTheClock(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "a", "0123456789")
	path := filepath.Join(dir, "a")
	source, err := OpenSourcePath(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	// The clock of the file system ticks every few milliseconds: write until
	// it has moved.
	for changeTime(source.file).Equal(source.change) {
		if err := os.WriteFile(path, []byte("9876543210"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(path, source.ModTime(), source.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := source.Unchanged(); !errors.Is(err, ErrChanged) {
		t.Errorf("Unchanged = %v, want ErrChanged", err)
	}
}
