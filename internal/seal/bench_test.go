package seal

import (
	"crypto/tls"
	"testing"
)

// The datagrams of the benchmarks: a header, a payload and the tag, 61 of them
// in a train.
const (
	benchmarkHeader  = 13
	benchmarkPayload = 1035
	benchmarkTrain   = 61
)

// benchmarkSuites runs a benchmark with the keys of every suite: for one
// datagram, and for a train of them in one buffer.
func benchmarkSuites(b *testing.B, run func(b *testing.B, keys *Keys, datagrams []byte)) {
	const datagram = benchmarkHeader + benchmarkPayload + Overhead
	for _, suite := range allSuites {
		for _, size := range []struct {
			name  string
			count int
		}{{"datagram", 1}, {"train", benchmarkTrain}} {
			b.Run(tls.CipherSuiteName(suite)+"/"+size.name, func(b *testing.B) {
				newHash, _, err := suiteParameters(suite)
				if err != nil {
					b.Fatal(err)
				}
				keys, err := NewKeys(suite, make([]byte, newHash().Size()))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size.count * datagram))
				b.ReportAllocs()
				run(b, keys, make([]byte, size.count*datagram))
			})
		}
	}
}

// sealAll seals the datagrams in place; the first has the packet number.
func sealAll(keys *Keys, datagrams []byte, number uint64) {
	for len(datagrams) > 0 {
		header, payload := datagrams[:benchmarkHeader], datagrams[benchmarkHeader:][:benchmarkPayload]
		keys.Seal(payload[:0], header, payload, 0, number)
		datagrams = datagrams[benchmarkHeader+benchmarkPayload+Overhead:]
		number++
	}
}

func BenchmarkSeal(b *testing.B) {
	benchmarkSuites(b, func(b *testing.B, keys *Keys, datagrams []byte) {
		number := uint64(0)
		for b.Loop() {
			sealAll(keys, datagrams, number)
			number += benchmarkTrain
		}
	})
}

// BenchmarkOpen opens from a sealed copy into a buffer of its own: opened in
// place, a datagram could be opened once only.
func BenchmarkOpen(b *testing.B) {
	benchmarkSuites(b, func(b *testing.B, keys *Keys, datagrams []byte) {
		sealAll(keys, datagrams, 0)
		opened := make([]byte, 0, benchmarkPayload)
		for b.Loop() {
			number := uint64(0)
			for rest := datagrams; len(rest) > 0; number++ {
				header, sealed := rest[:benchmarkHeader], rest[benchmarkHeader:][:benchmarkPayload+Overhead]
				if _, err := keys.Open(opened, header, sealed, 0, number); err != nil {
					b.Fatal(err)
				}
				rest = rest[benchmarkHeader+len(sealed):]
			}
		}
	})
}
