package xfer

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"

	"github.com/zeebo/blake3"
)

// ChunkSize is the number of file bytes that are hashed together; the last
// chunk of a file may be shorter (docs/protocol.md §10.2).
const ChunkSize = 1 << 20

// HashSize is the length of a Hash in bytes.
const HashSize = 32

// rootDomain keeps the hash of a list of hashes apart from the hash of a file
// that happens to hold the same bytes.
const rootDomain = "uft/1 root\x00"

// Hash is the BLAKE3-256 of a chunk, or the root of a file.
type Hash [HashSize]byte

// String returns the root of a file as people read it: uft1: and 64
// hexadecimal digits.
func (h Hash) String() string { return "uft1:" + hex.EncodeToString(h[:]) }

// HashChunk returns the hash of a chunk.
func HashChunk(p []byte) Hash { return blake3.Sum256(p) }

// Root returns the root of a file of size bytes whose chunks have these
// hashes, in order (docs/protocol.md §10.2). An empty file has no chunk.
func Root(size uint64, chunks []Hash) Hash {
	hasher := blake3.New()
	// Writes to a hasher never fail.
	_, _ = hasher.WriteString(rootDomain)
	_, _ = hasher.Write(binary.BigEndian.AppendUint64(nil, size))
	for i := range chunks {
		_, _ = hasher.Write(chunks[i][:])
	}
	return sum(hasher)
}

// HashReader reads r to its end and returns the root and the size of what it
// held.
func HashReader(r io.Reader) (root Hash, size int64, err error) {
	var chunks []Hash
	buf := make([]byte, ChunkSize)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			chunks = append(chunks, HashChunk(buf[:n]))
			size += int64(n)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return Root(uint64(size), chunks), size, nil
		default:
			return Hash{}, size, err
		}
	}
}

// ChunkHasher hashes one chunk after the other from pieces that come in order.
type ChunkHasher struct {
	hasher *blake3.Hasher
}

// NewChunkHasher returns a ChunkHasher at the start of a chunk.
func NewChunkHasher() *ChunkHasher { return &ChunkHasher{hasher: blake3.New()} }

// Add hashes the next bytes of the chunk.
func (c *ChunkHasher) Add(p []byte) { _, _ = c.hasher.Write(p) } // never fails

// Sum returns the hash of the chunk and starts the next one.
func (c *ChunkHasher) Sum() Hash {
	h := sum(c.hasher)
	c.hasher.Reset()
	return h
}

func sum(hasher *blake3.Hasher) (h Hash) {
	hasher.Sum(h[:0])
	return h
}

// ChunkCount returns how many chunks a file of size bytes has.
func ChunkCount(size uint64) uint64 {
	return size/ChunkSize + min(size%ChunkSize, 1)
}

// ChunkLen returns the length of chunk i of a file of size bytes, 0 beyond its
// end.
func ChunkLen(size, i uint64) int {
	if i >= ChunkCount(size) {
		return 0
	}
	return int(min(size-i*ChunkSize, ChunkSize))
}
