package medium

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// socketPath is where a test may have a socket: in the current folder, since the
// path of a socket has room for a hundred bytes and the name of a temporary folder
// may be longer.
func socketPath(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	return "control.socket"
}

func TestControlAnswers(t *testing.T) {
	path := socketPath(t)
	control, err := ListenControl(path, func(request string) (string, error) {
		if request == "bad" {
			return "", errors.New("this makes\nno sense")
		}
		return "you said\n" + request, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	if answer, err := Ask(t.Context(), path, "rate=5M loss=2%"); err != nil || answer != "you said\nrate=5M loss=2%" {
		t.Errorf("the answer is %q, %v", answer, err)
	}
	_, err = Ask(t.Context(), path, "bad")
	if refused := (*RefusedError)(nil); !errors.As(err, &refused) || err.Error() != "this makes\nno sense" {
		t.Errorf("a refusal is %v", err)
	}
	for _, request := range []string{"two\nlines", strings.Repeat("x", maxRequest)} {
		if _, err := Ask(t.Context(), path, request); err == nil {
			t.Errorf("%.20q was asked", request)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has the mode %v, %v", info.Mode(), err)
	}
	// One that is in use stays.
	if _, err := ListenControl(path, nil); err == nil {
		t.Error("a socket in use was taken over")
	}
	if err := control.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Ask(t.Context(), path, "stats"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestControlReplacesWhatWasLeftBehind(t *testing.T) {
	path := socketPath(t)
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	control, err := ListenControl(path, func(string) (string, error) { return "here", nil })
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	if answer, err := Ask(t.Context(), path, "x"); err != nil || answer != "here" {
		t.Errorf("%q, %v", answer, err)
	}
	// A file that is no socket is nobody's to remove.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenControl(file, nil); err == nil {
		t.Error("a file was replaced")
	}
}

// crowded is a listener of a program that has no descriptors left at first.
type crowded struct {
	net.Listener
	refusals int
}

func (l *crowded) Accept() (net.Conn, error) {
	if l.refusals--; l.refusals >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// TestControlWithoutDescriptors: who asks while there are none waits, and gets
// an answer when there are some again.
func TestControlWithoutDescriptors(t *testing.T) {
	path := socketPath(t)
	listener, err := listenPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	full := &crowded{Listener: listener, refusals: 2}
	control := &Control{path: path, listener: full}
	control.tasks.Go(func() { control.serve(func(string) (string, error) { return "here", nil }) })
	if answer, err := Ask(t.Context(), path, "x"); err != nil || answer != "here" {
		t.Errorf("%q, %v", answer, err)
	}
	if err := control.Close(); err != nil {
		t.Error(err)
	}
	if full.refusals >= 0 {
		t.Error("there were always descriptors")
	}
}

func TestAskingSomethingElse(t *testing.T) {
	path := socketPath(t)
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go func() {
		if conn, err := other.Accept(); err == nil {
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 100))
			_, _ = conn.Write([]byte("220 mail.example.com ready\n"))
		}
	}()
	if _, err := Ask(t.Context(), path, "stats"); err == nil || !strings.Contains(err.Error(), "no medium program") {
		t.Errorf("it is %v", err)
	}
}
