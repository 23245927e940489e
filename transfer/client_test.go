package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// sendOne sends one file and returns its result.
func sendOne(t *testing.T, client *transfer.Client, source transfer.Source) transfer.Result {
	t.Helper()
	return client.Send(soon(t), []transfer.Source{source}, transfer.Options{})[0]
}

func TestModeAndTimeAreKept(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	path, _ := write(t, h.here, "file", 10)
	when := time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	if err := errors.Join(os.Chmod(path, 0o604), os.Chtimes(path, when, when)); err != nil {
		t.Fatal(err)
	}
	if r := sendOne(t, h.client(), transfer.Source{Path: path}); r.Err != nil {
		t.Fatal(r.Err)
	}
	// The umask, whatever it is, holds for a new file as for one that is received.
	fresh, err := os.OpenFile(filepath.Join(h.here, "fresh"), os.O_CREATE|os.O_WRONLY, 0o604)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	want, err := fresh.Stat()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(h.dir, "file"))
	if err != nil || info.Mode() != want.Mode() || !info.ModTime().Equal(when) {
		t.Errorf("%v %v, %v", info.Mode(), info.ModTime(), err)
	}
}

func TestReaderOfUnknownSize(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	client := h.client()
	for i, size := range sizes {
		content := bytes.Repeat([]byte{byte(i), 1, 2}, size/3+1)[:size]
		name := fmt.Sprintf("from-a-pipe-%d", i)
		// A reader of few bytes at a time, as a pipe may be.
		source := transfer.Source{Reader: io.LimitReader(bytes.NewReader(content), int64(size)), Name: name}
		wantDone(t, sendOne(t, client, source), content)
		wantFile(t, filepath.Join(h.dir, name), content)
	}
}

func TestSeveralFiles(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	var sources []transfer.Source
	contents := map[string][]byte{}
	var names []string
	for i := range 600 { // more than are open at once
		name := fmt.Sprintf("file-%04d", i)
		path, content := write(t, h.here, name, i*7)
		sources, names = append(sources, transfer.Source{Path: path}), append(names, name)
		contents[name] = content
	}
	results := h.client().Send(soon(t), sources, transfer.Options{})
	for i, r := range results {
		if r.Name != names[i] {
			t.Errorf("result %d is of %s", i, r.Name)
		}
		wantDone(t, r, contents[r.Name])
		wantFile(t, filepath.Join(h.dir, r.Name), contents[r.Name])
	}
	wantNames(t, h.dir, names...)
}

// TestGoesOnAfterFailures: each file has a result of its own.
func TestGoesOnAfterFailures(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, MaxSize: 3 << 20}, nil)
	good, goodContent := write(t, h.here, "good", 2<<20)
	taken, _ := write(t, h.here, "taken", 2<<20)
	put(t, filepath.Join(h.dir, "taken"), []byte("something else"))
	large, _ := write(t, h.here, "large", 3<<20+1)
	hidden, _ := write(t, h.here, ".hidden", 5)
	another, anotherContent := write(t, t.TempDir(), "another", 5)
	results := h.client().Send(soon(t), []transfer.Source{
		{Path: filepath.Join(h.here, "missing")},
		{Path: taken},
		{Path: large},
		{Path: good},
		{Path: hidden},
		{Path: good},
		{Path: h.here},
		{Path: another, Name: "../another"},
		{Path: another},
	}, transfer.Options{})
	for i, want := range []transfer.Kind{
		transfer.KindSource, transfer.KindRefused, transfer.KindRefused, -1, transfer.KindRefused,
		transfer.KindSource, transfer.KindSource, transfer.KindRefused, -1,
	} {
		if want >= 0 {
			wantKind(t, results[i], want)
		}
	}
	wantDone(t, results[3], goodContent)
	wantDone(t, results[8], anotherContent)
	wantFile(t, filepath.Join(h.dir, "good"), goodContent)
	wantFile(t, filepath.Join(h.dir, "taken"), []byte("something else"))
	wantNames(t, h.dir, "another", "good", "taken")
}

func TestVerySameFile(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, nil)
	client := h.client()
	for _, size := range []int{0, 1, 3<<20 + 1, 40 << 20} {
		path, content := write(t, h.here, fmt.Sprintf("file-%d", size), size)
		name := filepath.Base(path)
		put(t, filepath.Join(h.dir, name), content)
		before, err := os.Stat(filepath.Join(h.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		r := sendOne(t, client, transfer.Source{Path: path})
		wantDone(t, r, content)
		if !r.Already {
			t.Errorf("%d bytes were sent again", size)
		}
		after, err := os.Stat(filepath.Join(h.dir, name))
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("the file of %d bytes was replaced, %v", size, err)
		}
		r = client.Fetch(soon(t), name, transfer.Destination{Path: path}, 0, transfer.Options{})
		wantDone(t, r, content)
		if !r.Already {
			t.Errorf("%d bytes were fetched again", size)
		}
	}
}

func TestSameSizeOtherContents(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, nil)
	path, content := write(t, h.here, "file", 5<<20)
	there := bytes.Clone(content)
	there[4<<20] ^= 1
	put(t, filepath.Join(h.dir, "file"), there)
	client := h.client()
	wantKind(t, sendOne(t, client, transfer.Source{Path: path}), transfer.KindRefused)
	wantFile(t, filepath.Join(h.dir, "file"), there)
	wantKind(t, client.Fetch(soon(t), "file", transfer.Destination{Dir: h.here}, 0, transfer.Options{}), transfer.KindRefused)
	wantFile(t, path, content)
	wantNames(t, h.dir, "file")
	wantNames(t, h.here, "file")
}

// TestOverwriteKeepsEqualChunks: the chunks that are the same are copied from
// the old file and do not travel, but for those that left before the receiver
// could say so.
func TestOverwriteKeepsEqualChunks(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Overwrite: true}, nil)
	for _, differ := range [][]int{{0}, {39}, {3, 17}, {}} {
		path, content := write(t, h.here, "file", 40<<20-100)
		there := bytes.Clone(content)
		for _, chunk := range differ {
			there[chunk<<20+7] ^= 1
		}
		put(t, filepath.Join(h.dir, "file"), there)
		r := sendOne(t, h.client(), transfer.Source{Path: path})
		wantDone(t, r, content)
		if want := len(differ) == 0; r.Already != want {
			t.Errorf("chunks %v differ: already there is %t", differ, r.Already)
		}
		wantFile(t, filepath.Join(h.dir, "file"), content)
		wantNames(t, h.dir, "file")
	}
}

func TestOverwriteWithAnotherSize(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Overwrite: true}, nil)
	path, content := write(t, h.here, "file", 2<<20)
	put(t, filepath.Join(h.dir, "file"), content[:1<<20])
	wantDone(t, sendOne(t, h.client(), transfer.Source{Path: path}), content)
	wantFile(t, filepath.Join(h.dir, "file"), content)
	wantNames(t, h.dir, "file")
}

// TestSourceChanges: the rate leaves time to change the file while it is read.
func TestSourceChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grows":   func(path string) error { return os.WriteFile(path, make([]byte, 17<<20), 0o600) },
		"shrinks": func(path string) error { return os.Truncate(path, 1<<20) },
		"is replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", make([]byte, 16<<20), 0o600), os.Rename(path+".new", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, nil)
			client := h.clientWith(&transport.Config{FixedRate: 100e6})
			path, _ := write(t, h.here, "file", 16<<20)
			var once sync.Once
			r := client.Send(soon(t), []transfer.Source{{Path: path}}, transfer.Options{Progress: func(u transfer.Update) {
				once.Do(func() {
					if err := change(path); err != nil {
						t.Error(err)
					}
				})
			}})[0]
			wantKind(t, r, transfer.KindIntegrity)
			h.wantEnd(t, "file", transfer.KindIntegrity)
			wantNames(t, h.dir)
		})
	}
}

// TestSourceThatFails: a reader's error is the source's fault, and the receiver
// keeps nothing.
func TestSourceThatFails(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	reader := io.MultiReader(bytes.NewReader(make([]byte, 2<<20)), failing{})
	r := sendOne(t, h.client(), transfer.Source{Reader: reader, Name: "broken"})
	wantKind(t, r, transfer.KindSource)
	if !errors.Is(r.Err, errBroken) {
		t.Errorf("%v does not wrap the reader's error", r.Err)
	}
	h.wantEnd(t, "broken", transfer.KindSource)
	wantNames(t, h.dir)
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// wantEnd waits for the end of a transfer at the server.
func (h *house) wantEnd(t *testing.T, name string, want transfer.Kind) {
	t.Helper()
	for {
		select {
		case e := <-h.events:
			if e.Started || e.Result.Name != name {
				continue
			}
			wantKind(t, e.Result, want)
			return
		case <-soon(t).Done():
			t.Fatalf("the server says nothing of the end of %s", name)
		}
	}
}

func TestFetchRefused(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	client := h.client()
	_, _ = write(t, h.dir, ".hidden", 5)
	_, _ = write(t, h.dir, "file", 5)
	if err := os.Mkdir(filepath.Join(h.dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]transfer.Kind{
		"missing": transfer.KindSource,
		".hidden": transfer.KindSource,
		"folder":  transfer.KindSource,
		"../file": transfer.KindRefused,
		"a\xff":   transfer.KindSource,
	} {
		r := client.Fetch(soon(t), name, transfer.Destination{Dir: h.here}, 0, transfer.Options{})
		wantKind(t, r, want)
	}
	taken, content := write(t, h.here, "taken", 3)
	wantKind(t, client.Fetch(soon(t), "file", transfer.Destination{Path: taken}, 0, transfer.Options{}), transfer.KindRefused)
	wantFile(t, taken, content)
	wantKind(t, client.Fetch(soon(t), "file", transfer.Destination{Dir: filepath.Join(h.here, "no folder")}, 0, transfer.Options{}), transfer.KindDestination)
	wantKind(t, client.Fetch(soon(t), "file", transfer.Destination{Writer: failingWriter{}}, 0, transfer.Options{}), transfer.KindDestination)
	wantNames(t, h.here, "taken")
	// After all that the connection is as good as new.
	r := client.Fetch(soon(t), "file", transfer.Destination{Dir: h.here}, 0, transfer.Options{})
	if r.Err != nil {
		t.Error(r.Err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestNotServed(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	wantKind(t, h.client().Fetch(soon(t), "file", transfer.Destination{Dir: h.here}, 0, transfer.Options{}), transfer.KindRefused)
	wantNames(t, h.here)
	h = open(t, transfer.ServerConfig{Serve: true}, nil)
	path, _ := write(t, h.here, "file", 30<<20)
	wantKind(t, sendOne(t, h.client(), transfer.Source{Path: path}), transfer.KindRefused)
	wantNames(t, h.dir)
}

// TestUnwritableFolder: what the server cannot write is its disk's fault, not
// a matter of policy.
func TestUnwritableFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	if err := os.Chmod(h.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(h.dir, 0o700) //nolint:errcheck // for the cleaning up
	path, _ := write(t, h.here, "file", 5)
	wantKind(t, sendOne(t, h.client(), transfer.Source{Path: path}), transfer.KindDestination)
}

func TestCancelSend(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	client := h.client()
	ctx, cancel := context.WithCancel(soon(t))
	reader, writer := io.Pipe()
	defer writer.Close()
	go func() {
		_, _ = writer.Write(make([]byte, 3<<20)) // and no more: the transfer cannot end
		cancel()
	}()
	path, _ := write(t, h.here, "later", 5)
	results := client.Send(ctx, []transfer.Source{{Reader: reader, Name: "endless"}, {Path: path}}, transfer.Options{})
	wantKind(t, results[0], transfer.KindInterrupted)
	h.wantEnd(t, "endless", transfer.KindConnection)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	h.stop() // the second file may have been offered, too
	wantNames(t, h.dir)
}

func TestCancelFetch(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	client := h.client()
	_, _ = write(t, h.dir, "file", 20<<20)
	ctx, cancel := context.WithCancel(soon(t))
	// The rate makes it last for minutes.
	r := client.Fetch(ctx, "file", transfer.Destination{Dir: h.here}, 1e6, transfer.Options{Progress: func(u transfer.Update) {
		if u.Bytes > 0 {
			cancel()
		}
	}})
	cancel()
	wantKind(t, r, transfer.KindInterrupted)
	wantNames(t, h.here)
	h.wantEnd(t, "file", transfer.KindConnection)
}

// TestServerGoesAway: the connection is closed in the middle.
func TestServerGoesAway(t *testing.T) {
	dir := t.TempDir()
	server, err := transfer.NewServer(transfer.ServerConfig{Dir: dir, Accept: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, stop := context.WithCancel(soon(t))
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	conn, err := transport.Dial(soon(t), listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	reader, writer := io.Pipe()
	defer writer.Close()
	go func() {
		_, _ = writer.Write(make([]byte, 3<<20))
		stop()
	}()
	wantKind(t, sendOne(t, client, transfer.Source{Reader: reader, Name: "endless"}), transfer.KindConnection)
	if err := <-served; err != nil && transfer.KindOf(err) != transfer.KindInterrupted {
		t.Errorf("Serve = %v", err)
	}
	wantNames(t, dir)
}

// TestFetchSweeps: what a client left that was killed days ago goes.
func TestFetchSweeps(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	_, content := write(t, h.dir, "file", 5)
	left, _ := write(t, h.here, ".uft-0123456789abcdef.part", 5)
	before := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(left, before, before); err != nil {
		t.Fatal(err)
	}
	wantDone(t, h.client().Fetch(soon(t), "file", transfer.Destination{Dir: h.here}, 0, transfer.Options{}), content)
	wantNames(t, h.here, "file")
}

// TestFetchIntoDevice: what is no regular file is written to, not replaced.
func TestFetchIntoDevice(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	_, content := write(t, h.dir, "file", 2<<20)
	wantDone(t, h.client().Fetch(soon(t), "file", transfer.Destination{Path: os.DevNull}, 0, transfer.Options{}), content)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestRateOfRequest: the rate acts at the server, and an impossible one is
// refused.
func TestRateOfRequest(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	_, content := write(t, h.dir, "file", 100<<10)
	client := h.client()
	r := client.Fetch(soon(t), "file", transfer.Destination{Dir: h.here}, 4e6, transfer.Options{})
	wantDone(t, r, content)
	// Never faster: that much takes 0.2 s at that rate.
	if r.GrossRate() > 5e6 {
		t.Errorf("%.0f bit/s at a rate of 4 Mbit/s", r.GrossRate())
	}
	wantKind(t, client.Fetch(soon(t), "file", transfer.Destination{Dir: h.here}, 1, transfer.Options{}), transfer.KindRefused)
	// Nor does it outlast its file: this one would take 16 s.
	_, content = write(t, h.dir, "large", 8<<20)
	r = client.Fetch(soon(t), "large", transfer.Destination{Dir: h.here}, 0, transfer.Options{})
	wantDone(t, r, content)
	if r.GrossRate() < 5e6 {
		t.Errorf("%.0f bit/s although no rate was asked for", r.GrossRate())
	}
}

func TestProgress(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	path, content := write(t, h.here, "file", 1<<20)
	var updates []transfer.Update
	wantDone(t, h.client().Send(soon(t), []transfer.Source{{Path: path}}, transfer.Options{
		Progress: func(u transfer.Update) { updates = append(updates, u) },
	})[0], content)
	want := transfer.Update{Name: "file", Sending: true, Bytes: 1 << 20, Total: 1 << 20, Done: true}
	if n := len(updates); n == 0 || updates[n-1] != want {
		t.Errorf("updates %+v, want the last to be %+v", updates, want)
	}
}
