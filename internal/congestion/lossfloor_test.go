package congestion

import (
	"math/rand/v2"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// lose returns how many of n packets are lost by chance.
func lose(r *rand.Rand, n int, p float64) (lost float64) {
	for range n {
		if r.Float64() < p {
			lost++
		}
	}
	return lost
}

// Loss that is the same all the time must not be taken for less by the luck of a
// few blocks.
func TestLossFloorOfConstantLoss(t *testing.T) {
	for _, p := range []float64{0.02, 0.05, 0.2, 0.3} {
		for _, packets := range []int{8, 60, 600} { // in a round
			var f lossFloor
			random := rand.New(rand.NewPCG(1, 2))
			now := instant.Time(time.Second)
			for range 2000 {
				now = now.Add(50 * time.Millisecond)
				f.add(now, float64(packets), lose(random, packets, p))
				if f.used == floorSlots && f.bound() < 0.75*p {
					t.Fatalf("loss of %g, %d packets a round: bound %.3f", p, packets, f.bound())
				}
			}
			if got := f.bound(); got > 2*p+0.1 {
				t.Errorf("loss of %g, %d packets a round: bound %.3f says nothing", p, packets, got)
			}
		}
	}
}

// What a full buffer takes goes away now and then, and that is remembered, but not
// for ever.
func TestLossFloorOfLossThatComesAndGoes(t *testing.T) {
	var f lossFloor
	now := instant.Time(time.Second)
	play := func(rounds int, lost float64) {
		for range rounds {
			now = now.Add(50 * time.Millisecond)
			f.add(now, 200, lost)
		}
	}
	play(100, 60)
	if got := f.bound(); got < 0.3 {
		t.Errorf("bound %.3f while 30 %% were lost", got)
	}
	play(6, 0)
	play(100, 60)
	if got := f.bound(); got > 0.04 {
		t.Errorf("bound %.3f after 300 ms without loss", got)
	}
	play(200, 60)
	if got := f.bound(); got < 0.3 {
		t.Errorf("bound %.3f after 15 s of constant loss", got)
	}
}

// Where nothing but loss tells of others, the least of a few hundred packets counts
// as it is, and not for ever.
func TestLossFloorLeast(t *testing.T) {
	var f lossFloor
	now := instant.Time(time.Second)
	play := func(rounds int, lost float64) {
		for range rounds {
			now = now.Add(50 * time.Millisecond)
			f.add(now, 10, lost)
		}
	}
	play(5, 0)
	if got := f.least(); got != 1 {
		t.Errorf("least loss %.3f of hardly any packets", got)
	}
	play(400, 3)
	if got := f.least(); got < 0.299 || got > 0.301 {
		t.Errorf("least loss %.3f while 30 %% were lost", got)
	}
	play(30, 0)
	play(100, 3)
	if got := f.least(); got != 0 {
		t.Errorf("least loss %.3f after 1.5 s without loss", got)
	}
	play(400, 3)
	if got := f.least(); got < 0.299 {
		t.Errorf("least loss %.3f after 20 s of constant loss", got)
	}
}

// One burst proves nothing to a flow that seems to be alone, two do.
func TestExcessDriftOfBursts(t *testing.T) {
	var d excessDrift
	if got := d.add(30, 20, 0, lossMargin, driftLeast, 0.5); got != 0 {
		t.Errorf("excess %.2f proven by one round", got)
	}
	if got := d.add(30, 20, 0, lossMargin, driftLeast, 0.5); got < 0.6 {
		t.Errorf("excess %.2f proven by two rounds, want 2/3", got)
	}
	if got := d.add(30, 20, 0, lossMargin, driftLeast, 1); got < 0.6 {
		t.Errorf("excess %.2f proven by a round where others are known to be", got)
	}
}

// Rounds of seven packets prove nothing one by one; together they do, and chance
// does not pass for it.
func TestExcessDrift(t *testing.T) {
	for _, base := range []float64{0, 0.2} {
		rounds := func(loss float64) (proven int) {
			var d excessDrift
			random := rand.New(rand.NewPCG(3, 4))
			for range 2000 {
				if d.add(7, lose(random, 7, loss), base, lossMargin+0.02, driftLeast, 1) > 0 {
					proven++
				}
			}
			return proven
		}
		if got := rounds(base); got > 5 {
			t.Errorf("base loss %g: proven %d times by chance", base, got)
		}
		if got := rounds(base + 0.15); got < 20 {
			t.Errorf("base loss %g and 15 %% more: proven %d times in 2000 rounds", base, got)
		}
	}
}

// A measurement far below the estimate proves that wrong, at once.
func TestBaseLossIsContradicted(t *testing.T) {
	var e baseLoss
	e.begin()
	e.add(300, 150)
	e.end(true)
	e.begin()
	e.add(28, 2)
	e.end(true)
	if got := e.rate(); got > 0.1 {
		t.Errorf("estimate %.3f after 2 of 30 were lost", got)
	}
}
