package xfer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/zeebo/blake3"
	"pgregory.net/rapid"

	"example.com/uft/internal/xfer"
)

// rootByHand follows docs/protocol.md §10.2 word by word.
func rootByHand(file []byte) xfer.Hash {
	list := append([]byte("uft/1 root"), 0)
	list = binary.BigEndian.AppendUint64(list, uint64(len(file)))
	for len(file) > 0 {
		n := min(len(file), 1<<20)
		sum := blake3.Sum256(file[:n])
		list = append(list, sum[:]...)
		file = file[n:]
	}
	return blake3.Sum256(list)
}

func TestHashReader(t *testing.T) {
	for _, size := range []int{0, 1, 1024, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 1} {
		file := bytes.Repeat([]byte("uft!"), size/4+1)[:size]
		for _, r := range []io.Reader{bytes.NewReader(file), iotest.HalfReader(bytes.NewReader(file))} {
			root, n, err := xfer.HashReader(r)
			if err != nil || n != int64(size) || root != rootByHand(file) {
				t.Errorf("HashReader of %d bytes = %v, %d, %v, want %v", size, root, n, err, rootByHand(file))
			}
		}
	}
}

func TestHashReaderFails(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader("some bytes"), iotest.ErrReader(broken))
	if _, _, err := xfer.HashReader(r); !errors.Is(err, broken) {
		t.Errorf("HashReader = %v, want the reader's error", err)
	}
}

// TestEmptyRoot fixes the root of the empty file: a change of the formula must
// not go unnoticed.
func TestEmptyRoot(t *testing.T) {
	const want = "uft1:ded1eaf3f63de622ef7e92e7a4fe369dea93ff146f01d6e6c7897fbdd2cc6cc7"
	if got := xfer.Root(0, nil).String(); got != want {
		t.Errorf("root of the empty file is %s, want %s", got, want)
	}
}

func TestRootTellsApart(t *testing.T) {
	chunk := xfer.HashChunk([]byte("a"))
	roots := map[xfer.Hash]string{}
	for name, root := range map[string]xfer.Hash{
		"empty":           xfer.Root(0, nil),
		"one byte":        xfer.Root(1, []xfer.Hash{chunk}),
		"another size":    xfer.Root(2, []xfer.Hash{chunk}),
		"two chunks":      xfer.Root(2, []xfer.Hash{chunk, chunk}),
		"hash of hashes":  xfer.HashChunk(chunk[:]),
		"the chunk alone": chunk,
	} {
		if other, taken := roots[root]; taken {
			t.Errorf("%s and %s have the same root", name, other)
		}
		roots[root] = name
	}
}

func TestChunkHasherInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hasher := xfer.NewChunkHasher()
		for range 2 { // a hasher goes on with the next chunk after Sum
			chunk := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "chunk")
			for rest := chunk; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
				hasher.Add(rest[:n])
				rest = rest[n:]
			}
			if got, want := hasher.Sum(), xfer.HashChunk(chunk); got != want {
				t.Fatalf("in pieces %v, at once %v", got, want)
			}
		}
	})
}

func TestChunkLengthsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(0, 1<<40).Draw(t, "size")
		count := xfer.ChunkCount(size)
		if count > 0 {
			last := uint64(xfer.ChunkLen(size, count-1))
			if (count-1)*xfer.ChunkSize+last != size || last == 0 {
				t.Fatalf("%d chunks, the last of %d bytes, do not make %d", count, last, size)
			}
		}
		if n := xfer.ChunkLen(size, count); n != 0 {
			t.Fatalf("a chunk of %d bytes beyond the end", n)
		}
	})
}
