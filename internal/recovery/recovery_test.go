package recovery

import (
	"errors"
	"testing"
	"time"

	"example.com/uft/internal/ranges"
)

func TestRoundTripEstimate(t *testing.T) {
	s := newScript(t, Config{MaxAckDelay: 20 * ms})
	if got := s.SmoothedRTT(); got != defaultInitialRTT {
		t.Errorf("smoothed %v before the first sample, want the initial %v", got, defaultInitialRTT)
	}
	s.send(Application, 1)
	s.advance(100 * ms)
	s.ackAfter(20*ms, Application, 0, 1)
	// The first sample ignores the delay: there is nothing to compare it with.
	if s.SmoothedRTT() != 100*ms || s.RTTVar() != 50*ms || s.MinRTT() != 100*ms {
		t.Errorf("after the first sample: %+v", s.rtt)
	}
	s.send(Application, 1)
	s.advance(180 * ms)
	s.ackAfter(20*ms, Application, 1, 2)
	// 180 ms less 20 counts for an eighth.
	if got, want := s.SmoothedRTT(), 107500*time.Microsecond; got != want {
		t.Errorf("smoothed %v, want %v", got, want)
	}
	if got, want := s.LatestRTT(), 180*ms; got != want {
		t.Errorf("latest %v, want %v", got, want)
	}
	s.send(Application, 1)
	s.advance(90 * ms)
	s.ackAfter(20*ms, Application, 2, 3)
	if got, want := s.MinRTT(), 90*ms; got != want {
		t.Errorf("minimum %v, want %v: it must ignore a delay within the limit", got, want)
	}
}

// Where acknowledgements are lost, the one that arrives tells of a packet that
// came long before. That time is no part of the round trip.
func TestRoundTripWithoutLostAcknowledgements(t *testing.T) {
	s := newScript(t, Config{MaxAckDelay: 20 * ms})
	s.send(Handshake, 1)
	s.advance(4100 * ms)
	s.ackAfter(4000*ms, Handshake, 0, 1)
	if s.SmoothedRTT() != 100*ms || s.MinRTT() != 100*ms {
		t.Errorf("after a delay of 4 s in the handshake: %+v", s.rtt)
	}
	s.send(Application, 1)
	s.advance(1120 * ms)
	s.ackAfter(1020*ms, Application, 0, 1)
	if s.LatestRTT() != 120*ms || s.SmoothedRTT() != 100*ms {
		t.Errorf("after a delay of 1 s beyond the limit: %+v", s.rtt)
	}
	s.send(Application, 1)
	s.advance(200 * ms)
	s.ackAfter(time.Hour, Application, 1, 2)
	if s.LatestRTT() != 100*ms || s.MinRTT() != 100*ms {
		t.Errorf("an absurd delay made the round trip shorter than ever seen: %+v", s.rtt)
	}
}

func TestRoundTripOnlyFromNewLargest(t *testing.T) {
	s := newScript(t, Config{})
	s.send(Application, 2)
	s.advance(10 * ms)
	s.ack(Application, 1, 2)
	if got := s.fates.Sample.RTT; got != 10*ms {
		t.Errorf("sample %v, want 10ms", got)
	}
	s.advance(50 * ms)
	s.ack(Application, 0, 2) // number 0 is new, the largest is not
	if got := s.fates.Sample.RTT; got != 0 {
		t.Errorf("sample %v from a largest number acknowledged before, want none", got)
	}
	if got := s.LatestRTT(); got != 10*ms {
		t.Errorf("latest %v, want 10ms", got)
	}
}

func TestLossByTime(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.sendEvery(Application, 4, 5*ms) // 60 to 63
	s.advance(35 * ms)                // 55 ms after 60, 40 ms after 63
	s.ack(Application, 63, 64)
	s.wantAcked(63)
	// Lost is what was sent 40 ms and the window of 10 ms before.
	s.wantLost(60, 61)
	s.wantInflight(1000)
	s.wantDeadline(5 * ms)
	s.advance(1 * ms)
	s.ack(Application, 62, 64)
	s.wantAcked(62)
	s.wantLost()
	s.wantNoDeadline()
	s.wantInflight(0)
}

func TestLossTimer(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 1) // 60
	s.advance(2 * ms)
	s.send(Application, 1) // 61
	s.advance(40 * ms)
	s.ack(Application, 61, 62)
	s.wantLost()
	s.wantDeadline(8 * ms)
	s.advance(7 * ms)
	if probe, _ := s.OnTimeout(s.now, &s.fates); probe || len(s.fates.Lost) > 0 {
		t.Errorf("a timeout called early did something: probe %t, lost %v", probe, numbers(s.fates.Lost))
	}
	s.expire(false)
	s.wantLost(60)
	if got := s.fates.Sample; got.LostBytes != 1000 || got.Inflight != 0 || got.PriorInflight != 1000 {
		t.Errorf("sample %+v, want 1000 bytes lost", got)
	}
	if p := s.fates.Lost[0]; p.Kind != Data || p.Transfer != 7 || p.Offset != 60*1024 || p.Length != 1024 {
		t.Errorf("lost packet %+v does not say which bytes", p)
	}
	s.wantNoDeadline()
}

// When the round trip grows, the newest sample counts, or packets behind a
// growing queue would be declared lost.
func TestLossWaitsForTheLongerRoundTrip(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 1) // 60
	s.advance(20 * ms)
	s.send(Application, 1) // 61
	s.advance(100 * ms)
	s.ack(Application, 61, 62)
	s.wantLost(60)
	s.send(Application, 1) // 62
	s.advance(5 * ms)
	s.send(Application, 1) // 63
	s.advance(100 * ms)
	s.ack(Application, 63, 64)
	s.wantLost()
	s.wantDeadline(5 * ms)
}

// The packets of one train were sent at the same time; the number decides.
func TestLossWithinATrain(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 10)
	s.advance(40 * ms)
	s.ack(Application, 65, 66)
	s.expire(false)
	s.wantLost(60, 61, 62, 63, 64)
	if got := s.Outstanding(Application); got != 4 {
		t.Errorf("%d packets outstanding, want the 4 after the acknowledged one", got)
	}
	if h := s.history(); h.nextTrain-h.firstTrain != 1 {
		t.Errorf("%d trains kept for one", h.nextTrain-h.firstTrain)
	}
}

func TestReorderingWindowAdapts(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	window := func() time.Duration { return s.reorder.window(&s.rtt) }
	if got := window(); got != 10*ms {
		t.Fatalf("window %v, want a quarter of the minimum round trip", got)
	}
	s.send(Application, 1) // 60
	s.advance(1 * ms)
	s.send(Application, 1) // 61
	s.advance(40 * ms)
	s.ack(Application, 61, 62)
	s.expire(false)
	s.wantLost(60)
	s.advance(5 * ms)
	s.ack(Application, 60, 62)
	s.wantSpurious(60)
	s.wantAcked()
	if got := s.fates.Sample.AckedBytes; got != 1000 {
		t.Errorf("%d bytes acknowledged, want the late packet to count", got)
	}
	s.wantInflight(0)
	if got := window(); got != 15*ms {
		t.Errorf("window %v after a packet was only late, want 15ms", got)
	}
	s.ack(Application, 60, 62)
	s.wantSpurious()
	for range persistence - 1 {
		s.measuredOnce(40 * ms)
	}
	if got := window(); got != 15*ms {
		t.Errorf("window %v, want it wide for %d round trips", got, persistence)
	}
	s.measuredOnce(40 * ms)
	if got := window(); got != 10*ms {
		t.Errorf("window %v after %d quiet round trips, want 10ms", got, persistence)
	}
}

func (s *script) measuredOnce(rtt time.Duration) {
	s.Helper()
	s.send(Application, 1)
	s.advance(rtt)
	s.ack(Application, s.next[Application]-1, s.next[Application])
}

func TestReorderingWindowIsBounded(t *testing.T) {
	r := roundTrip{sampled: true, min: 40 * ms, smoothed: 50 * ms}
	var o reordering
	for range 100 {
		o.onRound(&r)
		o.onSpurious(time.Second, &r)
	}
	if got := o.window(&r); got != 50*ms {
		t.Errorf("window %v, want at most the smoothed round trip", got)
	}
	o = reordering{}
	r = roundTrip{sampled: true, min: 50 * time.Microsecond, smoothed: 60 * time.Microsecond}
	if got := o.window(&r); got != ms {
		t.Errorf("window %v, want at least 1ms", got)
	}
}

func TestLostPacketsAreRemembered(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 2)
	s.advance(40 * ms)
	s.ack(Application, 61, 62)
	s.expire(false)
	s.wantLost(60)
	s.measuredOnce(40 * ms)
	s.measuredOnce(40 * ms)
	s.ack(Application, 60, 64)
	s.wantSpurious(60)
}

func TestLostPacketsAreForgotten(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 2)
	s.advance(40 * ms)
	s.ack(Application, 61, 62)
	s.expire(false)
	s.wantLost(60)
	s.advance(time.Minute)
	s.measuredOnce(40 * ms)
	s.ack(Application, 60, 63)
	s.wantSpurious()
	s.wantAcked()
	if h := s.history(); h.first != h.next {
		t.Errorf("the history still begins at %d of %d", h.first, h.next)
	}
}

func (s *script) history() *history { return &s.spaces[Application].history }

func TestDuplicateAcknowledgementsDoNothing(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 3)
	s.advance(40 * ms)
	s.ack(Application, 60, 61, 62, 63)
	before := s.Deadline()
	for range 5 {
		s.ack(Application, 60, 61, 62, 63)
		s.wantAcked()
		s.wantLost()
		if got := s.fates.Sample; got.AckedBytes != 0 || got.DeliveryRate != 0 || got.RoundStart || got.RTT != 0 {
			t.Errorf("sample %+v from a duplicate", got)
		}
	}
	if got := s.Deadline(); got != before {
		t.Errorf("deadline moved from %v to %v", before, got)
	}
	// Nothing at all may follow from an acknowledgement of nothing new.
	s.expire(false)
	s.wantLost(61)
}

func TestAcknowledgingTheUnsent(t *testing.T) {
	tests := []struct {
		name string
		ack  *Ack
	}{
		{"just beyond the last", newAck(0, 0, 2, 3, 5)},
		{"far beyond", newAck(0, 1<<60, 1<<60+1)},
		{"left out on purpose", newAck(0, 2, 3)},
		{"left out, within a range", newAck(0, 0, 4)},
		{"range beyond its largest", &Ack{Largest: 0, Ranges: ranges.Set{{Start: 0, End: 2}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(t, Config{})
			s.send(Application, 2)
			s.next[Application] = 3 // number 2 is left out
			s.send(Application, 1)
			err := s.OnAck(s.now, Application, test.ack, &s.fates)
			if !errors.Is(err, ErrUnsent) {
				t.Errorf("error %v, want ErrUnsent", err)
			}
		})
	}
}

func TestReliablePathHasNoTimers(t *testing.T) {
	s := newScript(t, Config{})
	s.SetReliable(true)
	s.send(Application, 10)
	s.wantNoDeadline()
	s.advance(time.Minute)
	s.ack(Application, 9, 10)
	s.wantLost()
	s.wantNoDeadline()
	if got := s.fates.Sample.RTT; got != time.Minute {
		t.Errorf("sample %v, want a round trip from a reliable path too", got)
	}
	if probe, _ := s.OnTimeout(s.now, &s.fates); probe || len(s.fates.Lost) > 0 {
		t.Error("a timeout on a reliable path did something")
	}
	s.send(Application, 1)
	s.advance(time.Hour)
	s.ack(Application, 10, 11) // sent long after numbers 0 to 8
	s.wantLost()
	s.ack(Application, 0, 11)
	s.wantInflight(0)
}

func TestRequeueAll(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 3)
	s.RequeueAll(s.now, Application, &s.fates)
	s.wantLost(60, 61, 62)
	s.wantInflight(0)
	s.wantNoDeadline()
	if got := s.fates.Sample.LostBytes; got != 0 {
		t.Errorf("%d bytes held against the path", got)
	}
	s.advance(40 * ms)
	s.ack(Application, 61, 62)
	s.wantSpurious(61)
}

func TestDiscardSpace(t *testing.T) {
	s := newScript(t, Config{Overhead: 28})
	s.send(Initial, 2)
	s.send(Handshake, 1)
	s.wantInflight(3 * 1028)
	s.DiscardSpace(Initial)
	s.wantInflight(1028)
	s.ack(Initial, 0, 2)
	s.wantAcked()
	if in := s.expire(true); in != Handshake {
		t.Errorf("probe in space %v, want handshake", in)
	}
}

func TestOutstandingPackets(t *testing.T) {
	s := newScript(t, Config{})
	if _, ok := s.OldestUnacked(Application); ok {
		t.Error("an oldest packet before any was sent")
	}
	s.send(Application, 3)
	s.OnSent(Application, &Packet{Number: 3, SentAt: s.now, Size: 50, Kind: Control, Log: 9}, false)
	s.next[Application] = 4
	s.send(Application, 3)
	s.advance(10 * ms)
	s.ack(Application, 1, 3, 5, 6)
	var got []Packet
	s.ForEachOutstanding(Application, func(p Packet) bool {
		got = append(got, p)
		return p.Number < 4
	})
	s.want("outstanding", got, 0, 3, 4)
	if p := got[1]; p.Kind != Control || p.Log != 9 || p.InFlight || p.AckEliciting {
		t.Errorf("control packet came back as %+v", p)
	}
	if p, ok := s.OldestUnacked(Application); !ok || p.Number != 0 || p.Offset != 0 {
		t.Errorf("oldest packet %+v, %t; want number 0", p, ok)
	}
	if got := s.Outstanding(Application); got != 3 {
		t.Errorf("%d ack-eliciting packets outstanding, want 3", got)
	}
	if got, ok := s.LargestAcked(Application); got != 5 || !ok {
		t.Errorf("largest acknowledged %d, %t; want 5", got, ok)
	}
	if _, ok := s.LargestAcked(Initial); ok {
		t.Error("something acknowledged in a space without packets")
	}
}

func TestPeersCountersBecomeIncrements(t *testing.T) {
	s := newScript(t, Config{})
	s.send(Application, 3)
	ack := newAck(0, 0, 1)
	steps := []struct{ ce, drops, wantCE, wantDrops uint64 }{
		{5, 1, 5, 1},
		{5, 1, 0, 0},
		{3, 0, 0, 0}, // overtaken by the one before
		{6, 4, 1, 3},
	}
	for _, step := range steps {
		ack.CE, ack.SocketDrops = step.ce, step.drops
		if err := s.OnAck(s.now, Application, ack, &s.fates); err != nil {
			t.Fatal(err)
		}
		if got := s.fates.Sample; got.CE != step.wantCE || got.SocketDrops != step.wantDrops {
			t.Errorf("counters %d, %d became %d, %d; want %d, %d", step.ce, step.drops, got.CE, got.SocketDrops, step.wantCE, step.wantDrops)
		}
	}
}

func TestDeliveryRate(t *testing.T) {
	s := newScript(t, Config{})
	rounds := 0
	// 1000 bytes each ms, delivered after 10 ms.
	for i := range 100 {
		s.send(Application, 1)
		if i >= 10 {
			s.ack(Application, uint64(i-10), uint64(i-9))
			if s.fates.Sample.RoundStart {
				rounds++
			}
		}
		s.advance(1 * ms)
	}
	if got := s.fates.Sample.DeliveryRate; got < 990_000 || got > 1_110_000 {
		t.Errorf("delivery rate %d, want about 1000000", got)
	}
	if rounds != 9 {
		t.Errorf("%d round trips in 90 ms of 10 ms, want 9", rounds)
	}
	if s.fates.Sample.AppLimited {
		t.Error("sample limited by the application, though it was not")
	}
}

// Acknowledgements held up and then released must not look like speed.
func TestDeliveryRateOfCompressedAcknowledgements(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(10 * ms)
	s.sendEvery(Application, 40, ms) // 60 to 99, at 1 MB/s
	s.ack(Application, 60, 61)
	s.send(Application, 1) // 100
	s.advance(10 * ms)
	s.ack(Application, 60, 101)
	// 40 packets were delivered in the last 10 ms, but sent in 40 ms.
	if got := s.fates.Sample.DeliveryRate; got < 900_000 || got > 1_000_000 {
		t.Errorf("delivery rate %d, want about the 1000000 at which was sent", got)
	}
}

// A pause is not time that the path took.
func TestDeliveryRateAfterAPause(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(10 * ms)
	s.advance(time.Minute)
	s.send(Application, 10)
	s.advance(10 * ms)
	s.ack(Application, 60, 70)
	if got := s.fates.Sample.DeliveryRate; got != 1_000_000 {
		t.Errorf("delivery rate %d after a pause, want 1000000", got)
	}
}

func TestDeliveryRateLimitedByTheApplication(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(10 * ms)
	n := s.next[Application]
	s.OnSent(Application, &Packet{Number: n, SentAt: s.now, Size: 1000, AckEliciting: true, InFlight: true}, true)
	s.next[Application]++
	s.advance(10 * ms)
	s.ack(Application, n, n+1)
	if !s.fates.Sample.AppLimited {
		t.Error("sample not limited by the application")
	}
	s.measuredOnce(10 * ms)
	s.measuredOnce(10 * ms)
	if s.fates.Sample.AppLimited {
		t.Error("sample still limited by the application after there was enough to send")
	}
}

func TestNothingSentHasNoDeadline(t *testing.T) {
	s := newScript(t, Config{})
	s.wantNoDeadline()
	if probe, _ := s.OnTimeout(s.now, &s.fates); probe {
		t.Error("a probe with nothing sent")
	}
	if err := s.OnAck(s.now, Application, newAck(0, 0, 1), &s.fates); !errors.Is(err, ErrUnsent) {
		t.Errorf("error %v, want ErrUnsent", err)
	}
}
