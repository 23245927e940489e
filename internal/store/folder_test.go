package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "file", "x")
	for _, test := range []struct {
		path string
		want error
	}{
		{filepath.Join(dir, "absent"), ErrNotFound},
		{filepath.Join(dir, "file"), ErrNotFound},
		{filepath.Join(dir, "file", "below"), ErrNotFound},
	} {
		if folder, err := Open(test.path, Options{}); !errors.Is(err, test.want) {
			t.Errorf("Open(%q) = %v, %v, want %v", test.path, folder, err, test.want)
		}
	}
}

// TestFreeSpace sets a disk of 1000 bytes, 50 of which stay free by default.
func TestFreeSpace(t *testing.T) {
	for _, test := range []struct {
		name        string
		free, total uint64
		fraction    float64
		size        int64
		diskError   error
		want        error
	}{
		{"fits", 1000, 1000, 0, 950, nil, nil},
		{"one too many", 1000, 1000, 0, 951, nil, ErrNoSpace},
		{"an empty file on a full disk", 49, 1000, 0, 0, nil, ErrNoSpace},
		{"an unknown size on a full disk", 49, 1000, 0, -1, nil, ErrNoSpace},
		{"an unknown size", 50, 1000, 0, -1, nil, nil},
		{"another reserve", 500, 1000, 0.5, 1, nil, ErrNoSpace},
		{"no reserve asked for", 0, 1000, -1, 1 << 40, nil, nil},
		{"no announced size overflows", 1000, 1000, 0, 1<<63 - 1, nil, ErrNoSpace},
		{"a system that does not tell", 0, 0, 0, 1 << 40, errors.ErrUnsupported, nil},
		{"a file system that does not count", 0, 0, 0, 1 << 40, nil, nil},
		{"a broken disk", 0, 0, 0, 1, diskErrors[0], ErrDisk},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			folder := open(t, dir, Options{
				FreeFraction: test.fraction,
				diskUsage:    func(*os.File) (uint64, uint64, error) { return test.free, test.total, test.diskError },
			})
			part, err := folder.Create("a", Meta{Size: test.size}, false)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("Create = %v, want %v", err, test.want)
			}
			if IsDiskError(err) != (err != nil) {
				t.Errorf("IsDiskError(%v) = %t", err, IsDiskError(err))
			}
			if err != nil {
				wantNames(t, dir)
				return
			}
			if err := part.Abort(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFreeSpaceShrinks: another transfer fills the disk while this one writes.
func TestFreeSpaceShrinks(t *testing.T) {
	free := uint64(100 << 20)
	folder := open(t, t.TempDir(), Options{
		diskUsage: func(*os.File) (uint64, uint64, error) { return free, 100 << 20, nil },
	})
	part, err := folder.Create("a", Meta{Size: -1}, false)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	free = 1 << 20
	for written := 0; written < spaceCheckInterval; written += len(block) {
		if _, err = part.WriteAt(block, 0); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("writing %d bytes to a full disk: %v, want ErrNoSpace", spaceCheckInterval, err)
	}
	if err := part.Abort(); err != nil {
		t.Error(err)
	}
}

func TestDiskUsageOfThisMachine(t *testing.T) {
	folder := open(t, t.TempDir(), Options{})
	free, total, err := diskUsage(folder.dir)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system does not tell")
	}
	if err != nil || total == 0 || free > total {
		t.Errorf("diskUsage = %d, %d, %v", free, total, err)
	}
}

func TestSweepParts(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)
	stale, fresh := now.Add(-25*time.Hour), now.Add(-time.Hour)
	for name, modified := range map[string]time.Time{
		".uft-0000000000000001.part": stale,
		".uft-0000000000000002.part": fresh,
		".uft-short.part":            stale,
		".profile":                   stale,
		"a":                          stale,
	} {
		writeFile(t, dir, name, "x")
		if err := os.Chtimes(filepath.Join(dir, name), modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	folderPart := filepath.Join(dir, ".uft-0000000000000003.part")
	if err := os.Mkdir(folderPart, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(folderPart, stale, stale); err != nil {
		t.Fatal(err)
	}
	removed, err := open(t, dir, Options{}).SweepParts(24*time.Hour, now)
	if removed != 1 || err != nil {
		t.Errorf("SweepParts = %d, %v, want 1", removed, err)
	}
	wantNames(t, dir, ".profile", ".uft-0000000000000002.part", ".uft-0000000000000003.part", ".uft-short.part", "a")
}

// TestErrors: the kind and the cause are both found, wrapped again or not, and
// a cause of the operating system is told once, without the path of the machine.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		cause error
		kind  error
		disk  bool
	}{
		{spaceErrors[0], ErrNoSpace, true},
		{diskErrors[0], ErrDisk, true},
		{fs.ErrNotExist, ErrNotFound, false},
		{fs.ErrExist, ErrExists, false},
		{fs.ErrPermission, ErrPermission, false},
		{syscall.EISDIR, ErrNotRegular, false},
		{syscall.ENAMETOOLONG, ErrBadName, false},
		{syscall.EFBIG, ErrTooLarge, false},
		{os.ErrClosed, nil, false},
	} {
		err := explain("write", "a\x1b", &fs.PathError{Op: "openat", Path: "/secret/a", Err: test.cause})
		err = explain("commit", "a", fmt.Errorf("again: %w", err))
		if test.kind != nil && !errors.Is(err, test.kind) {
			t.Errorf("%v: %v is not %v", test.cause, err, test.kind)
		}
		if !errors.Is(err, test.cause) {
			t.Errorf("%v: the cause is lost in %v", test.cause, err)
		}
		if IsDiskError(err) != test.disk || IsDiskError(test.cause) != test.disk {
			t.Errorf("%v: IsDiskError is not %t", test.cause, test.disk)
		}
		if want := `cannot write "a\x1b": ` + test.cause.Error(); err.Error() != want {
			t.Errorf("text %q, want %q", err, want)
		}
	}
	if IsDiskError(nil) || explain("write", "a", nil) != nil {
		t.Error("no error became one")
	}
	plain := &Error{Op: "write", Name: "a", Kind: ErrExists}
	if !strings.HasSuffix(plain.Error(), ErrExists.Error()) {
		t.Errorf("text %q does not give the kind", plain)
	}
}

// open opens a folder that does not wait for the disk, and closes it when the
// test ends.
func open(t *testing.T, dir string, options Options) *Folder {
	t.Helper()
	options.NoSync = true
	folder, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, dir, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
	}
}

// wantNames compares what is in a directory, hidden files and all, with a
// sorted list.
func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}
