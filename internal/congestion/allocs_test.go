package congestion_test

import (
	"testing"
	"time"

	"example.com/uft/internal/alloctest"
	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

// TestSteadyStateAllocatesNothing: neither trains nor acknowledgements do.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	f, pacer := newFeed(), congestion.NewPacer(gross, 16)
	control := congestion.NewBBR(instant.Time(time.Second), congestion.Config{Datagram: gross})
	step := func() {
		f.acknowledge(control, pacer)
		sendTrain(f.now, control, pacer)
		sendTrain(f.now.Add(benchmarkInterval/2), control, pacer)
	}
	for range 1000 {
		step()
	}
	if got := alloctest.Least(func() {
		for range 10_000 {
			step()
		}
	}); got > 0 {
		t.Errorf("%v allocations for 10,000 acknowledgements, want none", got)
	}
}
