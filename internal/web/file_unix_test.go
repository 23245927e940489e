//go:build linux || darwin || freebsd

package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSpecialFiles: a FIFO without a writer and a device are not there, and
// nobody waits for them; a file that this process may not read is forbidden.
func TestSpecialFiles(t *testing.T) {
	h := open(t, Config{})
	if err := unix.Mkfifo(filepath.Join(h.dir, "fifo"), 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(h.dir, "zero")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/fifo", "/zero"} {
		if got := h.get(h.one, "GET", path); got.StatusCode != 404 {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
	if got := h.get(h.one, "GET", "/"); strings.Contains(got.body, "./fifo") || strings.Contains(got.body, "./zero") {
		t.Errorf("the list\n%s", got.body)
	}
	if os.Geteuid() == 0 {
		return // who may read everything
	}
	h.write("locked", "x")
	if err := os.Chmod(filepath.Join(h.dir, "locked"), 0); err != nil {
		t.Fatal(err)
	}
	if got := h.get(h.one, "GET", "/locked"); got.StatusCode != 403 {
		t.Errorf("a locked file: %s", got.Status)
	}
}
