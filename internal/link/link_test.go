package link

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

const seed = 20260101

// A script drives one link with a clock that is moved by hand.
type script struct {
	t    *testing.T
	link *Link
	now  instant.Time
}

func newScript(t *testing.T, c Config) *script {
	t.Helper()
	return newSeededScript(t, c, seed)
}

func newSeededScript(t *testing.T, c Config, seed uint64) *script {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatalf("configuration %v: %v", c, err)
	}
	return &script{t: t, link: New(c, seed), now: instant.Time(time.Hour)}
}

func (s *script) advance(d time.Duration) { s.now = s.now.Add(d) }

func (s *script) admit(size int) []Delivery { return s.link.Admit(s.now, size, nil) }

// wantAfter admits a datagram and wants exactly one delivery, that much later.
func (s *script) wantAfter(size int, after time.Duration) {
	s.t.Helper()
	out := s.admit(size)
	if len(out) != 1 {
		s.t.Fatalf("%d deliveries, want 1", len(out))
	}
	if got := out[0].At.Sub(s.now); got != after {
		s.t.Fatalf("delivered after %v, want %v", got, after)
	}
}

func (s *script) wantNone(size int) {
	s.t.Helper()
	if out := s.admit(size); len(out) != 0 {
		s.t.Fatalf("%d deliveries, want none", len(out))
	}
}

// flood admits n datagrams of 1000 bytes, one each millisecond, and returns
// the deliveries of each.
func (s *script) flood(n int) [][]Delivery {
	all := make([][]Delivery, n)
	for i := range all {
		all[i] = s.admit(1000)
		s.advance(time.Millisecond)
	}
	return all
}

// wantShare checks a count that should be n × p, within five standard
// deviations: a correct model fails this once in two million seeds, and the
// seed is fixed.
func wantShare(t *testing.T, what string, got uint64, n int, p float64) {
	t.Helper()
	want := float64(n) * p
	tolerance := 5 * math.Sqrt(want*(1-p))
	if math.Abs(float64(got)-want) > tolerance {
		t.Errorf("seed %d: %s: %d of %d, want %.0f ± %.0f", seed, what, got, n, want, tolerance)
	}
}

func TestPerfectLink(t *testing.T) {
	s := newScript(t, Config{})
	for range 1000 {
		s.wantAfter(1064, 0)
	}
	want := Counters{In: 1000, Delivered: 1000, BytesIn: 1064_000, BytesOut: 1064_000}
	if got := s.link.Counters(); got != want {
		t.Errorf("counters %+v, want %+v", got, want)
	}
}

func TestDelay(t *testing.T) {
	s := newScript(t, Config{Delay: 30 * time.Millisecond})
	s.wantAfter(1064, 30*time.Millisecond)
	s.advance(7 * time.Microsecond)
	s.wantAfter(1, 30*time.Millisecond)
}

func TestJitterIsEvenAndNeverNegative(t *testing.T) {
	const n = 20_000
	s := newScript(t, Config{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond})
	var sum time.Duration
	var early uint64 // deliveries in the first quarter of the span
	overtakes := 0
	var last instant.Time
	for range n {
		at := s.admit(1000)[0].At
		delay := at.Sub(s.now)
		if delay < 10*time.Millisecond || delay > 50*time.Millisecond {
			t.Fatalf("delay %v is outside 30 ms ± 20 ms", delay)
		}
		if delay < 20*time.Millisecond {
			early++
		}
		if at.Before(last) {
			overtakes++
		}
		last = at
		sum += delay
		s.advance(time.Millisecond)
	}
	if mean := sum / n; mean < 29500*time.Microsecond || mean > 30500*time.Microsecond {
		t.Errorf("seed %d: mean delay %v, want about 30 ms", seed, mean)
	}
	wantShare(t, "delays in the first quarter", early, n, 0.25)
	if overtakes == 0 {
		t.Error("jitter of 20 ms never reordered datagrams 1 ms apart")
	}

	s = newScript(t, Config{Delay: time.Millisecond, Jitter: 20 * time.Millisecond})
	for range 1000 {
		if at := s.admit(1000)[0].At; at.Before(s.now) {
			t.Fatalf("delivered %v before it was sent", s.now.Sub(at))
		}
	}
}

func TestLossShare(t *testing.T) {
	const n = 100_000
	for _, loss := range []float64{0, 0.001, 0.2, 0.95, 1} {
		s := newScript(t, Config{Loss: loss})
		s.flood(n)
		wantShare(t, "lost", s.link.Counters().Lost, n, loss)
	}
}

// bursts returns the lengths of the runs of lost datagrams.
func bursts(all [][]Delivery) (lengths []int) {
	run := 0
	for _, out := range all {
		if len(out) == 0 {
			run++
		} else if run > 0 {
			lengths = append(lengths, run)
			run = 0
		}
	}
	return lengths
}

func TestBurstsHaveTheirMeanLengthAndKeepTheAverage(t *testing.T) {
	const n = 400_000
	for _, test := range []struct{ loss, burst float64 }{{0.01, 5}, {0.1, 5}, {0.1, 20}, {0.6, 2}} {
		s := newScript(t, Config{Loss: test.loss, Burst: test.burst})
		lengths := bursts(s.flood(n))
		sum := 0
		for _, length := range lengths {
			sum += length
		}
		// Lengths are geometric: their deviation is below their mean.
		mean := float64(sum) / float64(len(lengths))
		tolerance := 5 * test.burst / math.Sqrt(float64(len(lengths)))
		if math.Abs(mean-test.burst) > tolerance {
			t.Errorf("seed %d: loss %v burst %v: mean burst %.2f, want within %.2f", seed, test.loss, test.burst, mean, tolerance)
		}
		// The share varies as that of n/(2·burst) independent datagrams would.
		share := float64(sum) / n
		tolerance = 5 * math.Sqrt(test.loss*(1-test.loss)*2*test.burst/n)
		if math.Abs(share-test.loss) > tolerance {
			t.Errorf("seed %d: loss %v burst %v: lost %.4f, want within %.4f", seed, test.loss, test.burst, share, tolerance)
		}
	}
}

func TestBurstsOfEverything(t *testing.T) {
	s := newScript(t, Config{Loss: 1, Burst: 5})
	for range 1000 {
		s.wantNone(1000)
	}
}

func TestMoreLossLosesTheSameAndMore(t *testing.T) {
	little := newScript(t, Config{Loss: 0.05}).flood(5000)
	much := newScript(t, Config{Loss: 0.2}).flood(5000)
	for i := range little {
		if len(little[i]) == 0 && len(much[i]) > 0 {
			t.Fatalf("seed %d: datagram %d is lost at 5 %% but not at 20 %%", seed, i)
		}
	}
}

func TestOneEffectDoesNotShiftTheOthers(t *testing.T) {
	base := Config{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Reorder: 0.1, Duplicate: 0.1, Corrupt: 0.1}
	lossy := base
	lossy.Loss = 0.3
	all, some := newScript(t, base).flood(5000), newScript(t, lossy).flood(5000)
	survivors := 0
	for i, out := range some {
		if len(out) == 0 {
			continue
		}
		survivors++
		if !slices.Equal(out, all[i]) {
			t.Fatalf("seed %d: datagram %d: %v with loss, %v without", seed, i, out, all[i])
		}
	}
	if survivors == 0 || survivors == len(all) {
		t.Fatalf("seed %d: %d of %d survived 30 %% loss", seed, survivors, len(all))
	}
}

func TestSameSeedSameFate(t *testing.T) {
	c := Config{
		Loss: 0.2, Burst: 3, Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond,
		Reorder: 0.05, Duplicate: 0.05, Corrupt: 0.02, Rate: 10_000_000,
	}
	run := func(seed uint64) [][]Delivery { return newSeededScript(t, c, seed).flood(3000) }
	first, again, other := run(1), run(1), run(2)
	same := 0
	for i := range first {
		if !slices.Equal(first[i], again[i]) {
			t.Fatalf("datagram %d: %v, then %v with the same seed", i, first[i], again[i])
		}
		if slices.Equal(first[i], other[i]) {
			same++
		}
	}
	// Two seeds agree where both lose: about 0.2 × 0.2 of the datagrams.
	if same > len(first)/10 {
		t.Errorf("seeds 1 and 2 agree on %d of %d datagrams", same, len(first))
	}
}

func TestReorderHoldsBack(t *testing.T) {
	const n = 50_000
	for _, test := range []struct{ delay, held time.Duration }{
		{0, 5 * time.Millisecond},
		{40 * time.Millisecond, 60 * time.Millisecond},
	} {
		s := newScript(t, Config{Delay: test.delay, Reorder: 0.05})
		var held uint64
		for range n {
			switch after := s.admit(1000)[0].At.Sub(s.now); after {
			case test.delay:
			case test.held:
				held++
			default:
				t.Fatalf("delivered after %v, want %v or %v", after, test.delay, test.held)
			}
		}
		wantShare(t, "held back", held, n, 0.05)
		if counted := s.link.Counters().Reordered; counted != held {
			t.Errorf("%d counted as reordered, %d were", counted, held)
		}
	}
}

func TestDuplicate(t *testing.T) {
	const n = 50_000
	s := newScript(t, Config{Duplicate: 0.05, Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond})
	var twice, together uint64
	for _, out := range s.flood(n) {
		switch len(out) {
		case 1:
		case 2:
			twice++
			if out[0].At == out[1].At {
				together++
			}
		default:
			t.Fatalf("%d deliveries", len(out))
		}
	}
	wantShare(t, "duplicated", twice, n, 0.05)
	if together > twice/100 {
		t.Errorf("%d of %d copies arrive with their original: the copy has no jitter of its own", together, twice)
	}
	c := s.link.Counters()
	if c.Duplicated != twice || c.Delivered != n+twice || c.BytesOut != 1000*(n+twice) {
		t.Errorf("counters %+v after %d copies of %d", c, twice, n)
	}
}

func TestDamageChangesOneToThreeBits(t *testing.T) {
	const n = 20_000
	s := newScript(t, Config{Corrupt: 0.1})
	original := bytes.Repeat([]byte{0x5a}, 1064)
	var damaged uint64
	seen := make(map[string]bool)
	for _, out := range s.flood(n) {
		p := bytes.Clone(original)
		out[0].Damage(p)
		flipped := 0
		for i := range p {
			flipped += bits.OnesCount8(p[i] ^ original[i])
		}
		if out[0].Damaged != (flipped > 0) || flipped > 3 {
			t.Fatalf("seed %d: damaged %v, but %d bits flipped", seed, out[0].Damaged, flipped)
		}
		if flipped > 0 {
			damaged++
			seen[string(p)] = true
		}
	}
	wantShare(t, "damaged", damaged, n, 0.1)
	if len(seen) < int(damaged)*9/10 {
		t.Errorf("seed %d: only %d kinds of damage in %d datagrams", seed, len(seen), damaged)
	}
}

func TestDamageOfTheSmallest(t *testing.T) {
	s := newScript(t, Config{Corrupt: 1})
	for range 1000 {
		d := s.admit(1)[0]
		d.Damage(nil)
		p, again := []byte{0}, []byte{0}
		d.Damage(p)
		d.Damage(again)
		if p[0] == 0 || p[0] != again[0] {
			t.Fatalf("seed %d: damage gives %08b, then %08b", seed, p[0], again[0])
		}
	}
}

func TestBlackout(t *testing.T) {
	s := newScript(t, Config{Blackouts: []Blackout{
		{Start: 2 * time.Second, Length: 500 * time.Millisecond},
		{Start: 0, Length: time.Millisecond},
	}})
	s.wantNone(100) // the first datagram starts the count, in a blackout
	s.advance(time.Millisecond)
	s.wantAfter(100, 0)
	s.advance(1999*time.Millisecond - 1)
	s.wantAfter(100, 0)
	s.advance(1)
	s.wantNone(100)
	s.advance(500*time.Millisecond - 1)
	s.wantNone(100)
	s.advance(1)
	s.wantAfter(100, 0)
	if c := s.link.Counters(); c.BlackedOut != 3 || c.Lost != 0 {
		t.Errorf("counters %+v, want 3 datagrams in blackouts", c)
	}
}

func TestStartMovesTheBlackouts(t *testing.T) {
	s := newScript(t, Config{Blackouts: []Blackout{{Start: time.Second, Length: time.Second}}})
	s.link.Start(s.now)
	s.advance(time.Second)
	s.link.Start(s.now) // too late to matter
	s.wantNone(100)
	s.advance(time.Second)
	s.wantAfter(100, 0)
}

func TestCountersAddUp(t *testing.T) {
	s := newScript(t, Config{
		Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, Corrupt: 0.1, Rate: 7_900_000, QueueDelay: 3 * time.Millisecond,
		Blackouts: []Blackout{{Start: time.Second, Length: time.Second}},
	})
	delivered := 0
	for _, out := range s.flood(5000) {
		delivered += len(out)
	}
	c := s.link.Counters()
	if c.Delivered != uint64(delivered) || c.In+c.Duplicated != c.Delivered+c.Lost+c.BlackedOut+c.QueueDrops {
		t.Errorf("%d deliveries; counters do not add up: %+v", delivered, c)
	}
	if c.BlackedOut != 1000 || c.Lost == 0 || c.QueueDrops == 0 {
		t.Errorf("want 1000 datagrams in the blackout, and losses and drops: %+v", c)
	}
}
