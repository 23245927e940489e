package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// create begins a part and fills it with the text.
func create(t *testing.T, folder *Folder, name, text string, overwrite bool) *Part {
	t.Helper()
	part, err := folder.Create(name, Meta{Size: int64(len(text))}, overwrite)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := part.WriteAt([]byte(text), 0); n != len(text) || err != nil {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
	return part
}

// withAndWithoutLinks runs a test on a folder as it is, and on one whose file
// system has no hard links, as FAT.
func withAndWithoutLinks(t *testing.T, run func(t *testing.T, dir string, folder *Folder)) {
	t.Run("with hard links", func(t *testing.T) {
		dir := t.TempDir()
		run(t, dir, open(t, dir, Options{}))
	})
	t.Run("without hard links", func(t *testing.T) {
		dir := t.TempDir()
		folder := open(t, dir, Options{})
		folder.link = func(oldname, newname string) error {
			return &os.LinkError{Op: "linkat", Old: oldname, New: newname, Err: unsupportedErrors[0]}
		}
		run(t, dir, folder)
	})
}

func TestCommit(t *testing.T) {
	withAndWithoutLinks(t, func(t *testing.T, dir string, folder *Folder) {
		modified := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
		part, err := folder.Create("a", Meta{Size: 6, Mode: 0o644, ModTime: modified}, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range []struct {
			text   string
			offset int64
		}{{"def", 3}, {"abc", 0}} { // out of order
			if _, err := part.WriteAt([]byte(piece.text), piece.offset); err != nil {
				t.Fatal(err)
			}
		}
		back := make([]byte, 4)
		if n, err := part.ReadAt(back, 2); n != 4 || err != nil || string(back) != "cdef" {
			t.Errorf("ReadAt = %d, %v, %q", n, err, back)
		}
		if n, err := part.ReadAt(back, 5); n != 1 || err != io.EOF {
			t.Errorf("ReadAt at the end = %d, %v", n, err)
		}
		wantNames(t, dir, part.temporary)
		if err := part.Commit(); err != nil {
			t.Fatal(err)
		}
		wantNames(t, dir, "a")
		wantFile(t, dir, "a", "abcdef")
		if info, _ := os.Stat(filepath.Join(dir, "a")); !info.ModTime().Equal(modified) {
			t.Errorf("modification time %v, want %v", info.ModTime(), modified)
		}
		if err := part.Abort(); err != nil {
			t.Errorf("Abort after Commit = %v", err)
		}
		wantNames(t, dir, "a")
		if err := part.Commit(); err == nil {
			t.Error("a second Commit succeeded")
		}
		if _, err := part.WriteAt([]byte("x"), 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("WriteAt after Commit = %v", err)
		}
		wantFile(t, dir, "a", "abcdef")
	})
}

// TestCommitWaitsForTheDisk takes the path with both syncs.
func TestCommitWaitsForTheDisk(t *testing.T) {
	dir := t.TempDir()
	folder, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := create(t, folder, "a", "x", false).Commit(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "a", "x")
}

func TestEmptyFile(t *testing.T) {
	dir := t.TempDir()
	if err := create(t, open(t, dir, Options{}), "a", "", false).Commit(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "a", "")
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	part := create(t, open(t, dir, Options{}), "a", "x", false)
	for range 2 {
		if err := part.Abort(); err != nil {
			t.Error(err)
		}
	}
	wantNames(t, dir)
	if err := part.Commit(); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	wantNames(t, dir)
}

func TestCreateRefused(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "file", "old")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	folder := open(t, dir, Options{MaxSize: 100})
	for _, test := range []struct {
		name      string
		size      int64
		overwrite bool
		want      error
	}{
		{"file", 1, false, ErrExists},
		{"sub", 1, false, ErrNotRegular},
		{"sub", 1, true, ErrNotRegular},
		{"link", 1, false, ErrNotRegular},
		{"link", 1, true, ErrNotRegular},
		{"a", 101, false, ErrTooLarge},
		{".a", 1, false, ErrHidden},
		{"../a", 1, false, ErrBadName},
		{"NUL", 1, false, ErrBadName},
	} {
		if part, err := folder.Create(test.name, Meta{Size: test.size}, test.overwrite); !errors.Is(err, test.want) {
			t.Errorf("Create(%q, %d, %t) = %v, %v, want %v", test.name, test.size, test.overwrite, part, err, test.want)
		}
	}
	hidden := open(t, dir, Options{Hidden: true})
	if _, err := hidden.Create(".uft-0123456789abcdef.part", Meta{}, false); !errors.Is(err, ErrHidden) {
		t.Errorf("a name that SweepParts would remove: %v, want ErrHidden", err)
	}
	wantNames(t, dir, "file", "link", "sub")
	wantFile(t, dir, "file", "old")
}

func TestSizeLimits(t *testing.T) {
	dir := t.TempDir()
	folder := open(t, dir, Options{MaxSize: 10})
	for _, size := range []int64{4, -1} {
		limit := size
		if size < 0 {
			limit = 10
		}
		part, err := folder.Create("a", Meta{Size: size}, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, offset := range []int64{limit - 1, limit, -1, 1<<63 - 1} {
			if n, err := part.WriteAt([]byte("xy"), offset); n != 0 || !errors.Is(err, ErrTooLarge) {
				t.Errorf("size %d: WriteAt(%d) = %d, %v, want ErrTooLarge", size, offset, n, err)
			}
		}
		if _, err := part.WriteAt([]byte("xy"), limit-2); err != nil {
			t.Errorf("size %d: the last bytes: %v", size, err)
		}
		if err := part.Abort(); err != nil {
			t.Error(err)
		}
	}
	wantNames(t, dir)
}

func TestIncomplete(t *testing.T) {
	dir := t.TempDir()
	part, err := open(t, dir, Options{}).Create("a", Meta{Size: 3}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.WriteAt([]byte("ab"), 0); err != nil {
		t.Fatal(err)
	}
	if err := part.Commit(); !errors.Is(err, ErrIncomplete) {
		t.Errorf("Commit = %v, want ErrIncomplete", err)
	}
	wantNames(t, dir)
}

// TestCommitRace: many transfers of one name end at the same moment; one wins,
// the others learn of it, and the winner's bytes stay.
func TestCommitRace(t *testing.T) {
	withAndWithoutLinks(t, func(t *testing.T, dir string, folder *Folder) {
		const transfers = 16
		var parts [transfers]*Part
		for i := range parts {
			parts[i] = create(t, folder, "a", fmt.Sprintf("text %02d", i), false)
		}
		var results [transfers]error
		var group sync.WaitGroup
		for i, part := range parts {
			group.Go(func() { results[i] = part.Commit() })
		}
		group.Wait()
		winner := -1
		for i, err := range results {
			switch {
			case err == nil && winner < 0:
				winner = i
			case !errors.Is(err, ErrExists):
				t.Errorf("transfer %d: %v, want ErrExists", i, err)
			}
		}
		wantNames(t, dir, "a")
		wantFile(t, dir, "a", fmt.Sprintf("text %02d", winner))
	})
}

// TestTakenMeanwhile: the name is free at Create and taken at Commit.
func TestTakenMeanwhile(t *testing.T) {
	withAndWithoutLinks(t, func(t *testing.T, dir string, folder *Folder) {
		part := create(t, folder, "a", "new", false)
		writeFile(t, dir, "a", "somebody else's")
		if err := part.Commit(); !errors.Is(err, ErrExists) {
			t.Errorf("Commit = %v, want ErrExists", err)
		}
		folderInstead := create(t, folder, "b", "new", true)
		if err := os.Mkdir(filepath.Join(dir, "b"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := folderInstead.Commit(); !errors.Is(err, ErrNotRegular) {
			t.Errorf("Commit = %v, want ErrNotRegular", err)
		}
		wantNames(t, dir, "a", "b")
		wantFile(t, dir, "a", "somebody else's")
	})
}

// TestLinkFails: an error that is no lack of hard links is told, and does not
// lead to the way without them.
func TestLinkFails(t *testing.T) {
	dir := t.TempDir()
	folder := open(t, dir, Options{})
	folder.link = func(string, string) error { return diskErrors[0] }
	if err := create(t, folder, "a", "x", false).Commit(); !errors.Is(err, ErrDisk) {
		t.Errorf("Commit = %v, want ErrDisk", err)
	}
	wantNames(t, dir)
}

// TestOverwriteIsAtomic reads a file again and again while it is replaced:
// every reader sees one of the two texts whole.
func TestOverwriteIsAtomic(t *testing.T) {
	dir := t.TempDir()
	texts := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 50_000)}
	writeFile(t, dir, "a", texts[0])
	folder := open(t, dir, Options{})
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if got, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(got) != texts[0] && string(got) != texts[1] {
				t.Errorf("a reader saw %d bytes, %v", len(got), err)
				return
			}
		}
	})
	for i := range 100 {
		part := create(t, folder, "a", texts[(i+1)%2], true)
		wantFile(t, dir, "a", texts[i%2])
		if err := part.Commit(); err != nil {
			t.Error(err)
		}
		wantFile(t, dir, "a", texts[(i+1)%2])
	}
	close(stop)
	reader.Wait()
	wantNames(t, dir, "a")
}

func TestCreatePath(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "old", "old")
	meta := Meta{Size: 3}
	if _, err := CreatePath(filepath.Join(dir, "old"), meta, false); !errors.Is(err, ErrExists) {
		t.Errorf("a taken path: %v, want ErrExists", err)
	}
	for path, want := range map[string]error{
		filepath.Join(dir, "old", "below"):   ErrNotFound,
		filepath.Join(dir, "absent", "a"):    ErrNotFound,
		dir:                                  ErrNotRegular,
		dir + string(filepath.Separator):     ErrNotRegular,
		filepath.Join(dir, "no") + "/":       ErrNotRegular,
		"":                                   ErrNotRegular,
		".":                                  ErrNotRegular,
		filepath.Join(dir, "absent") + "/..": ErrNotRegular,
	} {
		if _, err := CreatePath(path, meta, true); !errors.Is(err, want) {
			t.Errorf("CreatePath(%q) = %v, want %v", path, err, want)
		}
	}
	for _, name := range []string{"old", "new", ".hidden"} {
		part, err := CreatePath(filepath.Join(dir, name), meta, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.WriteAt([]byte("new"), 0); err != nil {
			t.Fatal(err)
		}
		if err := part.Commit(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, dir, name, "new")
		if err := part.folder.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the folder was open after Commit: Close = %v", err)
		}
	}
	aborted, err := CreatePath(filepath.Join(dir, "aborted"), meta, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := aborted.Abort(); err != nil {
		t.Error(err)
	}
	if err := aborted.folder.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the folder was open after Abort: Close = %v", err)
	}
	wantNames(t, dir, ".hidden", "new", "old")
}

// TestCreatePathInCurrentFolder: a bare name, as on most command lines.
// TestCreatePathSweeps: what a program left that was killed a day ago goes.
func TestCreatePathSweeps(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{
		".uft-0000000000000001.part": Abandoned + time.Hour,
		".uft-0000000000000002.part": Abandoned - time.Hour,
		"old":                        Abandoned + time.Hour,
	} {
		writeFile(t, dir, name, "x")
		modified := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	part, err := CreatePath(filepath.Join(dir, "new"), Meta{Size: -1}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Commit(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, ".uft-0000000000000002.part", "new", "old")
}

func TestCreatePathInCurrentFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	part, err := CreatePath("a", Meta{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Commit(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "a")
}

// TestCreatePathFollowsLink: the user's own link stays, and the file behind it
// is replaced.
func TestCreatePathFollowsLink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	writeFile(t, other, "target", "old")
	if err := os.Symlink(filepath.Join(other, "target"), filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	part, err := CreatePath(filepath.Join(dir, "link"), Meta{}, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := part.Commit(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, other, "target", "")
	if info, err := os.Lstat(filepath.Join(dir, "link")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

func TestDiscard(t *testing.T) {
	var sink Discard
	for range 2 {
		if n, err := sink.WriteAt(make([]byte, 10), 1<<40); n != 10 || err != nil {
			t.Errorf("WriteAt = %d, %v", n, err)
		}
	}
	if _, err := sink.ReadAt(make([]byte, 1), 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("ReadAt = %v, want errors.ErrUnsupported", err)
	}
	if err := errors.Join(sink.Commit(), sink.Abort()); err != nil {
		t.Error(err)
	}
	if sink.Written() != 20 {
		t.Errorf("Written = %d, want 20", sink.Written())
	}
}
