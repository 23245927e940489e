package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pieces is how many stretches the files of these tests have.
const pieces = keptBehind + 8

// diskFolder returns a folder that syncs, on a file system that has a disk behind
// it, or skips the test: what is in memory alone cannot be dropped from there.
func diskFolder(t *testing.T) (string, *Folder) {
	t.Helper()
	dir := t.TempDir()
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Type == unix.TMPFS_MAGIC || stat.Type == unix.RAMFS_MAGIC || stat.Type == unix.OVERLAYFS_SUPER_MAGIC {
		t.Skipf("%s is no file system of a disk (type %#x)", dir, stat.Type)
	}
	folder, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return dir, folder
}

// resident returns how many bytes of stretches [from, to) of a file are in
// memory.
func resident(t *testing.T, path string, from, to int64) int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), from*stretch, int((to-from)*stretch), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory) //nolint:errcheck // the test ends
	page := os.Getpagesize()
	present := make([]byte, len(memory)/page)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&memory[0])), uintptr(len(memory)),
		uintptr(unsafe.Pointer(&present[0]))); errno != 0 {
		t.Fatal(errno)
	}
	var bytes int64
	for _, flags := range present {
		bytes += int64(flags&1) * int64(page)
	}
	return bytes
}

// receive writes a file as a receiver does, in slabs of which some come late, up
// to Commit, and returns the path of the part.
func receive(t *testing.T, dir string, part *Part) string {
	t.Helper()
	slab := make([]byte, 64<<10)
	for i := range slab {
		slab[i] = byte(i)
	}
	var late []int64
	for offset := int64(0); offset < pieces*stretch; offset += int64(len(slab)) {
		if offset%(7<<20) == 0 {
			late = append(late, offset)
		} else if _, err := part.WriteAt(slab, offset); err != nil {
			t.Fatal(err)
		}
		for len(late) > 0 && late[0] < offset-4<<20 {
			if _, err := part.WriteAt(slab, late[0]); err != nil {
				t.Fatal(err)
			}
			late = late[1:]
		}
	}
	for _, offset := range late {
		if _, err := part.WriteAt(slab, offset); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, part.temporary)
}

// attempts is how often a test looks whether what should stay in memory does. A
// system may take a page back whenever it likes, and some go round looking for
// cold ones; one that we drop ourselves is gone at each attempt.
const attempts = 5

// stays tries until nothing is amiss, and fails the test when something is each
// time.
func stays(t *testing.T, try func() (amiss string)) {
	t.Helper()
	var amiss string
	for range attempts {
		if amiss = try(); amiss == "" {
			return
		}
		t.Log(amiss)
	}
	t.Errorf("%d times of %d: %s", attempts, attempts, amiss)
}

func TestLargeFilePassesThroughMemory(t *testing.T) {
	dir, folder := diskFolder(t)
	part, err := folder.Create("large", Meta{Size: pieces * stretch}, false)
	if err != nil {
		t.Fatal(err)
	}
	part.passage.large = pieces * stretch
	path := receive(t, dir, part)
	if got := resident(t, path, 0, pieces); got > (keptBehind+1)*stretch {
		t.Errorf("%d MiB of the file are in memory before it is committed", got>>20)
	}
	if err := part.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := resident(t, filepath.Join(dir, "large"), 0, pieces); got > stretch {
		t.Errorf("%d MiB of the file stay in memory", got>>20)
	}
}

// TestFileOfUnknownSizeGrowsLarge: it is dropped from when it is known to be
// large on, what came before included.
func TestFileOfUnknownSizeGrowsLarge(t *testing.T) {
	dir, folder := diskFolder(t)
	part, err := folder.Create("large", Meta{Size: -1}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Abort() //nolint:errcheck // the test ends
	part.passage.large = (pieces - 2) * stretch
	path := receive(t, dir, part)
	if got := resident(t, path, 0, pieces); got > (keptBehind+1)*stretch {
		t.Errorf("%d MiB of the file are in memory", got>>20)
	}
}

// TestFileStaysInMemory: one that fits is there for whoever wants it next. The
// disk has begun to write it all the same, so that little is left for the sync.
func TestFileStaysInMemory(t *testing.T) {
	stays(t, func() string {
		dir, folder := diskFolder(t)
		part, err := folder.Create("small", Meta{Size: pieces * stretch}, false)
		if err != nil {
			t.Fatal(err)
		}
		part.passage.large = pieces*stretch + 1
		receive(t, dir, part)
		var stat unix.Cachestat_t
		if err := unix.Cachestat(uint(part.file.Fd()), &unix.CachestatRange{Len: pieces * stretch}, &stat, 0); err != nil {
			t.Logf("what is written cannot be told: %v", err)
		} else if dirty := int64(stat.Dirty) * int64(os.Getpagesize()); dirty > stretch {
			t.Errorf("the disk was told nothing of %d MiB", dirty>>20)
		}
		if err := part.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := resident(t, filepath.Join(dir, "small"), 0, pieces); got != pieces*stretch {
			return fmt.Sprintf("%d KiB of %d are in memory", got>>10, pieces*stretch>>10)
		}
		return ""
	})
}

// TestDiskErrorBehindTheWriter: the system tells of an error of the disk once, so
// it must not get lost where we are the ones to ask.
func TestDiskErrorBehindTheWriter(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close() // stands for a broken disk
	w := writeBehind{large: 1}
	if err := w.wrote(file, 0, keptBehind*stretch); err != nil {
		t.Errorf("before anything is waited for: %v", err)
	}
	if err := w.wrote(file, keptBehind*stretch, stretch); err == nil {
		t.Error("the error is lost")
	}
}

// forget drops a file from memory and returns it, open, so that reading a piece
// reads no more than that.
func forget(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	dropFromMemory(file, 0, 0)
	advise(file, 0, 0, unix.FADV_RANDOM)
	if got := resident(t, path, 0, pieces); got > 0 {
		t.Skipf("%d MiB of a file cannot be dropped from memory here", got>>20)
	}
	return file
}

// TestLargeSourcePassesThroughMemory: what was there before we came stays there.
func TestLargeSourcePassesThroughMemory(t *testing.T) {
	const from, to = 3, 5
	for _, test := range []struct {
		name  string
		large int64
		stays int64
	}{
		{"large", pieces * stretch, (to - from) * stretch},
		{"fits", pieces*stretch + 1, pieces * stretch},
	} {
		t.Run(test.name, func(t *testing.T) {
			stays(t, func() string {
				path := partlyInMemory(t, from, to)
				readThrough(t, path, test.large)
				if got := resident(t, path, from, to); got != (to-from)*stretch {
					return fmt.Sprintf("of what was in memory before, %d KiB still are", got>>10)
				}
				if got := resident(t, path, 0, pieces); got != test.stays {
					return fmt.Sprintf("%d KiB are in memory at the end, not %d", got>>10, test.stays>>10)
				}
				return ""
			})
		})
	}
}

// partlyInMemory returns the path of a file of which stretches [from, to) are in
// memory, or skips the test where this cannot be told.
func partlyInMemory(t *testing.T, from, to int64) string {
	t.Helper()
	dir, _ := diskFolder(t)
	path := filepath.Join(dir, "source")
	if err := os.WriteFile(path, make([]byte, pieces*stretch), 0o600); err != nil {
		t.Fatal(err)
	}
	file := forget(t, path)
	if _, err := io.Copy(io.Discard, io.NewSectionReader(file, from*stretch, (to-from)*stretch)); err != nil {
		t.Fatal(err)
	}
	if _, known := isInMemory(file, 0, stretch); !known {
		t.Skip("this system does not tell what is in memory")
	}
	return path
}

// readThrough reads all of a source, which is dropped from memory from a size of
// large bytes on.
func readThrough(t *testing.T, path string, large int64) {
	t.Helper()
	source, err := OpenSourcePath(path)
	if err != nil {
		t.Fatal(err)
	}
	source.passage.begins(source.file, source.Size(), large)
	if n, err := io.Copy(io.Discard, io.NewSectionReader(source, 0, pieces*stretch)); n != pieces*stretch || err != nil {
		t.Fatalf("%d bytes were read, %v", n, err)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
}
