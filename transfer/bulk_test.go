package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// tight is a receiver with little credit: an eighth of a chunk. A receiver that
// waited for whole chunks would wait for ever.
var tight = &transport.Config{BulkMemory: 128 << 10}

func TestLittleCredit(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true, Overwrite: true}, tight)
	client := h.clientWith(tight)
	path, content := write(t, h.here, "file", 3<<20+1)
	there := bytes.Clone(content)
	there[1<<20] ^= 1
	for _, old := range [][]byte{nil, there, content} {
		if old != nil {
			put(t, filepath.Join(h.dir, "file"), old)
		}
		wantDone(t, sendOne(t, client, transfer.Source{Path: path}), content)
		wantFile(t, filepath.Join(h.dir, "file"), content)
	}
	var out bytes.Buffer
	wantDone(t, client.Fetch(soon(t), "file", transfer.Destination{Writer: &out}, 0, transfer.Options{}), content)
	if !bytes.Equal(out.Bytes(), content) {
		t.Error("the writer got other bytes")
	}
	back := filepath.Join(h.here, "back")
	wantDone(t, client.Fetch(soon(t), "file", transfer.Destination{Path: back}, 0, transfer.Options{}), content)
	wantFile(t, back, content)
}

// TestLoss: slabs come out of order, so they are read back from the part file,
// or wait for the writer.
func TestLoss(t *testing.T) {
	for _, memory := range []int64{128 << 10, 1 << 20, 0} {
		t.Run(fmt.Sprintf("memory %d", memory), func(t *testing.T) {
			t.Parallel()
			lossy := &transport.Config{Loss: 0.1, Seed: 1, BulkMemory: memory}
			h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, lossy)
			client := h.clientWith(lossy)
			path, content := write(t, h.here, "file", 12<<20+5)
			wantDone(t, sendOne(t, client, transfer.Source{Path: path}), content)
			wantFile(t, filepath.Join(h.dir, "file"), content)
			var out bytes.Buffer
			wantDone(t, client.Fetch(soon(t), "file", transfer.Destination{Writer: &out}, 0, transfer.Options{}), content)
			if !bytes.Equal(out.Bytes(), content) {
				t.Error("the writer got other bytes")
			}
		})
	}
}

// TestManyAtOnce: several clients send and fetch at the same time, on several
// calls of the same connection.
func TestManyAtOnce(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, &transport.Config{BulkMemory: 1 << 20})
	_, served := write(t, h.dir, "served", 1<<20+17)
	var group sync.WaitGroup
	for c := range 4 {
		client := h.client()
		for call := range 4 {
			name := fmt.Sprintf("file-%d-%d", c, call)
			path, content := write(t, h.here, name, 1<<20+c*64*1024+call)
			group.Go(func() {
				wantDone(t, sendOne(t, client, transfer.Source{Path: path}), content)
				wantFile(t, filepath.Join(h.dir, name), content)
			})
			group.Go(func() {
				back := path + ".back"
				wantDone(t, client.Fetch(soon(t), "served", transfer.Destination{Path: back}, 0, transfer.Options{}), served)
				wantFile(t, back, served)
			})
		}
	}
	group.Wait()
}

// counter is a writer that counts, for files larger than a test machine's disk.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// TestBeyondFourGiB: offsets and sizes do not fit 32 bits. The source is sparse
// and the sink counts.
func TestBeyondFourGiB(t *testing.T) {
	size := int64(4<<30 + 3<<20 + 1)
	if testing.Short() || raceEnabled {
		size = 20<<20 + 1
	}
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	file, err := os.Create(filepath.Join(h.dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	// The last byte tells the end from the holes.
	_, err = file.WriteAt([]byte{1}, size-1)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var sink counter
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // half a minute, as a rule
	defer cancel()
	r := h.client().Fetch(ctx, "sparse", transfer.Destination{Writer: &sink}, 0, transfer.Options{})
	if r.Err != nil || r.Bytes != size || sink.n != size {
		t.Errorf("%d of %d bytes came, the result says %d: %v", sink.n, size, r.Bytes, r.Err)
	}
}
