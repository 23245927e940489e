package transfer_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"example.com/uft/transfer"
)

// benchmarkFile is the size in bytes of the file that the benchmarks move: as
// much as hides the messages around it.
const benchmarkFile = 16 << 20

// benchmarkHouse is a server that has a file, and that whoever sends may
// overwrite.
func benchmarkHouse(b *testing.B) (h *house, client *transfer.Client) {
	h = open(b, transfer.ServerConfig{Accept: true, Serve: true, Overwrite: true}, nil)
	write(b, h.dir, "file", benchmarkFile)
	b.SetBytes(benchmarkFile)
	b.ReportAllocs()
	return h, h.client()
}

// check ends a benchmark whose transfer failed, and forgets what was logged.
func (h *house) check(r transfer.Result) {
	if r.Err != nil {
		h.t.Fatal(r.Err)
	}
	for len(h.events) > 0 {
		<-h.events
	}
}

// remove removes what is there, or less would have to be moved.
func (h *house) remove(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
}

// BenchmarkSend sends a file over the loopback interface: it is read, hashed,
// sealed, acknowledged, written and hashed again, both sides in this process.
func BenchmarkSend(b *testing.B) {
	h, client := benchmarkHouse(b)
	path, _ := write(b, h.here, "file", benchmarkFile)
	for b.Loop() {
		h.remove(filepath.Join(h.dir, "file"))
		h.check(client.Send(b.Context(), []transfer.Source{{Path: path}}, transfer.Options{})[0])
	}
}

// BenchmarkFetch is BenchmarkSend in the other direction.
func BenchmarkFetch(b *testing.B) {
	h, client := benchmarkHouse(b)
	to := transfer.Destination{Path: filepath.Join(h.here, "back")}
	for b.Loop() {
		h.remove(to.Path)
		h.check(client.Fetch(b.Context(), "file", to, 0, transfer.Options{}))
	}
}

// BenchmarkSendSmall sends a hundred files of 1 KiB at once: the messages for
// each, and its way to the disk.
func BenchmarkSendSmall(b *testing.B) {
	h, client := benchmarkHouse(b)
	path, _ := write(b, h.here, "small", 1<<10)
	sources := make([]transfer.Source, 100)
	for i := range sources {
		sources[i] = transfer.Source{Path: path, Name: "small" + string(rune('a'+i%26)) + string(rune('a'+i/26))}
	}
	b.SetBytes(int64(len(sources)) << 10)
	for b.Loop() {
		for _, r := range client.Send(b.Context(), sources, transfer.Options{}) {
			h.check(r)
		}
	}
}
