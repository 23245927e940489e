package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// names returns those of a list.
func names(entries []Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Name)
	}
	return list
}

// TestList: it holds what OpenListed opens, in order, and nothing else.
func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "c", ".hidden", ".uft-0123456789abcdef.part", "dot."} {
		writeFile(t, dir, name, name)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "c"}
	if os.Symlink("b", filepath.Join(dir, "in")) == nil {
		want = append(want, "in")
		for name, to := range map[string]string{"out": "/etc/passwd", "up": "../x", "nothing": "nowhere", "dir": "folder"} {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, hidden := range []bool{false, true} {
		folder := open(t, dir, Options{Hidden: hidden})
		entries, next, err := folder.List("", 100)
		if err != nil || next != "" {
			t.Errorf("next %q, %v", next, err)
		}
		want := want
		if hidden {
			want = append([]string{".hidden"}, want...)
		}
		if !slices.Equal(names(entries), want) {
			t.Errorf("listed %q, want %q", names(entries), want)
		}
		for _, entry := range entries {
			source, err := folder.OpenListed(entry.Name)
			if err != nil {
				t.Errorf("%s: %v", entry.Name, err)
				continue
			}
			if source.Size() != entry.Size || !source.ModTime().Equal(entry.ModTime) {
				t.Errorf("%s: %+v", entry.Name, entry)
			}
			source.Close()
		}
		if _, err := folder.OpenListed(".uft-0123456789abcdef.part"); !errors.Is(err, ErrHidden) {
			t.Errorf("a part file: %v", err)
		}
	}
}

// TestListInPieces: pieces of any size make up the whole.
func TestListInPieces(t *testing.T) {
	dir := t.TempDir()
	const count = 700 // more than one reading of the directory brings
	for i := range count {
		writeFile(t, dir, fmt.Sprintf("%03d", i), "")
	}
	folder := open(t, dir, Options{})
	for _, limit := range []int{33, 99, count - 1, count, count + 1} {
		var all []string
		for next, more := "", true; more; more = next != "" {
			var entries []Entry
			var err error
			if entries, next, err = folder.List(next, limit); err != nil {
				t.Fatal(err)
			}
			if len(entries) > limit || next != "" && len(entries) != limit {
				t.Fatalf("%d entries, limit %d, next %q", len(entries), limit, next)
			}
			all = append(all, names(entries)...)
		}
		if len(all) != count || !slices.IsSorted(all) {
			t.Errorf("limit %d: %d names, sorted %t", limit, len(all), slices.IsSorted(all))
		}
	}
}
