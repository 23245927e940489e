package core

import (
	"math"
	"math/rand/v2"
	"testing"

	"example.com/uft/internal/recovery"
)

// TestShareCount draws losses and finds that shares run out as rarely as asked.
func TestShareCount(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		doomed, unacked, blocks int
		loss                    float64
		most                    int
	}{
		{0, 128, 128, 0.01, 7},
		{0, 128, 128, 0.02, 9},
		{0, 100, 128, 0.05, 15},
		{0, 128, 128, 0.3, 90},
		{0, 1, 1, 0.3, 4},
		{0, 5, 5, 0.3, 8},
		{10, 60, 128, 0.3, 65},
		{3, 0, 128, 0.02, 5},
	} {
		const risk = 0.01
		count := shareCount(c.doomed, c.unacked, c.blocks, c.loss, risk)
		if count == 0 || count > c.most {
			t.Errorf("%+v: %d shares", c, count)
		}
		failed := 0
		const runs = 20_000
		for range runs {
			lost := c.doomed
			for range c.unacked + count {
				if random.Float64() < c.loss {
					lost++
				}
			}
			if lost > count {
				failed++
			}
		}
		if share := float64(failed) / runs; share > 1.3*risk {
			t.Errorf("%+v: %d shares fail in %.4f of all cases", c, count, share)
		}
	}
	if n := shareCount(0, 0, 128, 0.3, 0.01); n != 0 {
		t.Errorf("%d shares of a group that is acknowledged", n)
	}
	if n := shareCount(0, 128, 128, 0.5, 0.01); n != 128 {
		t.Errorf("%d shares of 128 blocks at a loss of one half", n)
	}
}

// TestLossEstimate follows a loss that changes, and takes back what was wrong.
func TestLossEstimate(t *testing.T) {
	var l lossEstimate
	feed := func(acked, lost, spurious int) {
		data := recovery.Packet{Kind: recovery.Data, InFlight: true}
		control := recovery.Packet{Kind: recovery.Control}
		f := recovery.Fates{Lost: []recovery.Packet{control, control}}
		if acked > 0 {
			f.Acked = append(f.Acked, recovery.Run{Packet: data, Count: acked})
		}
		for range lost {
			f.Lost = append(f.Lost, data)
		}
		for range spurious {
			f.Spurious = append(f.Spurious, data)
		}
		l.observe(&f, false, 0, 1092)
	}
	near := func(want float64) {
		t.Helper()
		if math.Abs(l.rate-want) > 0.01 {
			t.Errorf("loss %.3f, want %.3f", l.rate, want)
		}
	}
	feed(5, 5, 0)
	near(0) // not known yet
	feed(45, 5, 0)
	near(10.0 / 60)
	if c := l.careful(); c <= l.rate || c > 0.25 {
		t.Errorf("to be reckoned with: %.3f", c)
	}
	feed(0, 0, 10)
	near(0)
	for range 400 {
		feed(90, 10, 0)
	}
	near(0.1)
	for range 200 {
		feed(100, 0, 0)
	}
	near(0)
}

// TestLossOfOvertaken counts what was overtaken, unless it is only late.
func TestLossOfOvertaken(t *testing.T) {
	acked := func(n, overtaken int) *recovery.Fates {
		f := &recovery.Fates{Acked: []recovery.Run{{Packet: recovery.Packet{Kind: recovery.Data, InFlight: true}, Count: n}}}
		f.Sample.OvertakenBytes = overtaken * 1092
		return f
	}
	var lossy, jittery lossEstimate
	lossy.observe(acked(70, 0), true, 30, 1092)
	if math.Abs(lossy.rate-0.3) > 0.001 {
		t.Errorf("70 acknowledged, 30 overtaken: a loss of %.3f", lossy.rate)
	}
	for range 10 {
		jittery.observe(acked(70, 30), true, 30, 1092)
	}
	if jittery.rate > 0.001 {
		t.Errorf("of those overtaken all came: a loss of %.4f", jittery.rate)
	}
}

// TestRepeats finds that a few packets suffice for one of them to arrive.
func TestRepeats(t *testing.T) {
	for loss, want := range map[float64]int{0: 1, 0.02: 1, 0.1: 2, 0.3: 4, 0.5: 6} {
		if n := repeats(loss); n != want || math.Pow(loss, float64(n)) > repairRisk {
			t.Errorf("%d packets at a loss of %.2f, want %d", n, loss, want)
		}
	}
}

func TestCopiesWorth(t *testing.T) {
	for _, c := range []struct {
		bytes uint64
		loss  float64
		want  int
	}{{0, 0.5, 0}, {1, 0.02, 0}, {1, 0.3, 2}, {10 << 10, 0.02, 1}, {100 << 10, 0.3, 3}} {
		if got := copiesWorth(c.bytes, c.loss); got != c.want {
			t.Errorf("%d bytes at a loss of %.2f: %d copies, want %d", c.bytes, c.loss, got, c.want)
		}
	}
}

// TestTellingEnds: what was told often enough costs nothing any more, although it was
// never acknowledged.
func TestTellingEnds(t *testing.T) {
	var r repairReceiver
	const id = 7
	r.tell(id)
	r.tellAgain()
	sent := 0
	for ; r.haves.has(id) && sent < 100; sent++ {
		r.haves.put(id, false)
		r.sentHave(id)
		r.tellAgain()
	}
	if sent != maxTold || !r.again.empty() {
		t.Errorf("told %d times, want %d; to be told again: %v", sent, maxTold, !r.again.empty())
	}
	r.haveLost(id)
	if !r.haves.has(id) {
		t.Error("what was lost is not told again")
	}
	r.tell(id) // more was repaired
	r.sentHave(id)
	r.haveAcked(id, 1)
	if r.again.empty() {
		t.Error("an acknowledgement of what was told before ends the telling")
	}
	r.haveAcked(id, 2)
	if r.haves.has(id) || !r.again.empty() || len(r.told) != 0 {
		t.Error("acknowledged, and told still")
	}
}

// TestLossOfNothingSeen: overtaken packets alone are all lost, as far as is known.
func TestLossOfNothingSeen(t *testing.T) {
	var l lossEstimate
	l.observe(&recovery.Fates{}, false, lossMinSeen, 1092)
	if l.rate != 1 || l.careful() != maxReckoned {
		t.Errorf("a loss of %v, to reckon with %v, want 1 and %v", l.rate, l.careful(), maxReckoned)
	}
}
