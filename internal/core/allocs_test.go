package core_test

import (
	"runtime"
	"testing"

	"example.com/uft/internal/alloctest"
)

// skipUnderRace: what is allocated there says nothing of what users get.
func skipUnderRace(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has the compiler allocate what otherwise stays on the stack")
	}
}

// The tests count over many trains, because a mean over them would hide what
// happens in every second one. The bound leaves room for a buffer that has to
// grow once more, late.
const (
	measuredTrains = 2000
	allowedAllocs  = measuredTrains / 100
)

// measure counts the allocations in trains that leave and are acknowledged.
func (p *pair) measure() (allocated float64) {
	var acked uint64
	allocated = alloctest.Least(func() {
		before := p.client.Stats().DataBytesAcked
		for range measuredTrains {
			p.train()
		}
		acked = p.client.Stats().DataBytesAcked - before
	})
	if whole := acked / (trainSegments << 10); whole < measuredTrains/2 { // every tenth is lost, in one test
		p.tb.Fatalf("only %d trains of %d were acknowledged", whole, measuredTrains)
	}
	return allocated
}

// TestTrainsCrossWithoutAllocation: what the two cores allocate does not grow
// with the packets that they send, receive and acknowledge.
func TestTrainsCrossWithoutAllocation(t *testing.T) {
	skipUnderRace(t)
	p := newPair(t, 0)
	p.settle()
	allocated := p.measure()
	if lost := p.client.Stats().PacketsLost; lost > 0 {
		t.Errorf("%d packets lost, want none", lost)
	}
	if allocated > allowedAllocs {
		t.Errorf("%v allocations in %d trains", allocated, measuredTrains)
	}
}

// TestLossIsRepairedWithoutAllocation: nor does it grow with what is lost.
func TestLossIsRepairedWithoutAllocation(t *testing.T) {
	skipUnderRace(t)
	for _, oneIn := range []int{50, 10} {
		p := newPair(t, 0)
		random := newRandom(1)
		p.drop = func() bool { return random.IntN(oneIn) == 0 }
		p.settle()
		before := p.client.Stats().PacketsLost
		allocated := p.measure()
		lost := p.client.Stats().PacketsLost - before
		t.Logf("one packet in %d lost: %v allocations for %d packets", oneIn, allocated, lost)
		if lost < measuredTrains {
			t.Errorf("one packet in %d lost: only %d packets", oneIn, lost)
		}
		if allocated > allowedAllocs {
			t.Errorf("one packet in %d lost: %v allocations in %d trains", oneIn, allocated, measuredTrains)
		}
	}
}

// TestNeitherSideAllocates tells the sides apart: which of the two allocates, if
// one does.
func TestNeitherSideAllocates(t *testing.T) {
	skipUnderRace(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nothing else is to run meanwhile
	f := newFlights(t)
	var sender, receiver, since uint64
	side := &receiver
	begin := func(next *uint64) func() {
		return func() {
			now := mallocs()
			*side += now - since
			side, since = next, now
		}
	}
	since = mallocs()
	f.exchange(measuredTrains, begin(&sender), begin(&receiver))
	begin(nil)() // ends the last
	if sender > allowedAllocs || receiver > allowedAllocs {
		t.Errorf("%d allocations at the sender and %d at the receiver in %d trains", sender, receiver, measuredTrains)
	}
}

// mallocs returns how many objects were ever allocated.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
