package transfer_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.com/uft/internal/leaktest"

	"example.com/uft/internal/xfer"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// house is a server on the loopback interface and what it logged.
type house struct {
	t      testing.TB
	dir    string // of the server
	here   string // of the client
	addr   string
	server *transfer.Server
	events chan transfer.Event
	stop   func() // ends the server, and waits until nothing of any transfer is left
}

// open starts a server. config.Dir is filled in.
func open(t testing.TB, config transfer.ServerConfig, carrier *transport.Config) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), here: t.TempDir(), events: make(chan transfer.Event, 10_000)}
	config.Dir = h.dir
	config.Log = func(e transfer.Event) { h.events <- e }
	server, err := transfer.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := transport.Listen("127.0.0.1:0", carrier)
	if err != nil {
		t.Fatal(err)
	}
	h.server, h.addr = server, listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		<-served
	})
	t.Cleanup(func() {
		h.stop()
		if err := server.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
	})
	return h
}

// client connects to the server.
func (h *house) client() *transfer.Client {
	h.t.Helper()
	return h.clientWith(nil)
}

func (h *house) clientWith(carrier *transport.Config) *transfer.Client {
	h.t.Helper()
	conn, err := transport.Dial(h.t.Context(), h.addr, carrier)
	if err != nil {
		h.t.Fatal(err)
	}
	client, err := transfer.NewClient(h.t.Context(), conn)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { client.Close() })
	return client
}

// write makes a file of random bytes.
func write(t testing.TB, dir, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	_, _ = rand.Read(content)
	path = filepath.Join(dir, name)
	put(t, path, content)
	return path, content
}

func put(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o640); err != nil {
		t.Fatal(err)
	}
}

// wantFile compares a file.
func wantFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	} else if !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, other than the %d wanted", path, len(got), len(want))
	}
}

// wantNames compares the names in a folder: nothing else may be left there.
func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if len(got) != len(want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s holds %q, want %q", dir, got, want)
			return
		}
	}
}

// wantKind checks how a transfer failed.
func wantKind(t *testing.T, r transfer.Result, want transfer.Kind) {
	t.Helper()
	if r.Err == nil || transfer.KindOf(r.Err) != want {
		t.Errorf("%s: %v, of kind %v, want kind %v", r.Name, r.Err, transfer.KindOf(r.Err), want)
	}
}

// wantDone checks that a transfer succeeded with these bytes.
func wantDone(t *testing.T, r transfer.Result, content []byte) {
	t.Helper()
	if r.Err != nil {
		t.Errorf("%s: %v", r.Name, r.Err)
		return
	}
	root, size, err := xfer.HashReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if r.Bytes != size || r.Root != root.String() {
		t.Errorf("%s: %d bytes of root %s, want %d of %s", r.Name, r.Bytes, r.Root, size, root)
	}
}

// soon bounds a test that would hang where it fails.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// sizes are the lengths at which something begins or ends.
var sizes = []int{0, 1, 1023, 1024, 64 << 10, 64<<10 + 1, 20 * 1024, 1 << 20, 3<<20 + 1}

func TestSendAndFetch(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, nil)
	client := h.client()
	for _, size := range sizes {
		path, content := write(t, h.here, "file", size)
		if err := os.Remove(filepath.Join(h.dir, "file")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		results := client.Send(soon(t), []transfer.Source{{Path: path}}, transfer.Options{})
		wantDone(t, results[0], content)
		wantFile(t, filepath.Join(h.dir, "file"), content)

		back := filepath.Join(h.here, "back")
		wantDone(t, client.Fetch(soon(t), "file", transfer.Destination{Path: back, Overwrite: true}, 0, transfer.Options{}), content)
		wantFile(t, back, content)

		var out bytes.Buffer
		wantDone(t, client.Fetch(soon(t), "file", transfer.Destination{Writer: &out}, 0, transfer.Options{}), content)
		if !bytes.Equal(out.Bytes(), content) {
			t.Errorf("%d bytes came to the writer, not the %d of the file", out.Len(), size)
		}
	}
	wantNames(t, h.dir, "file")
	wantNames(t, h.here, "back", "file")
}
