package congestion

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// starting is a controller in start-up on a path with a round trip of 100 ms,
// whose first flight is under way.
func starting(cfg Config) (*bbr, func(after time.Duration, s AckSample)) {
	now := instant.Time(time.Hour)
	cfg.Datagram = 1000
	b := NewBBR(now, cfg).(*bbr)
	b.OnSent(now, 1000, 64_000)
	return b, func(after time.Duration, s AckSample) {
		now = now.Add(after)
		s.RTT, s.MinRTT, s.SmoothedRTT = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
		s.Inflight = 64_000
		b.OnAck(now, s)
	}
}

// At 10 MB/s, the bottleneck of these tests.
const capacity = 10_000_000

func TestJumpToTheDispersion(t *testing.T) {
	b, ack := starting(Config{})
	ack(0, AckSample{AckedBytes: 4000})
	before := b.PacingRate()
	ack(time.Millisecond, AckSample{AckedBytes: 4000, Dispersion: capacity})
	if rate := b.PacingRate(); rate != capacity/2 {
		t.Errorf("pace %d after one measurement, want half of it; %d before", rate, before)
	}
	ack(time.Millisecond, AckSample{AckedBytes: 4000, Dispersion: capacity * 11 / 10})
	if rate := b.PacingRate(); rate != capacity {
		t.Errorf("pace %d after two that agree, want the lower one", rate)
	}
	if window := b.Window(); window < capacity/10 {
		t.Errorf("a window of %d does not carry that for a round trip", window)
	}
	// The arrivals confirm it, and the rate stops at the capacity.
	ack(100*time.Millisecond, AckSample{AckedBytes: 4000, ArrivalRate: capacity / 2})
	if rate := b.PacingRate(); rate != capacity*11/10 {
		t.Errorf("pace %d after the jump was confirmed, want the capacity", rate)
	}
}

// A bound by few measurements, or by such that differ, may be too low. Where all
// that is sent at it arrives, the search goes on as a probe at once.
func TestUncertainBoundIsProbed(t *testing.T) {
	for name, test := range map[string]struct {
		seen []int64
		want phase
	}{
		"few":       {[]int64{capacity, capacity}, probeUp},
		"different": {[]int64{capacity, capacity, capacity * 5 / 4, capacity, capacity}, probeUp},
		"certain":   {[]int64{capacity, capacity, capacity * 21 / 20, capacity, capacity}, startup},
	} {
		b, ack := starting(Config{})
		ack(0, AckSample{AckedBytes: 4000})
		for _, d := range test.seen {
			ack(time.Millisecond, AckSample{AckedBytes: 4000, Dispersion: d})
		}
		for range 40 {
			ack(10*time.Millisecond, AckSample{AckedBytes: capacity / 100, ArrivalRate: capacity * 5 / 4})
		}
		if b.phase != test.want {
			t.Errorf("%s: %v, want %v", name, b.phase, test.want)
		}
	}
}

// What was overtaken on its way was not spaced out by a queue.
func TestDispersionOfOvertakenPacketsIsNoCapacity(t *testing.T) {
	b, ack := starting(Config{})
	for range 4 {
		ack(time.Millisecond, AckSample{AckedBytes: 4000, OvertakenBytes: 2000, Dispersion: capacity / 8})
	}
	ack(200*time.Millisecond, AckSample{AckedBytes: 4000, ArrivalRate: capacity})
	if rate := b.PacingRate(); rate <= capacity {
		t.Errorf("pace %d is bounded by the order in which packets came", rate)
	}
}

// Where nothing was measured, another train is sent in the next round trips.
func TestAnotherTrain(t *testing.T) {
	for name, test := range map[string]struct {
		dispersion int64
		want       int
	}{"nothing measured": {0, 2}, "measured": {capacity, 0}} {
		b, ack := starting(Config{})
		trains := 0
		for range 6 {
			ack(100*time.Millisecond, AckSample{AckedBytes: 64_000, Dispersion: test.dispersion, RoundStart: true})
			if b.Train() {
				trains++
			}
			if b.Train() {
				t.Error("a train is asked for twice")
			}
		}
		if trains != test.want {
			t.Errorf("%s: %d more trains, want %d", name, trains, test.want)
		}
	}
}

func TestJumpThatFailsLeavesNothing(t *testing.T) {
	b, ack := starting(Config{})
	ack(0, AckSample{AckedBytes: 4000})
	before := b.PacingRate()
	ack(time.Millisecond, AckSample{AckedBytes: 4000, Dispersion: capacity})
	if b.PacingRate() != capacity/2 {
		t.Fatal("there was no jump")
	}
	ack(200*time.Millisecond, AckSample{AckedBytes: 1000, LostBytes: 400_000, DeliveryRate: 20_000})
	if rate := b.PacingRate(); rate > before {
		t.Errorf("pace %d after a jump of which almost nothing arrived, %d before", rate, before)
	}
}

// A receiver that is late to look at its clock once measures far too little.
func TestOneOddDispersionChangesNothing(t *testing.T) {
	b, ack := starting(Config{})
	ack(0, AckSample{AckedBytes: 4000})
	for _, d := range []int64{capacity, capacity, capacity, capacity / 4, capacity} {
		ack(time.Millisecond, AckSample{AckedBytes: 4000, Dispersion: d})
	}
	ack(200*time.Millisecond, AckSample{AckedBytes: 4000, ArrivalRate: capacity / 2})
	if rate := b.PacingRate(); rate != capacity {
		t.Errorf("pace %d, want the capacity", rate)
	}
}

func TestDisagreeingDispersionIsNoCapacity(t *testing.T) {
	b, ack := starting(Config{})
	for _, d := range []int64{capacity, capacity * 4, capacity * 2} {
		ack(time.Millisecond, AckSample{AckedBytes: 4000, Dispersion: d})
	}
	if rate := b.PacingRate(); rate != capacity/2 {
		t.Errorf("pace %d, want half of the lowest", rate)
	}
	ack(200*time.Millisecond, AckSample{AckedBytes: 4000, ArrivalRate: capacity * 2})
	if rate := b.PacingRate(); rate <= capacity*4 {
		t.Errorf("pace %d is bounded by measurements that contradict each other", rate)
	}
}

func TestRememberedRate(t *testing.T) {
	known := Config{InitialRTT: 110 * time.Millisecond, RememberedRate: capacity, RememberedLoss: 0.2}
	b, ack := starting(known)
	if rate := b.PacingRate(); rate > 64_000*10 {
		t.Errorf("pace %d before the path has answered", rate)
	}
	ack(0, AckSample{AckedBytes: 1000})
	ack(time.Millisecond, AckSample{AckedBytes: 1000})
	if rate := b.PacingRate(); rate != capacity/2 {
		t.Errorf("pace %d, want half of the remembered rate", rate)
	}
	if loss := b.State().LossRate; loss < 0.19 || loss > 0.21 {
		t.Errorf("base loss %v, want the remembered one", loss)
	}
	for name, rtt := range map[string]time.Duration{"much nearer": 210 * time.Millisecond, "much further": 40 * time.Millisecond} {
		known.InitialRTT = rtt
		b, ack := starting(known)
		ack(0, AckSample{AckedBytes: 1000})
		ack(time.Millisecond, AckSample{AckedBytes: 1000})
		if rate, loss := b.PacingRate(), b.State().LossRate; rate > 1_000_000 || loss != 0 {
			t.Errorf("the server is %s than remembered, and yet pace %d, base loss %v", name, rate, loss)
		}
	}
}

// TestJumpIsBounded: what is only remembered, or measured once, brings less into
// flight than what measurements agree on.
func TestJumpIsBounded(t *testing.T) {
	b, ack := starting(Config{InitialRTT: 100 * time.Millisecond, RememberedRate: 1 << 40})
	ack(0, AckSample{AckedBytes: 1000})
	ack(time.Millisecond, AckSample{AckedBytes: 1000})
	if rate := b.PacingRate(); rate != 10*maxJump {
		t.Errorf("pace %d, want %d bytes in 100 ms", rate, maxJump)
	}
	b, ack = starting(Config{})
	ack(0, AckSample{AckedBytes: 1000})
	ack(time.Millisecond, AckSample{AckedBytes: 1000, Dispersion: 1 << 40})
	if rate := b.PacingRate(); rate != 10*maxJump {
		t.Errorf("pace %d by one measurement, want %d bytes in 100 ms", rate, maxJump)
	}
	ack(time.Millisecond, AckSample{AckedBytes: 1000, Dispersion: 1 << 40})
	if rate := b.PacingRate(); rate != 10*maxSureJump {
		t.Errorf("pace %d by two, want %d bytes in 100 ms", rate, maxSureJump)
	}
}
