package xfer

import "testing"

// slabSize is the size of the pieces in which a chunk comes.
const slabSize = 64 << 10

// BenchmarkHashChunk hashes a chunk that is in memory in whole.
func BenchmarkHashChunk(b *testing.B) {
	chunk := make([]byte, ChunkSize)
	b.SetBytes(ChunkSize)
	b.ReportAllocs()
	for b.Loop() {
		HashChunk(chunk)
	}
}

// BenchmarkChunkHasher hashes chunks that come in slabs, in order.
func BenchmarkChunkHasher(b *testing.B) {
	hasher, slab := NewChunkHasher(), make([]byte, slabSize)
	b.SetBytes(ChunkSize)
	b.ReportAllocs()
	for b.Loop() {
		hashSlabs(hasher, slab)
	}
}

// hashSlabs hashes a chunk of equal slabs.
func hashSlabs(hasher *ChunkHasher, slab []byte) Hash {
	for range ChunkSize / slabSize {
		hasher.Add(slab)
	}
	return hasher.Sum()
}

// BenchmarkRoot computes the root of a file of 10 GiB from the hashes of its
// chunks.
func BenchmarkRoot(b *testing.B) {
	chunks := make([]Hash, 10<<10)
	b.SetBytes(int64(len(chunks) * HashSize))
	b.ReportAllocs()
	for b.Loop() {
		Root(10<<30, chunks)
	}
}
