//go:build unix

package medium

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestControlIsPrivateBeforeItListens: whoever comes early is turned away, and
// from then on the mode of the socket decides.
func TestControlIsPrivateBeforeItListens(t *testing.T) {
	path := socketPath(t)
	socket, err := bindPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if conn, err := net.Dial("unix", path); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("before it listens: %v, %v", conn, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("before it listens the mode is %v, %v", info.Mode(), err)
	}
	listener, err := listenAt(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// TestControlLeavesNothingBehind where it ends, and where it cannot begin.
func TestControlLeavesNothingBehind(t *testing.T) {
	path := socketPath(t)
	control, err := ListenControl(path, func(string) (string, error) { return "", nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := control.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := ListenControl(filepath.Join("missing", path), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket in no folder: %v", err)
	}
}
