package store

import (
	"os"
	"path/filepath"
	"testing"
)

// The files of the benchmarks are written and read in slabs, over and over in
// the page cache, so that the disk does not decide.
const (
	benchmarkSlab = 64 << 10
	benchmarkFile = 16 << 20
)

// benchmarkPart returns a part file of benchmarkFile bytes.
func benchmarkPart(tb testing.TB) *Part {
	tb.Helper()
	part, err := CreatePath(filepath.Join(tb.TempDir(), "file"), Meta{Size: benchmarkFile}, false)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := part.Abort(); err != nil {
			tb.Error(err)
		}
	})
	return part
}

// benchmarkSource returns an open file of benchmarkFile bytes.
func benchmarkSource(tb testing.TB) *Source {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, benchmarkFile), 0o600); err != nil {
		tb.Fatal(err)
	}
	source, err := OpenSourcePath(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := source.Close(); err != nil {
			tb.Error(err)
		}
	})
	return source
}

// inSlabs returns what gives the next slab of the file to ReadAt or WriteAt.
func inSlabs(tb testing.TB, at func(p []byte, offset int64) (int, error)) (next func()) {
	slab, offset := make([]byte, benchmarkSlab), int64(0)
	return func() {
		if n, err := at(slab, offset); n != benchmarkSlab || err != nil {
			tb.Fatal(n, err)
		}
		offset = (offset + benchmarkSlab) % benchmarkFile
	}
}

func BenchmarkPartWriteAt(b *testing.B) { benchmarkSlabs(b, benchmarkPart(b).WriteAt) }

func BenchmarkSourceReadAt(b *testing.B) { benchmarkSlabs(b, benchmarkSource(b).ReadAt) }

func benchmarkSlabs(b *testing.B, at func([]byte, int64) (int, error)) {
	next := inSlabs(b, at)
	b.SetBytes(benchmarkSlab)
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}
