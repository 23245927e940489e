package congestion_test

import (
	"testing"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

func bbr(seed uint64) func(instant.Time) congestion.Controller {
	return func(now instant.Time) congestion.Controller {
		return congestion.NewBBR(now, congestion.Config{Datagram: gross, Seed: seed})
	}
}

// cruising returns a run whose controller knows the path and has just begun to
// keep its rate.
func cruising(path bottleneck) *run {
	r := newRun(path, bbr(1))
	r.play(3 * time.Second)
	for r.control.State().Phase == "cruise" {
		r.play(10 * time.Millisecond)
	}
	for r.control.State().Phase != "cruise" {
		r.play(10 * time.Millisecond)
	}
	return r
}

// A path that loses packets at random must be filled like one that does not.
func TestBBRFillsThePathWhateverItLoses(t *testing.T) {
	paths := []bottleneck{
		{rate: 1e6, rtt: 20 * time.Millisecond},
		{rate: 1e6, rtt: 600 * time.Millisecond},
		{rate: 20e6, rtt: 50 * time.Millisecond},
		{rate: 100e6, rtt: 10 * time.Millisecond, late: 2 * time.Millisecond},
		{rate: 100e6, rtt: 100 * time.Millisecond},
		{rate: 1e9, rtt: 10 * time.Millisecond, late: 5 * time.Millisecond},
		{rate: 1e9, rtt: 50 * time.Microsecond, buffer: 80},
		{rate: 5e9, rtt: 50 * time.Microsecond, buffer: 80},
	}
	for _, path := range paths {
		for _, loss := range []float64{0, 0.05, 0.20, 0.30} {
			path.loss, path.seed = loss, 1
			// A slow path carries so few packets that an estimate of its loss
			// takes seconds.
			warm := 300*time.Millisecond + 25*path.rtt + time.Duration(8e15/path.rate)
			// Fewer packets would measure the luck of a few.
			measure := min(max(300*time.Millisecond+50*path.rtt, time.Duration(1000*8*gross*1e9/path.rate)), time.Duration(2e18/path.rate))
			r := newRun(path, bbr(path.seed))
			r.play(warm)
			r.mark()
			r.play(measure)
			t.Logf("%v: %v", path, r.summary(measure))
			if got := r.utilisation(measure); got < 0.80 {
				t.Errorf("%v: used %.0f %% of the path, want 80 %%", path, 100*got)
			}
			if got := r.control.State().LossRate; got > loss+0.12 {
				t.Errorf("%v: believes in a base loss of %.0f %%", path, 100*got)
			}
		}
	}
}

// Where a round trip has only a few packets, many rounds lose none by luck. They
// must not make the path look free of loss, nor chance look like congestion.
func TestBBRCountsLossOfFewPackets(t *testing.T) {
	for seed := range uint64(12) {
		path := bottleneck{rate: 20e6, rtt: 2 * time.Millisecond, loss: 0.05, buffer: 13, seed: seed + 1}
		r := newRun(path, bbr(seed))
		r.play(time.Second)
		r.mark()
		r.play(5 * time.Second)
		if got := r.utilisation(5 * time.Second); got < 0.85 {
			t.Errorf("%v: used %.0f %% of the path, want 85 %%", path, 100*got)
		}
	}
}

// TestBBRWaitsForASecondRoundOfLoss: a burst of losses costs a flow that is alone
// nothing, a second round of them in a row does.
func TestBBRWaitsForASecondRoundOfLoss(t *testing.T) {
	path := bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, seed: 1}
	for rounds, want := range map[int]bool{1: false, 2: true} {
		r := cruising(path)
		before := r.control.State().Bandwidth
		sample := congestion.AckSample{
			AckedBytes: 200 * gross, LostBytes: 30 * gross, RoundStart: true,
			RTT: path.rtt, MinRTT: path.rtt, SmoothedRTT: path.rtt, DeliveryRate: before,
		}
		for range rounds {
			r.now = r.now.Add(path.rtt)
			r.control.OnAck(r.now, sample)
		}
		sample.LostBytes = 0 // a round is judged when the next begins
		r.now = r.now.Add(path.rtt)
		r.control.OnAck(r.now, sample)
		if got := r.control.State().Bandwidth < before; got != want {
			t.Errorf("%d rounds of loss: cut %v, want %v", rounds, got, want)
		}
	}
}

// With a deep buffer the standing queue stays small, because nothing but loss
// would otherwise end the growth.
func TestBBRKeepsTheQueueShort(t *testing.T) {
	for _, loss := range []float64{0, 0.05, 0.20} {
		path := bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, loss: loss, buffer: 20, seed: 3}
		r := newRun(path, bbr(path.seed))
		r.play(3 * time.Second)
		r.mark()
		r.play(5 * time.Second)
		if mean, limit := r.queueMean(), path.rtt; mean > limit {
			t.Errorf("%v: mean queue %v, want at most %v", path, mean, limit)
		}
		if limit := 2 * path.rtt; r.queueMax > limit {
			t.Errorf("%v: longest queue %v, want at most %v", path, r.queueMax, limit)
		}
	}
}

// A small drop-tail buffer shows no delay, only loss that comes and goes with
// the rate. That loss is the flow's own and must not be made up for.
func TestBBRDoesNotOverrunSmallBuffers(t *testing.T) {
	tests := []struct {
		loss, limit float64
	}{
		{loss: 0, limit: 0.07},
		{loss: 0.05, limit: 0.10},
		{loss: 0.30, limit: 0.15},
	}
	for _, test := range tests {
		for seed := range uint64(3) {
			path := bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, loss: test.loss, buffer: 0.25, seed: seed}
			r := newRun(path, bbr(path.seed))
			r.play(2 * time.Second)
			r.mark()
			r.play(4 * time.Second)
			if got := r.overflow(); got > test.limit {
				t.Errorf("%v: the queue dropped %.1f %%, want at most %.0f %%", path, 100*got, 100*test.limit)
			}
			if got := r.utilisation(4 * time.Second); got < 0.8 {
				t.Errorf("%v: used %.0f %% of the path, want 80 %%", path, 100*got)
			}
		}
	}
}

// Where losses are found many round trips after they happened, those of a probe
// must not be booked on the slow phase behind it.
func TestBBRBooksLossesRightOnALocalNetwork(t *testing.T) {
	path := bottleneck{rate: 10e9, rtt: 50 * time.Microsecond, buffer: 20, seed: 1}
	r := newRun(path, bbr(path.seed))
	r.play(100 * time.Millisecond)
	r.mark()
	r.play(200 * time.Millisecond)
	if got := r.overflow(); got > 0.10 {
		t.Errorf("%v: the queue dropped %.1f %%, want at most 10 %%", path, 100*got)
	}
	if got := r.control.State().LossRate; got > 0.05 {
		t.Errorf("%v: believes in a base loss of %.0f %%", path, 100*got)
	}
}

// The path changes under the flow, in ways that happen.
func TestBBRFollowsThePath(t *testing.T) {
	r := newRun(bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, buffer: 2, seed: 1}, bbr(1))
	steps := []struct {
		name       string
		change     func()
		settle     time.Duration // allowed for adapting
		use, drops float64       // least and most in the second after
	}{
		{"start", func() {}, time.Second, 0.9, 0.02},
		{"a second after an outage of ten", func() {
			r.outage = true
			r.play(10 * time.Second)
			r.outage = false
		}, 2 * time.Second, 0.9, 0.02},
		{"a fifth of the rate", func() { r.rate = 10e6 }, time.Second, 0.9, 0.1},
		{"twenty times the rate", func() { r.rate = 200e6 }, 3 * time.Second, 0.9, 0.02},
		{"30 % loss begins", func() { r.loss = 0.3 }, 4 * time.Second, 0.8, 0.05},
		{"30 % loss ends", func() { r.loss = 0 }, 3 * time.Second, 0.9, 0.05},
		{"four times the round trip", func() { r.rtt = 160 * time.Millisecond }, 13 * time.Second, 0.8, 0.05},
		{"a quarter of the round trip", func() { r.rtt = 40 * time.Millisecond }, 3 * time.Second, 0.9, 0.02},
	}
	for _, step := range steps {
		step.change()
		r.play(step.settle)
		r.mark()
		r.play(time.Second)
		t.Logf("%s: %v", step.name, r.summary(time.Second))
		if got := r.utilisation(time.Second); got < step.use {
			t.Errorf("%s: used %.0f %% of the path, want %.0f %%", step.name, 100*got, 100*step.use)
		}
		if got := r.overflow(); got > step.drops {
			t.Errorf("%s: the queue dropped %.1f %%, want at most %.0f %%", step.name, 100*got, 100*step.drops)
		}
	}
}

// A flow without queue sees the minimum round trip all the time, and must not
// stop sending to measure it.
func TestBBRDoesNotProbeWhatItSees(t *testing.T) {
	r := newRun(bottleneck{rate: 10e6, rtt: 20 * time.Millisecond, seed: 1}, bbr(1))
	for range 2500 {
		r.play(10 * time.Millisecond)
		if got := r.control.State().Phase; got == "probe-rtt" {
			t.Fatalf("%v: probes for the minimum round trip after %v", r.bottleneck, r.now)
		}
	}
}

// The first flight must not wait for a measurement, nor leave in one burst.
func TestBBRFirstFlight(t *testing.T) {
	for _, rtt := range []time.Duration{0, 50 * time.Microsecond, 30 * time.Millisecond, 600 * time.Millisecond} {
		c := congestion.NewBBR(instant.Time(1), congestion.Config{Datagram: gross, InitialRTT: rtt})
		if got, want := c.Window(), 64*gross; got != want {
			t.Errorf("initial RTT %v: window %d, want %d", rtt, got, want)
		}
		if rtt == 0 {
			rtt = 100 * time.Millisecond
		}
		want := 64 * gross / rtt.Seconds()
		if got := float64(c.PacingRate()); got < 0.99*want || got > 1.01*want {
			t.Errorf("initial RTT %v: pacing rate %.0f, want %.0f", rtt, got, want)
		}
	}
}

// Samples that are low for want of data must not slow the flow down.
func TestBBRIgnoresSamplesLimitedByTheApplication(t *testing.T) {
	now := instant.Time(time.Second)
	c := congestion.NewBBR(now, congestion.Config{Datagram: gross})
	sample := congestion.AckSample{
		AckedBytes: 100 * gross, RTT: 10 * time.Millisecond, MinRTT: 10 * time.Millisecond,
		SmoothedRTT: 10 * time.Millisecond, DeliveryRate: 1e7, RoundStart: true,
	}
	for range 5 {
		now = now.Add(10 * time.Millisecond)
		c.OnAck(now, sample)
	}
	sample.DeliveryRate, sample.AppLimited = 1e4, true
	for range 100 {
		now = now.Add(10 * time.Millisecond)
		c.OnAck(now, sample)
	}
	if got := c.State().Bandwidth; got != 1e7 {
		t.Errorf("bandwidth %d after samples limited by the application, want 10000000", got)
	}
}

func TestBBRUndoesSpuriousLoss(t *testing.T) {
	path := bottleneck{rate: 50e6, rtt: 40 * time.Millisecond, seed: 1}
	r := cruising(path)
	before := r.control.State().Bandwidth
	sample := congestion.AckSample{
		AckedBytes: 60 * gross, LostBytes: 60 * gross, RoundStart: true,
		RTT: path.rtt, MinRTT: path.rtt, SmoothedRTT: path.rtt, DeliveryRate: before / 2,
	}
	for range 2 {
		r.now = r.now.Add(path.rtt)
		r.control.OnAck(r.now, sample)
	}
	if got := r.control.State().Bandwidth; got >= before {
		t.Fatalf("bandwidth %d after half of all packets were lost, want less than %d", got, before)
	}
	r.control.OnSpuriousLoss(r.now, 120*gross)
	if got := r.control.State().Bandwidth; got != before {
		t.Errorf("bandwidth %d after the loss was taken back, want %d", got, before)
	}
}

// The same seed gives the same run, another seed another.
func TestBBRIsDeterministic(t *testing.T) {
	play := func(seed uint64) congestion.State {
		r := newRun(bottleneck{rate: 20e6, rtt: 30 * time.Millisecond, loss: 0.1, seed: 5}, bbr(seed))
		r.play(2 * time.Second)
		return r.control.State()
	}
	if a, b := play(1), play(1); a != b {
		t.Errorf("two runs with one seed ended as\n%+v and\n%+v", a, b)
	}
	if a, b := play(1), play(2); a == b {
		t.Errorf("two runs with different seeds both ended as %+v", a)
	}
}

// TestBBRLeavesNoQueueBehindAProbe: a probe ends when a queue shows, not with its
// round, and what it has built is taken away again, also where the round trip is so
// short that it is no queue that others mind. The path stays full.
func TestBBRLeavesNoQueueBehindAProbe(t *testing.T) {
	for _, rtt := range []time.Duration{10, 20, 50, 200} {
		for _, rate := range []float64{20e6, 100e6} {
			path := bottleneck{rate: rate, rtt: rtt * time.Millisecond, seed: 1}
			r := newRun(path, bbr(path.seed))
			r.play(5 * time.Second)
			r.mark()
			r.play(10 * time.Second)
			share := r.queueMean().Seconds() / path.rtt.Seconds()
			t.Logf("%v: queue %.3f of the round trip, used %.3f", path, share, r.utilisation(10*time.Second))
			most := 0.12
			if rtt == 10 {
				most = 0.20 // trains of 1 ms, two of which are a fifth of it
			}
			if share > most {
				t.Errorf("%v: the queue is %.2f of the round trip, want at most %.2f", path, share, most)
			}
			if got := r.utilisation(10 * time.Second); got < 0.98 {
				t.Errorf("%v: used %.3f of the path, want 0.98", path, got)
			}
		}
	}
}
