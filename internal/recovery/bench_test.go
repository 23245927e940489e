package recovery

import (
	"testing"

	"example.com/uft/internal/ranges"
)

// benchmarkTrain is a train, and benchmarkAck the packets that one
// acknowledgement of 128 KiB is for.
const (
	benchmarkTrain = 61
	benchmarkAck   = 128
)

// benchmarkWindow is how many packets are in flight: a window of 4 MiB.
const benchmarkWindow = 4096

// BenchmarkOnSent notes a train that left.
func BenchmarkOnSent(b *testing.B) {
	s, all := newScript(b, Config{}), &Ack{Ranges: ranges.Set{{}}}
	b.ReportAllocs()
	for range b.N {
		s.send(Application, benchmarkTrain)
		if s.next[Application]-all.Largest > benchmarkWindow {
			b.StopTimer()
			s.advance(10 * ms)
			all.Largest, all.Ranges[0].End = s.next[Application]-1, s.next[Application]
			if err := s.OnAck(s.now, Application, all, &s.fates); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}

// BenchmarkFlow notes 128 packets that left, at the other side that they came,
// and the acknowledgement of them, with a window of 4 MiB in flight.
func BenchmarkFlow(b *testing.B) {
	for _, test := range []struct {
		name string
		lost uint64 // every so many; 0: none
	}{{"clean", 0}, {"every 50th lost", 50}} {
		b.Run(test.name, func(b *testing.B) {
			f := newFlow(b, test.lost)
			b.ReportAllocs()
			for b.Loop() {
				f.step()
			}
		})
	}
}

// A flow is a sender and a receiver of packets, a window of them apart.
type flow struct {
	*script
	received *Received
	lost     uint64 // every so many; 0: none
	ack      Ack
}

func newFlow(b *testing.B, lost uint64) *flow {
	f := &flow{script: newScript(b, Config{}), received: NewReceived(10 * ms), lost: lost}
	for range 1000 {
		f.step()
	}
	return f
}

// step sends packets and acknowledges those that left a window earlier.
func (f *flow) step() {
	f.send(Application, benchmarkAck)
	f.advance(ms / 4)
	if f.next[Application] < benchmarkWindow {
		return
	}
	first := f.next[Application] - benchmarkWindow
	for n := first; n < first+benchmarkAck; n++ {
		if f.lost == 0 || n%f.lost != 1 {
			f.received.OnPacket(f.now, n, true, 1064, false)
		}
	}
	f.ack.Largest, f.ack.Delay, f.ack.Ranges = f.received.Frame(f.now)
	if err := f.OnAck(f.now, Application, &f.ack, &f.fates); err != nil {
		f.Fatal(err)
	}
	f.received.OnAckSent(f.now)
	f.received.OnAckOfAck(f.ack.Largest)
	if f.Deadline() <= f.now {
		f.OnTimeout(f.now, &f.fates)
	}
}

// BenchmarkOnPacket notes a train that came: a duplicate is looked for, then the
// packet is noted, as the core does it.
func BenchmarkOnPacket(b *testing.B) {
	v, number := NewReceived(10*ms), uint64(0)
	s := newScript(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		s.advance(ms / 10)
		for range benchmarkTrain {
			if v.IsDuplicate(number) || v.OnPacket(s.now, number, true, 1064, false) {
				b.Fatal(number)
			}
			number++
		}
	}
}
