package recovery

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"pgregory.net/rapid"
)

// A receiver drives a Received with a clock moved by hand.
type receiver struct {
	testing.TB
	*Received
	now instant.Time
}

func newReceiver(t testing.TB, rtt time.Duration) *receiver {
	v := &receiver{TB: t, Received: NewReceived(rtt), now: instant.Time(time.Hour)}
	v.early = earlyPackets
	return v
}

func (v *receiver) advance(d time.Duration) { v.now = v.now.Add(d) }

// packets receives ack-eliciting packets with the numbers given.
func (v *receiver) packets(numbers ...uint64) {
	v.Helper()
	for _, n := range numbers {
		if v.OnPacket(v.now, n, true, 1064, false) {
			v.Errorf("number %d taken for a duplicate", n)
		}
	}
}

func (v *receiver) wantAckIn(d time.Duration) {
	v.Helper()
	if got := v.Deadline(); got != v.now.Add(d) {
		v.Errorf("acknowledgement due in %v, want in %v", got.Sub(v.now), d)
	}
	if got, want := v.AckNow(v.now), d <= 0; got != want {
		v.Errorf("acknowledgement due now: %t, want %t", got, want)
	}
}

func (v *receiver) wantNoAck() {
	v.Helper()
	if got := v.Deadline(); got != instant.Never || v.AckNow(v.now) {
		v.Errorf("acknowledgement due in %v, want none", got.Sub(v.now))
	}
}

// sendAck sends an acknowledgement and returns its ranges.
func (v *receiver) sendAck() string {
	_, _, numbers := v.Frame(v.now)
	v.OnAckSent(v.now)
	return numbers.String()
}

func TestAckDelayFollowsTheRoundTrip(t *testing.T) {
	tests := []struct{ rtt, want time.Duration }{
		{50 * time.Microsecond, ms},
		{8 * ms, ms},
		{80 * ms, 10 * ms},
		{200 * ms, 25 * ms},
		{600 * ms, 25 * ms},
	}
	for _, test := range tests {
		v := newReceiver(t, test.rtt)
		v.wantNoAck()
		v.packets(0)
		v.wantAckIn(test.want)
		v.advance(test.want / 2)
		v.packets(1)
		v.wantAckIn(test.want - test.want/2)
		v.advance(test.want)
		if !v.AckNow(v.now) {
			t.Errorf("round trip %v: no acknowledgement due after %v", test.rtt, test.want)
		}
		if got, want := v.sendAck(), "[0,2)"; got != want {
			t.Errorf("ranges %s, want %s", got, want)
		}
		v.wantNoAck()
	}
}

func TestAckReportsItsDelay(t *testing.T) {
	v := newReceiver(t, 80*ms)
	v.packets(5)
	v.advance(3 * ms)
	v.packets(2) // late, so not the largest
	v.advance(4 * ms)
	largest, delay, numbers := v.Frame(v.now)
	if largest != 5 || delay != 7*ms || numbers.String() != "[2,3) [5,6)" {
		t.Errorf("acknowledgement of %d after %v with %v", largest, delay, numbers)
	}
}

func TestAckAtOnceEvery128KiB(t *testing.T) {
	v := newReceiver(t, 600*ms)
	n := uint64(0)
	for range 3 {
		for range 123 {
			v.packets(n)
			n++
		}
		v.wantAckIn(25 * ms)
		v.packets(n) // 124 times 1064 is above 128 KiB
		n++
		v.wantAckIn(0)
		v.sendAck()
	}
}

func TestAckAtOnceOnTheFirstGap(t *testing.T) {
	v := newReceiver(t, 80*ms)
	v.packets(0, 1)
	v.wantAckIn(10 * ms)
	v.packets(3)
	v.wantAckIn(0)
	v.sendAck()
	// On a path that loses all the time the next gaps wait.
	for n := uint64(5); n < 25; n += 10 {
		v.packets(n, n+2, n+4)
		v.wantAckIn(10 * ms)
		v.advance(10 * ms)
		v.sendAck()
	}
	// After an interval without a gap, one counts again.
	v.packets(20, 21)
	v.wantAckIn(10 * ms)
	v.sendAck()
	v.packets(23)
	v.wantAckIn(0)
}

func TestAckAtOnceWhenAsked(t *testing.T) {
	v := newReceiver(t, 80*ms)
	v.OnPacket(v.now, 0, true, 50, true)
	v.wantAckIn(0)
}

func TestHandshakeSpacesAckAtOnce(t *testing.T) {
	v := &receiver{TB: t, Received: new(Received), now: instant.Time(time.Hour)}
	v.packets(0)
	v.wantAckIn(0)
	v.sendAck()
	v.OnPacket(v.now, 1, false, 50, false)
	v.wantNoAck()
}

func TestAcksAreNotAcked(t *testing.T) {
	v := newReceiver(t, 80*ms)
	for n := range uint64(1000) {
		v.OnPacket(v.now, 2*n, false, 1064, false)
	}
	v.wantNoAck()
}

func TestDuplicatesCauseNothing(t *testing.T) {
	v := newReceiver(t, 80*ms)
	v.packets(0, 1, 2)
	v.sendAck()
	for range 500 {
		if !v.OnPacket(v.now, 1, true, 1064, true) {
			t.Fatal("a duplicate was taken for new")
		}
	}
	v.wantNoAck()
	if !v.IsDuplicate(2) || v.IsDuplicate(3) {
		t.Error("IsDuplicate does not agree")
	}
}

func TestReceivedRangesAreBounded(t *testing.T) {
	v := newReceiver(t, 80*ms)
	for n := uint64(0); n < 100_000; n += 2 {
		v.packets(n)
		if len(v.numbers) > maxReceivedRanges {
			t.Fatalf("%d ranges kept, want at most %d", len(v.numbers), maxReceivedRanges)
		}
	}
	// What is too old to be known must not be processed twice.
	if !v.IsDuplicate(1) || !v.OnPacket(v.now, 1, true, 1064, false) {
		t.Error("a number below the floor was taken for new")
	}
	if v.IsDuplicate(99_997) {
		t.Error("a recent gap was taken for a duplicate")
	}
	if largest, _, _ := v.Frame(v.now); largest != 99_998 {
		t.Errorf("largest %d, want 99998", largest)
	}
}

func TestHistoryIsPrunedOnceConfirmed(t *testing.T) {
	v := newReceiver(t, 80*ms)
	for n := uint64(0); n < 50; n += 2 {
		v.packets(n)
	}
	v.OnAckOfAck(10)
	v.OnAckOfAck(20)
	v.OnAckOfAck(20) // confirmed again: nothing new
	v.OnAckOfAck(15) // overtaken
	v.OnAckOfAck(30)
	if v.IsDuplicate(9) {
		t.Error("history was pruned at once, though packets may come late")
	}
	v.OnAckOfAck(40)
	if !v.IsDuplicate(9) || v.IsDuplicate(11) {
		t.Errorf("floor %d, want it at 10, which has been known for three acknowledgements", v.floor)
	}
	for largest := uint64(41); largest < 49; largest++ {
		v.OnAckOfAck(largest)
	}
	v.OnAckOfAck(1 << 40) // no such packet; the largest number must survive
	for range keepPeriods {
		v.OnAckOfAck(v.confirmed[keepPeriods-1] + 1)
	}
	if largest, _, numbers := v.Frame(v.now); largest != 48 || numbers.String() != "[48,49)" {
		t.Errorf("acknowledgement of %d with %v, want the largest number left", largest, numbers)
	}
}

func TestHistoryIsPrunedWithinARange(t *testing.T) {
	v := newReceiver(t, 80*ms)
	for n := range uint64(10) {
		v.packets(n)
	}
	for _, largest := range []uint64{5, 6, 7, 8} {
		v.OnAckOfAck(largest)
	}
	if got, want := v.sendAck(), "[5,10)"; got != want {
		t.Errorf("ranges %s, want %s", got, want)
	}
}

func TestReceivedAgreesWithASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := NewReceived(80 * ms)
		seen := make(map[uint64]bool)
		base := uint64(0)
		now := instant.Time(time.Hour)
		for range rapid.IntRange(1, 300).Draw(t, "packets") {
			number := base + rapid.Uint64Range(0, 40).Draw(t, "number")
			base += rapid.Uint64Range(0, 2).Draw(t, "progress")
			known := v.IsDuplicate(number)
			if got := v.OnPacket(now, number, true, 100, false); got != known || got != seen[number] {
				t.Fatalf("number %d duplicate: %t, IsDuplicate %t, seen %t", number, got, known, seen[number])
			}
			seen[number] = true
		}
		_, _, numbers := v.Frame(now)
		if got := numbers.Size(); got != uint64(len(seen)) {
			t.Fatalf("%d numbers in the acknowledgement, want %d", got, len(seen))
		}
		if v.Deadline() == instant.Never {
			t.Fatal("packets received and no acknowledgement due")
		}
	})
}

// TestOneAckForEachReceiveTime takes in packets that waited for their keys: those of
// the first that are acknowledged at once get acknowledgements with their own times.
func TestOneAckForEachReceiveTime(t *testing.T) {
	v := newReceiver(t, 600*ms)
	v.early = 0
	came := v.now
	v.advance(100 * ms)
	for n := range uint64(10) {
		if n != 5 {
			v.OnPacket(came.Add(time.Duration(n)*ms), n, true, 1064, false)
		}
	}
	for _, want := range []struct {
		largest uint64
		numbers string
	}{{3, "[0,4)"}, {9, "[0,5) [6,10)"}} {
		v.wantAckIn(0 - v.now.Sub(came))
		largest, delay, numbers := v.Frame(v.now)
		if sent := v.now.Add(-delay); largest != want.largest || sent != came.Add(time.Duration(largest)*ms) || numbers.String() != want.numbers {
			t.Errorf("acknowledgement of %d, held back %v, with %v; want %d with %s", largest, delay, numbers, want.largest, want.numbers)
		}
		v.OnAckSent(v.now)
	}
	v.wantNoAck()

	// Those that come together are told of together, and what is forgotten is owed
	// no more.
	v.packets(10, 11, 12, 13, 14, 15, 16, 17)
	if got, want := v.sendAck(), "[0,5) [6,18)"; got != want {
		t.Errorf("ranges %s, want %s", got, want)
	}
	for n := uint64(18); n < 30; n++ {
		v.packets(n)
		v.advance(ms)
	}
	v.forgetBelow(29)
	if got, want := v.sendAck(), "[29,30)"; got != want {
		t.Errorf("ranges %s, want %s", got, want)
	}
	v.wantNoAck()
}

// TestUnheardAcksAreRepeated: what comes a second time was not heard of.
func TestUnheardAcksAreRepeated(t *testing.T) {
	v := newReceiver(t, 80*ms)
	v.packets(0, 1)
	v.OnUnheard()
	v.wantAckIn(10 * ms)
	for n := range ackRepeats {
		v.advance(10 * ms)
		if got, want := v.sendAck(), "[0,2)"; got != want {
			t.Errorf("%d: ranges %s, want %s", n, got, want)
		}
		if n < ackRepeats-1 {
			v.wantAckIn(10 * ms)
		}
	}
	v.wantNoAck()
	v.packets(2) // which need no repeating
	v.advance(10 * ms)
	v.sendAck()
	v.wantNoAck()
}
