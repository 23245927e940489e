package recovery

import (
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
)

const ms = time.Millisecond

// A script drives a Recovery with a clock moved by hand.
type script struct {
	testing.TB
	*Recovery
	now   instant.Time
	next  [spaces]uint64
	fates Fates
}

func newScript(t testing.TB, cfg Config) *script {
	s := &script{TB: t, Recovery: New(cfg), now: instant.Time(time.Hour)}
	s.SetHandshakeConfirmed()
	return s
}

func (s *script) advance(d time.Duration) { s.now = s.now.Add(d) }

// send sends n full Data packets in one train.
func (s *script) send(in Space, n int) {
	for range n {
		number := s.next[in]
		s.next[in]++
		s.OnSent(in, &Packet{
			Number: number, SentAt: s.now, Size: 1000, AckEliciting: true, InFlight: true,
			Kind: Data, Transfer: 7, Offset: number * 1024, Length: 1024,
		}, false)
	}
}

// sendEvery sends n packets with gap after each.
func (s *script) sendEvery(in Space, n int, gap time.Duration) {
	for range n {
		s.send(in, 1)
		s.advance(gap)
	}
}

// ack acknowledges the half-open ranges given as pairs.
func (s *script) ack(in Space, pairs ...uint64) {
	s.Helper()
	s.ackAfter(0, in, pairs...)
}

// ackAfter is ack with a delay claimed by the peer.
func (s *script) ackAfter(delay time.Duration, in Space, pairs ...uint64) {
	s.Helper()
	if err := s.OnAck(s.now, in, newAck(delay, pairs...), &s.fates); err != nil {
		s.Fatalf("acknowledging %v: %v", pairs, err)
	}
}

func newAck(delay time.Duration, pairs ...uint64) *Ack {
	var set ranges.Set
	for i := 0; i < len(pairs); i += 2 {
		set.Add(pairs[i], pairs[i+1])
	}
	largest, _ := set.Max()
	return &Ack{Largest: largest, Delay: delay, Ranges: set}
}

// packetsOf returns the packets of runs one by one.
func packetsOf(runs []Run) (packets []Packet) {
	for _, run := range runs {
		for range run.Count {
			packets = append(packets, run.Packet)
			run.Number++
			run.Offset += uint64(run.Length)
		}
	}
	return packets
}

func numbers(packets []Packet) (list []uint64) {
	for _, p := range packets {
		list = append(list, p.Number)
	}
	slices.Sort(list)
	return list
}

func (s *script) want(what string, got []Packet, want ...uint64) {
	s.Helper()
	if !slices.Equal(numbers(got), want) {
		s.Errorf("%s: packets %v, want %v", what, numbers(got), want)
	}
}

func (s *script) wantAcked(want ...uint64) {
	s.Helper()
	s.want("acked", packetsOf(s.fates.Acked), want...)
}
func (s *script) wantLost(want ...uint64) { s.Helper(); s.want("lost", s.fates.Lost, want...) }
func (s *script) wantSpurious(want ...uint64) {
	s.Helper()
	s.want("spurious", s.fates.Spurious, want...)
}

// wantDeadline expects the timer in d from now.
func (s *script) wantDeadline(d time.Duration) {
	s.Helper()
	if got := s.Deadline(); got != s.now.Add(d) {
		s.Errorf("deadline in %v, want in %v", got.Sub(s.now), d)
	}
}

func (s *script) wantNoDeadline() {
	s.Helper()
	if got := s.Deadline(); got != instant.Never {
		s.Errorf("deadline in %v, want none", got.Sub(s.now))
	}
}

// expire moves to the deadline and expects a probe, or losses.
func (s *script) expire(wantProbe bool) Space {
	s.Helper()
	s.now = s.Deadline()
	probe, in := s.OnTimeout(s.now, &s.fates)
	if probe != wantProbe {
		s.Errorf("timeout asks for a probe: %t, want %t", probe, wantProbe)
	}
	return in
}

func (s *script) wantInflight(want int) {
	s.Helper()
	if got := s.Inflight(); got != want {
		s.Errorf("%d bytes in flight, want %d", got, want)
	}
}

// measured makes the round trip known: exactly rtt, without deviation.
func (s *script) measured(rtt time.Duration) {
	s.Helper()
	for range 60 {
		s.send(Application, 1)
		s.advance(rtt)
		s.ack(Application, s.next[Application]-1, s.next[Application])
	}
}
