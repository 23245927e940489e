package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	good := []string{
		"a", "report.txt", "a b", " a", "été", "日本語.txt", "a..b", "...a", ".profile", "12:30:00.log", "-rf", "~", "$HOME", "a|b",
		"console", "com", "com10", "comx.txt", "nul1", "auxiliary.c", "lpt", "COM⁴", "1:a", strings.Repeat("x", 255),
	}
	for _, name := range good {
		if err := CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v, want nil", name, err)
		}
	}
	bad := []struct{ name, reason string }{
		{"", "empty"},
		{".", "folder"},
		{"..", "folder"},
		{"/", "separator"},
		{"/etc/passwd", "separator"},
		{"../a", "separator"},
		{"a/..", "separator"},
		{`a\b`, "separator"},
		{`..\a`, "separator"},
		{`\\server\share`, "separator"},
		{`\\?\C:`, "separator"},
		{"a\x00b", "control"},
		{"a\nb", "control"},
		{"\x1b[2J", "control"},
		{"a\x7f", "control"},
		{"a\u0085", "control"},
		{"C:", "drive"},
		{"c:a.txt", "drive"},
		{"a.", "dot or a space"},
		{"a ", "dot or a space"},
		{"...", "dot or a space"},
		{" ", "dot or a space"},
		{"CON", "device"},
		{"con", "device"},
		{"Prn.txt", "device"},
		{"AUX.c", "device"},
		{"nul.tar.gz", "device"},
		{"nul .txt", "device"},
		{"nul:stream", "device"},
		{"COM0", "device"},
		{"com1.log", "device"},
		{"LPT9", "device"},
		{"COM¹", "device"},
		{"lpt³.x", "device"},
		{"CONIN$", "device"},
		{"conout$.txt", "device"},
		{"a\xff", "UTF-8"},
		{"\xc0\xae\xc0\xae", "UTF-8"},
		{"\xed\xa0\x80", "UTF-8"},
		{strings.Repeat("x", 256), "256 bytes"},
		{strings.Repeat("é", 128), "256 bytes"},
	}
	for _, test := range bad {
		err := CheckName(test.name)
		if !errors.Is(err, ErrBadName) {
			t.Errorf("CheckName(%q) = %v, want an ErrBadName", test.name, err)
			continue
		}
		if !strings.Contains(err.Error(), test.reason) {
			t.Errorf("CheckName(%q) = %q, want it to say %q", test.name, err, test.reason)
		}
		if strings.ContainsAny(err.Error(), "\x00\n\x1b") {
			t.Errorf("the text of the error for %q is not escaped", test.name)
		}
	}
}

func TestIsHidden(t *testing.T) {
	for name, want := range map[string]bool{
		"a": false, "a.part": false, ".ssh": true, ".uft-0123456789abcdef.part": true, "..a": true,
	} {
		if got := IsHidden(name); got != want {
			t.Errorf("IsHidden(%q) = %t, want %t", name, got, want)
		}
	}
}

func TestIsPartName(t *testing.T) {
	for name, want := range map[string]bool{
		".uft-0123456789abcdef.part":  true,
		".uft-0123456789abcdeg.part":  false,
		".uft-0123456789abcdef0.part": false,
		".uft-0123456789abcde.part":   false,
		".uft-.part":                  false,
		".uft-0123456789abcdef":       false,
		"uft-0123456789abcdef.part":   false,
	} {
		if got := isPartName(name); got != want {
			t.Errorf("isPartName(%q) = %t, want %t", name, got, want)
		}
	}
}

// FuzzCheckName writes every accepted name to a real folder: the file must be
// there, under exactly that name, and nothing else must have appeared beside
// the folder.
func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{
		"a", "", "..", "../x", "a/b", `a\b`, "NUL", "com1.txt", ".profile", "C:x", "a.", "\xff", "a\x00", "été", strings.Repeat("x", 256),
	} {
		f.Add(seed)
	}
	outer := f.TempDir()
	dir := filepath.Join(outer, "folder")
	if err := os.Mkdir(dir, 0o700); err != nil {
		f.Fatal(err)
	}
	folder, err := Open(dir, Options{Hidden: true, NoSync: true, FreeFraction: -1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { folder.Close() })
	f.Fuzz(func(t *testing.T, name string) {
		if err := folder.allow("write", name); err != nil {
			if !errors.Is(err, ErrBadName) {
				t.Fatalf("%q: %v, want an ErrBadName", name, err)
			}
			return
		}
		if !filepath.IsLocal(name) || filepath.Base(name) != name {
			t.Fatalf("%q was accepted and is not a single local name", name)
		}
		part, err := folder.Create(name, Meta{}, false)
		if errors.Is(err, ErrHidden) && isPartName(name) {
			return
		}
		if err != nil {
			t.Fatalf("%q was accepted, but: %v", name, err)
		}
		if err := part.Commit(); err != nil {
			t.Fatalf("%q was accepted, but: %v", name, err)
		}
		wantNames(t, dir, name)
		wantNames(t, outer, "folder")
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	})
}
