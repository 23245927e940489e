package congestion_test

import (
	"testing"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

func inBackground(instant.Time) congestion.Controller {
	return congestion.NewBackground(gross, 0)
}

// A path that nobody else uses is filled, and the queue in front of it stays short.
func TestBackgroundFillsAnIdlePath(t *testing.T) {
	for _, test := range []struct {
		path  bottleneck
		least float64
		queue time.Duration // mean
	}{
		{bottleneck{rate: 1e6, rtt: 20 * time.Millisecond}, 0.80, 25 * time.Millisecond}, // two packets are 17 ms
		{bottleneck{rate: 20e6, rtt: 50 * time.Millisecond}, 0.85, 13 * time.Millisecond},
		{bottleneck{rate: 100e6, rtt: 10 * time.Millisecond, late: 2 * time.Millisecond}, 0.85, 6 * time.Millisecond},
		{bottleneck{rate: 100e6, rtt: 100 * time.Millisecond}, 0.85, 20 * time.Millisecond},
		{bottleneck{rate: 20e6, rtt: 600 * time.Millisecond}, 0.80, 100 * time.Millisecond},
		{bottleneck{rate: 1e9, rtt: 50 * time.Microsecond, buffer: 200}, 0.85, 5 * time.Millisecond},
		{bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, loss: 0.01}, 0.80, 13 * time.Millisecond},
		{bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, loss: 0.05}, 0.75, 13 * time.Millisecond},
	} {
		test.path.seed = 1
		r := newRun(test.path, inBackground)
		r.play(2*time.Second + 40*test.path.rtt)
		r.mark()
		long := 20 * time.Second
		if test.path.rate > 500e6 {
			long = 2 * time.Second
		}
		r.play(long)
		t.Logf("%v: %v", test.path, r.summary(long))
		if got := r.utilisation(long); got < test.least {
			t.Errorf("%v: used %.0f %%, want %.0f %%", test.path, 100*got, 100*test.least)
		}
		if got := r.queueMean(); got > test.queue {
			t.Errorf("%v: a queue of %v, want at most %v", test.path, got, test.queue)
		}
	}
}

// A buffer too shallow for the target shows itself by loss alone.
func TestBackgroundYieldsToLossWithoutDelay(t *testing.T) {
	r := newRun(bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, buffer: 0.05, seed: 1}, inBackground)
	r.play(5 * time.Second)
	r.mark()
	r.play(time.Minute)
	t.Log(r.summary(time.Minute))
	if got := r.overflow(); got > 0.001 {
		t.Errorf("lost %.2f %%, want at most 0.1 %%", 100*got)
	}
	if got := r.utilisation(time.Minute); got < 0.25 {
		t.Errorf("used %.0f %%, want 25 %%", 100*got)
	}
}

// script is a path that does as it is told: a round trip after the other.
type script struct {
	now     instant.Time
	rtt     time.Duration
	control congestion.Controller
}

func newScript() *script {
	s := &script{now: instant.Time(time.Second), rtt: 40 * time.Millisecond}
	s.control = inBackground(s.now)
	return s
}

// rounds delivers a window in each of n round trips, by eight acknowledgements,
// with lost packets in the last of each.
func (s *script) rounds(n, lost int) {
	for range n {
		window := s.control.Window()
		for i := range 8 {
			s.now = s.now.Add(s.rtt / 8)
			sample := congestion.AckSample{
				AckedBytes: window / 8, RTT: s.rtt, SmoothedRTT: s.rtt, MinRTT: s.rtt,
				DeliveryRate: int64(float64(window) / s.rtt.Seconds()), RoundStart: i == 7,
			}
			if i == 7 {
				sample.LostBytes = lost * gross
			}
			s.control.OnAck(s.now, sample)
		}
	}
}

// fill takes the flow to a window of many datagrams, through the queue that ends
// slow start and the slowdown that follows.
func (s *script) fill() {
	s.rounds(7, 0)
	s.rtt += 10 * time.Millisecond
	s.rounds(2, 0)
	s.rtt -= 10 * time.Millisecond
	s.rounds(30, 0)
}

func (s *script) datagrams() int { return s.control.Window() / gross }

func TestBackgroundYieldsToAQueueAndComesBack(t *testing.T) {
	s := newScript()
	s.fill()
	full := s.datagrams()
	if full < 100 {
		t.Fatalf("a window of %d datagrams to begin with", full)
	}
	s.rtt = 140 * time.Millisecond // somebody's download
	s.rounds(1, 0)
	if got := s.datagrams(); got > full/2+1 {
		t.Errorf("%d of %d datagrams after a round with a queue of 100 ms", got, full)
	}
	s.rounds(10, 0)
	if got := s.datagrams(); got != 2 {
		t.Errorf("%d datagrams after 11 such rounds, want 2", got)
	}
	if state := s.control.State(); !state.Congested || state.Name != "background" || state.PacingRate < 2*gross*8/10 {
		t.Errorf("state %+v", state)
	}
	s.rtt = 40 * time.Millisecond
	s.rounds(100, 0)
	if got := s.datagrams(); got < full {
		t.Errorf("%d datagrams a hundred rounds after the queue has gone, want %d", got, full)
	}
}

// TestBackgroundLearnsLoss: the first loss is congestion; what goes on at the
// smaller window is not, and what goes beyond it is again.
func TestBackgroundLearnsLoss(t *testing.T) {
	s := newScript()
	s.fill()
	before := s.datagrams()
	s.rounds(1, 3)
	if got := s.datagrams(); got > before/2+1 {
		t.Errorf("%d of %d datagrams after a first loss", got, before)
	}
	for range 40 {
		s.rounds(1, s.datagrams()/33) // 3 %
	}
	if got := s.control.State().LossRate; got < 0.015 || got > 0.035 {
		t.Errorf("the path loses 3 %%, believed are %.1f %%", 100*got)
	}
	grown := s.datagrams()
	if grown < before {
		t.Errorf("%d datagrams, and there were %d before the path lost some", grown, before)
	}
	s.rounds(1, s.datagrams()/4)
	if got := s.datagrams(); got > grown/2+1 {
		t.Errorf("%d of %d datagrams after a quarter was lost", got, grown)
	}
}

func TestBackgroundUndoesSpuriousLoss(t *testing.T) {
	s := newScript()
	s.fill()
	before := s.control.Window()
	s.rounds(1, 1)
	if s.control.Window() >= before {
		t.Fatal("a loss has cut nothing")
	}
	s.control.OnSpuriousLoss(s.now, gross)
	if got := s.control.Window(); got != before {
		t.Errorf("window %d, and %d before the loss that was none", got, before)
	}
}

// TestBackgroundTakesMarksForCongestion: CE says so before anything is lost.
func TestBackgroundTakesMarksForCongestion(t *testing.T) {
	s := newScript()
	s.fill()
	before := s.datagrams()
	s.control.OnAck(s.now, congestion.AckSample{CE: 1})
	s.rounds(1, 0)
	if got := s.datagrams(); got > before/2+1 {
		t.Errorf("%d of %d datagrams after a mark", got, before)
	}
}

// TestBackgroundSlowsDown: now and then the path is left to itself, for less than
// a tenth of the time.
func TestBackgroundSlowsDown(t *testing.T) {
	s := newScript()
	s.fill()
	slow, total, times := 0, 0, 0
	for was := ""; total < 2000; total++ {
		s.rounds(1, 0)
		phase := s.control.State().Phase
		if phase != "steady" {
			slow++
		}
		if phase == "slowdown" && was != phase {
			times++
			if got := s.datagrams(); got != 2 {
				t.Errorf("%d datagrams in a slowdown", got)
			}
		}
		was = phase
	}
	if times < 4 || slow*10 > total {
		t.Errorf("%d slowdowns, which take %d of %d rounds", times, slow, total)
	}
}

// TestBackgroundBelievesALongerPath, after some minutes.
func TestBackgroundBelievesALongerPath(t *testing.T) {
	s := newScript()
	s.fill()
	s.rtt = 120 * time.Millisecond
	s.rounds(20, 0)
	if got := s.datagrams(); got != 2 {
		t.Fatalf("%d datagrams right after the round trip has trebled", got)
	}
	s.rounds(int(5*time.Minute/s.rtt), 0)
	if got := s.control.State().MinRTT; got != s.rtt {
		t.Errorf("the base delay is %v after five minutes of %v", got, s.rtt)
	}
	if got := s.datagrams(); got < 100 {
		t.Errorf("%d datagrams", got)
	}
}

// TestBackgroundLeavesDelayedAcknowledgementsOut: what the receiver held back is
// no queue.
func TestBackgroundLeavesDelayedAcknowledgementsOut(t *testing.T) {
	s := newScript()
	s.fill()
	for range 20 {
		s.now = s.now.Add(60 * time.Millisecond)
		s.control.OnAck(s.now, congestion.AckSample{
			AckedBytes: gross, RTT: 60 * time.Millisecond, AckDelay: 20 * time.Millisecond, SmoothedRTT: s.rtt, RoundStart: true,
		})
	}
	if s.control.State().Congested {
		t.Error("a delayed acknowledgement is taken for congestion")
	}
}

func TestBackgroundBeginsAnewAfterSilence(t *testing.T) {
	s := newScript()
	s.fill()
	before := s.datagrams()
	s.control.OnPersistentTimeout(s.now)
	if got := s.datagrams(); got != 2 {
		t.Errorf("%d datagrams after a persistent timeout, want 2", got)
	}
	s.rounds(20, 0)
	if got := s.datagrams(); got < before/2 {
		t.Errorf("%d datagrams when the path is back, and %d before", got, before)
	}
	s.control.SetDatagram(9000)
	if got := s.control.Window(); got < 2*9000 {
		t.Errorf("a window of %d bytes holds no two of the larger datagrams", got)
	}
}
