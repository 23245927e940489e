package congestion

import (
	"math"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// TestCubicWindow follows the window through one epoch (RFC 9438): a reduction to
// 0.7, K seconds until it is back where it was, slowest there, and faster beyond.
func TestCubicWindow(t *testing.T) {
	const segments, rtt = 1000, 100 * time.Millisecond
	now := instant.Time(time.Second)
	var w cubicWindow
	w.begin(now, segments*cubicSegment)
	w.reduce(now)
	if got := w.bytes / cubicSegment; math.Abs(got-700) > 1 {
		t.Fatalf("%.0f segments after a reduction, want 700", got)
	}
	k := math.Cbrt(0.3 * segments / 0.4)
	at := map[int]float64{}
	for round := 1; round <= 200; round++ {
		now = now.Add(rtt)
		w.grow(now, rtt)
		at[round] = w.bytes / cubicSegment
	}
	// The window is that of the round trip to come.
	back := int(math.Round(k*10)) - 1
	for round, want := range map[int]float64{back / 2: 1000 - 300*math.Pow(0.5, 3), back: 1000, 199: 1000 + 0.4*math.Pow(20-k, 3)} {
		if got := at[round]; math.Abs(got-want) > 12 {
			t.Errorf("%.0f segments after %d round trips, want %.0f", got, round, want)
		}
	}
	// Fast convergence: who had not got back yet makes more room.
	w.begin(now, segments*cubicSegment)
	w.reduce(now)
	w.reduce(now)
	if got := w.maximum / cubicSegment; math.Abs(got-700*0.85) > 1 {
		t.Errorf("W_max %.0f after two reductions, want 595", got)
	}
}

// slowPhase plays one in which the shortest round trip goes from one to another
// within a second.
func slowPhase(b *bbr, now instant.Time, from, to time.Duration, queued bool) instant.Time {
	b.slowAt, b.slowRTT = now, from
	now = now.Add(time.Second)
	b.round.lowest, b.queued = to, queued
	b.noteTaken(now)
	b.slowAt = 0
	return now
}

// TestRivalsAreTold: by slow phases in which the queue does not fall, three of them
// in a row, until it falls in two as a queue of our own does.
func TestRivalsAreTold(t *testing.T) {
	const ms = time.Millisecond
	now := instant.Time(time.Second)
	b := NewBBR(now, Config{}).(*bbr)
	b.minRTT, b.best = 50*ms, 1e6
	b.bandwidth.add(5e5) // half of the path: of a second an eighth is left to others
	b.flown = 1e5
	for i, want := range []bool{false, false, true} {
		now = slowPhase(b, now, 200*ms, 190*ms, true)
		if b.matched != want {
			t.Fatalf("after %d slow phases in vain matched is %v", i+1, b.matched)
		}
		if i < 2 {
			b.flown = 1e5
		}
	}
	if b.window.bytes != 1e5 {
		t.Errorf("the window begins with %.0f bytes, want the 100000 that were in flight", b.window.bytes)
	}
	now = slowPhase(b, now, 200*ms, 60*ms, true)
	b.noteTaken(now) // a slow phase without a queue says nothing
	if now = slowPhase(b, now, 200*ms, 60*ms, false); b.matched {
		t.Error("the queue fell as a queue of our own does, and it is still taken for that of others")
	}
	// A queue that falls by less than it might, but by itself, is ours.
	for range 10 {
		if now = slowPhase(b, now, 200*ms, 130*ms, true); b.matched {
			t.Fatal("a queue of our own that is long is taken for that of others")
		}
	}
}

// matchedFlow returns a flow that does as its rivals, with 100 kB in flight.
func matchedFlow(now instant.Time) *bbr {
	b := NewBBR(now, Config{}).(*bbr)
	b.minRTT, b.smoothed, b.phase = 50*time.Millisecond, 100*time.Millisecond, cruise
	b.matched = true
	b.window.begin(now, 1e5)
	return b
}

// TestRivalsWindowOfAFlowThatRests: where the application has little to send, nothing
// tells that more would fit, and time does not count (RFC 9438 section 5.8).
func TestRivalsWindowOfAFlowThatRests(t *testing.T) {
	now := instant.Time(time.Second)
	b, busy := matchedFlow(now), matchedFlow(now)
	rounds := func(b *bbr, n int, limited bool) {
		for range n {
			now = now.Add(100 * time.Millisecond)
			b.round = roundStats{acked: 50_000, appLimited: limited}
			b.matchRivals(now)
		}
	}
	rounds(busy, 10, false)
	now = instant.Time(time.Second)
	rounds(b, 10_000, true)
	if b.window.bytes != 1e5 {
		t.Errorf("a window of %.0f bytes after 1000 s with little to send, want the 100000 of before", b.window.bytes)
	}
	if rounds(b, 10, false); b.window.bytes != busy.window.bytes {
		t.Errorf("and then one of %.0f bytes, want %.0f as without the rest", b.window.bytes, busy.window.bytes)
	}
}

// TestRivalsAreForgotten: after a time in which nothing came through the path is
// another one, and so may be those on it.
func TestRivalsAreForgotten(t *testing.T) {
	now := instant.Time(time.Second)
	b := matchedFlow(now)
	b.OnPersistentTimeout(now)
	b.OnAck(now, AckSample{AckedBytes: 1000, SmoothedRTT: 100 * time.Millisecond, RTT: 50 * time.Millisecond})
	if b.matched || b.window.bytes != 0 {
		t.Errorf("matched is %v, with %.0f bytes", b.matched, b.window.bytes)
	}
}
