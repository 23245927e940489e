package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSource(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "a", "0123456789")
	modified := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	path := filepath.Join(dir, "a")
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	folder := open(t, dir, Options{})
	for how, openIt := range map[string]func() (*Source, error){
		"by name":  func() (*Source, error) { return folder.OpenSource("a") },
		"existing": func() (*Source, error) { return folder.OpenExisting("a") },
		"by path":  func() (*Source, error) { return OpenSourcePath(path) },
	} {
		t.Run(how, func(t *testing.T) {
			source, err := openIt()
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			if source.Name() != "a" || source.Size() != 10 || !source.ModTime().Equal(modified) {
				t.Errorf("%q, %d bytes, %v", source.Name(), source.Size(), source.ModTime())
			}
			if info, _ := os.Stat(path); source.Mode() != info.Mode().Perm() {
				t.Errorf("mode %v, want %v", source.Mode(), info.Mode().Perm())
			}
			buffer := make([]byte, 4)
			if n, err := source.ReadAt(buffer, 3); n != 4 || err != nil || string(buffer) != "3456" {
				t.Errorf("ReadAt(3) = %d, %v, %q", n, err, buffer)
			}
			if n, err := source.ReadAt(buffer, 8); n != 2 || err != io.EOF {
				t.Errorf("ReadAt(8) = %d, %v, want 2 and io.EOF", n, err)
			}
			if err := source.Unchanged(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSourceChanged(t *testing.T) {
	other := time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, change := range map[string]func(path string) error{
		"grown":    func(path string) error { return os.WriteFile(path, []byte("0123456789+"), 0o600) },
		"cut":      func(path string) error { return os.Truncate(path, 9) },
		"touched":  func(path string) error { return os.Chtimes(path, other, other) },
		"removed":  os.Remove,
		"replaced": func(path string) error { return replace(path, "0123456789") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, "a", "0123456789")
			path := filepath.Join(dir, "a")
			byName, err := open(t, dir, Options{}).OpenSource("a")
			if err != nil {
				t.Fatal(err)
			}
			defer byName.Close()
			byPath, err := OpenSourcePath(path)
			if err != nil {
				t.Fatal(err)
			}
			defer byPath.Close()
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			for _, source := range []*Source{byName, byPath} {
				if err := source.Unchanged(); !errors.Is(err, ErrChanged) {
					t.Errorf("Unchanged = %v, want ErrChanged", err)
				}
			}
		})
	}
}

// replace puts another file of the same age in the place of the one at path.
func replace(path, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(path+".new", info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// TestSourceCut: a read that finds less than the size says so, and never
// passes for the end of the file.
func TestSourceCut(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "a", "0123456789")
	source, err := OpenSourcePath(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if err := os.Truncate(filepath.Join(dir, "a"), 5); err != nil {
		t.Fatal(err)
	}
	n, err := source.ReadAt(make([]byte, 10), 0)
	if n != 5 || !errors.Is(err, ErrChanged) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadAt = %d, %v, want 5 and ErrChanged", n, err)
	}
}

func TestSourceRefused(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "folder")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, outer, "secret", "s")
	writeFile(t, dir, ".key", "k")
	writeFile(t, dir, "a", "inside")
	for link, target := range map[string]string{
		"escape":   "../secret",
		"absolute": filepath.Join(outer, "secret"),
		"inside":   "a",
		"loop":     "loop",
		"dangling": "nothing",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	folder := open(t, dir, Options{})
	for name, want := range map[string]error{
		"escape":    ErrOutside,
		"absolute":  ErrOutside,
		"dangling":  ErrNotFound,
		"absent":    ErrNotFound,
		"sub":       ErrNotRegular,
		".key":      ErrHidden,
		"../secret": ErrBadName,
		"":          ErrBadName,
	} {
		if source, err := folder.OpenSource(name); !errors.Is(err, want) {
			t.Errorf("OpenSource(%q) = %v, %v, want %v", name, source, err, want)
		}
	}
	if _, err := folder.OpenSource("loop"); err == nil {
		t.Error("a link to itself was opened")
	}
	source, err := folder.OpenSource("inside")
	if err != nil {
		t.Fatalf("a link inside the folder: %v", err)
	}
	defer source.Close()
	if source.Name() != "inside" || source.Size() != 6 {
		t.Errorf("a link inside the folder gives %q of %d bytes", source.Name(), source.Size())
	}
	hidden, err := open(t, dir, Options{Hidden: true}).OpenSource(".key")
	if err != nil {
		t.Fatalf("a hidden file where they are allowed: %v", err)
	}
	hidden.Close()
	if _, err := OpenSourcePath(dir); !errors.Is(err, ErrNotRegular) {
		t.Errorf("OpenSourcePath of a folder = %v, want ErrNotRegular", err)
	}
	followed, err := OpenSourcePath(filepath.Join(dir, "escape"))
	if err != nil {
		t.Fatalf("the user's own path through a link: %v", err)
	}
	followed.Close()
}
