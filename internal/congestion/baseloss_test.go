package congestion

import (
	"math"
	"testing"
)

// An estimate that is too high overruns the bottleneck, even while slowed
// down, and sees loss. It must shrink all the same.
func TestBaseLossMistakesShrink(t *testing.T) {
	var e baseLoss
	e.begin()
	e.add(700, 300)
	e.end(true)
	for range 30 {
		// A path without loss of its own, paced at three quarters of the
		// rate that the estimate asks for.
		overrun := 0.75 / (1 - e.rate())
		lost := max(0, 1-1/overrun)
		e.begin()
		e.add(1000*(1-lost), 1000*lost)
		e.end(true)
	}
	if got := e.rate(); got > 0.001 {
		t.Errorf("estimate %.3f after thirty measurements of a path without loss", got)
	}
}

func TestBaseLossIsCapped(t *testing.T) {
	var e baseLoss
	e.begin()
	e.add(100, 900)
	e.end(true)
	if got := e.rate(); got != maxBaseLoss {
		t.Errorf("estimate %.2f, want the cap %.2f", got, maxBaseLoss)
	}
}

// Loss beside a queue may be the queue's, so it raises nothing; its absence
// still tells.
func TestBaseLossBesideAQueue(t *testing.T) {
	var e baseLoss
	e.begin()
	e.add(90, 10)
	e.end(true)
	e.begin()
	e.add(500, 500)
	e.end(false)
	if got := e.rate(); math.Abs(got-0.1) > 1e-9 {
		t.Errorf("estimate %.3f, want 0.1 as before", got)
	}
	e.begin()
	e.add(25, 0)
	e.end(false)
	if got := e.rate(); math.Abs(got-0.08) > 1e-9 {
		t.Errorf("estimate %.3f, want 0.08", got)
	}
}

func TestBaseLossCountsNothingBetweenMeasurements(t *testing.T) {
	var e baseLoss
	e.add(10, 90)
	e.end(true)
	if e.packets != 0 || e.trusted() {
		t.Errorf("packets %.0f counted without a measurement", e.packets)
	}
}

func TestMaxFilterForgetsOldRounds(t *testing.T) {
	var f maxFilter
	f.add(100)
	for round := range bandwidthRounds - 1 {
		f.advance()
		f.add(int64(round))
		if got := f.max(); got != 100 {
			t.Fatalf("maximum %d after %d rounds, want 100", got, round+1)
		}
	}
	f.advance()
	if got, want := f.max(), int64(bandwidthRounds-2); got != want {
		t.Errorf("maximum %d after the window has passed, want %d", got, want)
	}
	f.reset(7)
	if got := f.max(); got != 7 {
		t.Errorf("maximum %d after a reset to 7", got)
	}
}

// TestBaseLossTakenBack: losses from before a measurement that turn out to be late
// arrivals while it lasts do not make an estimate of less than no packets.
func TestBaseLossTakenBack(t *testing.T) {
	var e baseLoss
	e.begin()
	e.add(2, 0)
	e.add(0, -6) // their acknowledgement counts as delivered only later
	e.end(true)
	if got := e.rate(); got != 0 || e.packets < 0 || e.lost < 0 {
		t.Errorf("base loss of %.3f from %.0f of %.0f packets", got, e.lost, e.packets)
	}
}
