package link

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// benchmarkSpecs are the links of the benchmarks, from one that does nothing to
// one that does everything.
var benchmarkSpecs = []struct{ name, spec string }{
	{"perfect", ""},
	{"bottleneck", "delay=10ms,rate=1G"},
	{"lossy", "delay=10ms,loss=10%"},
	{"everything", "loss=20%,burst=5,delay=30ms,jitter=20ms,reorder=5%,duplicate=5%,corrupt=2%,rate=10G"},
}

// admitter returns a link and what has the next datagram enter it, a
// microsecond after the last.
func admitter(tb testing.TB, spec string) (admit func()) {
	tb.Helper()
	config, err := Parse(spec)
	if err != nil {
		tb.Fatal(err)
	}
	l, now := New(config, 1), instant.Time(time.Second)
	deliveries := make([]Delivery, 0, 2)
	return func() {
		now = now.Add(time.Microsecond)
		deliveries = l.Admit(now, 1064, deliveries[:0])
	}
}

func BenchmarkAdmit(b *testing.B) {
	for _, test := range benchmarkSpecs {
		b.Run(test.name, func(b *testing.B) {
			admit := admitter(b, test.spec)
			b.SetBytes(1064)
			b.ReportAllocs()
			for b.Loop() {
				admit()
			}
		})
	}
}
