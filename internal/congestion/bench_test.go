package congestion_test

import (
	"testing"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

const (
	benchmarkTrain    = 61
	benchmarkInterval = 500 * time.Microsecond // between acknowledgements of 128 packets, at some 2 Gbit/s
)

// A feed gives a controller the acknowledgements of a steady flow.
type feed struct {
	now    instant.Time
	count  int
	sample congestion.AckSample
}

func newFeed() *feed {
	const acked = 128 * gross
	return &feed{now: instant.Time(time.Second), sample: congestion.AckSample{
		AckedBytes: acked, Inflight: 20 * acked, PriorInflight: 21 * acked,
		RTT: 10 * time.Millisecond, MinRTT: 10 * time.Millisecond, SmoothedRTT: 10 * time.Millisecond,
		DeliveryRate: int64(acked * time.Second / benchmarkInterval), AckInterval: benchmarkInterval,
	}}
}

// next returns the next acknowledgement; every twentieth begins a round trip.
func (f *feed) next() (instant.Time, congestion.AckSample) {
	f.now = f.now.Add(benchmarkInterval)
	f.count++
	f.sample.RoundStart = f.count%20 == 0
	return f.now, f.sample
}

// acknowledge is what the core does with an acknowledgement.
func (f *feed) acknowledge(control congestion.Controller, pacer *congestion.Pacer) {
	now, sample := f.next()
	control.OnAck(now, sample)
	pacer.SetRate(control.PacingRate(), congestion.AdaptiveBurst)
}

func BenchmarkOnAck(b *testing.B) {
	for _, test := range []struct {
		name    string
		control congestion.Controller
	}{
		{"bbr", congestion.NewBBR(instant.Time(time.Second), congestion.Config{Datagram: gross})},
		{"fixed", congestion.NewFixed(2e9, gross, 10*time.Millisecond)},
	} {
		b.Run(test.name, func(b *testing.B) {
			f, pacer := newFeed(), congestion.NewPacer(gross, 16)
			b.ReportAllocs()
			for b.Loop() {
				f.acknowledge(test.control, pacer)
			}
		})
	}
}

// sendTrain is what the core asks and tells for a train.
func sendTrain(now instant.Time, control congestion.Controller, pacer *congestion.Pacer) {
	segments := min(pacer.Quantum(), pacer.Budget(now)/gross, control.Window()/gross)
	for i := range segments {
		pacer.OnSent(now, gross)
		control.OnSent(now, gross, (i+1)*gross)
	}
}

// BenchmarkPacedTrain asks pacer and controller for a train and tells them of
// its packets.
func BenchmarkPacedTrain(b *testing.B) {
	control := congestion.NewFixed(5e9, gross, 10*time.Millisecond)
	pacer := congestion.NewPacer(gross, 16)
	pacer.SetRate(control.PacingRate(), congestion.FixedBurst)
	now := instant.Time(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		now = pacer.Next(now, benchmarkTrain*gross)
		sendTrain(now, control, pacer)
	}
}
