package udp

import (
	"net/netip"
	"testing"
)

// The train of the benchmarks: what one call takes of datagrams of a usual
// size.
const (
	benchmarkSegment  = 1064
	benchmarkSegments = 61
	benchmarkTrain    = benchmarkSegments * benchmarkSegment
)

// trainsThatFit is how many trains of the benchmark the socket's receive buffer
// holds. The kernel counts up to four times the size of a small datagram.
func trainsThatFit(c Conn) int {
	return max(1, min(32, c.ReceiveBuffer()*2/(4*benchmarkTrain)))
}

// drain reads the given number of bytes.
func drain(b *testing.B, c Conn, buf []byte, bytes int) {
	b.Helper()
	for bytes > 0 {
		n, _, _, _, _, err := c.ReadTrain(buf)
		if err != nil {
			b.Fatal(err)
		}
		bytes -= n
	}
}

// fill sends the given number of trains to c.
func fill(b *testing.B, from, to Conn, p []byte, trains int) {
	b.Helper()
	for range trains {
		if err := from.WriteTrain(p, benchmarkSegment, to.LocalAddr(), netip.AddrPort{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteTrain measures the sender, the way through the loopback
// interface included; nothing is read in the measured time.
func BenchmarkWriteTrain(b *testing.B) {
	for _, m := range []mode{offload, mmsg, oneByOne} {
		b.Run(m.name, func(b *testing.B) {
			from, to := m.open(b, "127.0.0.1:0"), m.open(b, "127.0.0.1:0")
			p, buf, remote := train(benchmarkTrain), make([]byte, MaxTrain), to.LocalAddr()
			inBuffer, full := 0, trainsThatFit(to)
			b.SetBytes(benchmarkTrain)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := m.write(from, p, benchmarkSegment, remote); err != nil {
					b.Fatal(err)
				}
				if inBuffer++; inBuffer == full {
					b.StopTimer()
					drain(b, to, buf, inBuffer*benchmarkTrain)
					inBuffer = 0
					b.StartTimer()
				}
			}
		})
	}
}

// BenchmarkReadTrain measures the receiver: the trains are in the socket's
// buffer before the time is taken.
func BenchmarkReadTrain(b *testing.B) {
	for _, m := range []mode{offload, mmsg, unjoined, oneByOne} {
		b.Run(m.name, func(b *testing.B) {
			from, to := m.open(b, "127.0.0.1:0"), m.open(b, "127.0.0.1:0")
			p, buf := train(benchmarkTrain), make([]byte, MaxTrain)
			full := trainsThatFit(to)
			b.SetBytes(benchmarkTrain)
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; left -= full {
				b.StopTimer()
				trains := min(left, full)
				fill(b, from, to, p, trains)
				b.StartTimer()
				drain(b, to, buf, trains*benchmarkTrain)
			}
		})
	}
}
