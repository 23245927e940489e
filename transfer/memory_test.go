package transfer_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"example.com/uft/transfer"
)

// TestMemoryPerChunk: a file takes memory for what is under way, and not for each
// of its chunks. What is garbage by the next chunk counts too: until it is
// collected it adds to what the program has at its peak.
func TestMemoryPerChunk(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector pools forget on purpose")
	}
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, nil)
	client := h.client()
	const size = 256 << 20
	for name, move := range map[string]func() transfer.Result{
		"sent to a file": func() transfer.Result {
			return sendOne(t, client, transfer.Source{Reader: io.LimitReader(zeros{}, size), Name: "sent"})
		},
		"fetched to a writer": func() transfer.Result {
			put(t, filepath.Join(h.dir, "served"), nil)
			if err := os.Truncate(filepath.Join(h.dir, "served"), size); err != nil {
				t.Fatal(err)
			}
			return client.Fetch(soon(t), "served", transfer.Destination{Writer: io.Discard}, 0, transfer.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if r := move(); r.Err != nil {
				t.Fatal(r.Err)
			}
			runtime.ReadMemStats(&after)
			// What is under way is 40 MiB or less, and the pools may have to be
			// filled anew in the middle.
			if got := after.TotalAlloc - before.TotalAlloc; got > size/2 {
				t.Errorf("%d MiB of memory were taken for %d MiB of file", got>>20, size>>20)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
