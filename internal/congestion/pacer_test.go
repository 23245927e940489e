package congestion_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

// The promise of `-b`: the long-run rate is exact however late the timer is.
func TestPacerIsExactWithLateTimers(t *testing.T) {
	const seed = 7
	tests := []struct {
		name string
		bits float64
		late time.Duration // up to
		// stall is one long pause in every second.
		stall time.Duration
	}{
		{"slow", 9600, 5 * time.Millisecond, 0},
		{"1 Mbit/s", 1e6, 2 * time.Millisecond, 0},
		{"odd rate", 12345677, 5 * time.Millisecond, 50 * time.Millisecond},
		{"100 Mbit/s", 100e6, 5 * time.Millisecond, 50 * time.Millisecond},
		{"1 Gbit/s", 1e9, 5 * time.Millisecond, 50 * time.Millisecond},
		{"10 Gbit/s", 10e9, 5 * time.Millisecond, 50 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			rate := congestion.NewFixed(int64(test.bits), gross, 0).PacingRate()
			p := congestion.NewPacer(gross, 1)
			p.SetRate(rate, congestion.FixedBurst)
			start := instant.Time(time.Hour)
			now, sent := start, 0
			// Long enough for the first datagram, which goes at once, not to matter.
			length := max(2*time.Second, time.Duration(2000*gross/float64(rate)*1e9))
			stallAt := start.Add(time.Second)
			for now.Sub(start) < length {
				for budget := p.Budget(now); budget >= gross; budget = p.Budget(now) {
					n := min(budget/gross, p.Quantum())
					p.OnSent(now, n*gross)
					sent += n * gross
				}
				now = p.Next(now, gross).Add(time.Duration(random.Int64N(int64(test.late))))
				if now.After(stallAt) {
					now, stallAt = now.Add(test.stall), stallAt.Add(time.Second)
				}
			}
			// What could be sent now counts: the last pause ends here.
			got := float64(sent+p.Budget(now)) / now.Sub(start).Seconds()
			if math.Abs(got-float64(rate)) > 0.001*float64(rate) {
				t.Errorf("seed %d: sent %.0f bytes per second, want %d within 0.1 %%", seed, got, rate)
			}
		})
	}
}

func TestPacerForgetsLongPauses(t *testing.T) {
	p := congestion.NewPacer(gross, 1)
	p.SetRate(1e6, congestion.AdaptiveBurst)
	now := instant.Time(time.Second)
	p.OnSent(now, p.Budget(now))
	now = now.Add(time.Minute)
	if got, want := p.Budget(now), gross+5000; got != want {
		t.Errorf("budget %d after a minute, want a datagram and 5 ms, %d", got, want)
	}
}

func TestPacerNextIsWhenTheBudgetSuffices(t *testing.T) {
	p := congestion.NewPacer(gross, 2)
	p.SetRate(333333, congestion.AdaptiveBurst)
	now := instant.Time(time.Second)
	for range 100 {
		at := p.Next(now, gross)
		if at.After(now) && p.Budget(at-1) >= gross {
			t.Fatalf("at %v: the budget suffices before %v", now, at)
		}
		if now = at; p.Budget(now) < gross {
			t.Fatalf("budget %d at the time that Next gave, want %d", p.Budget(now), gross)
		}
		p.OnSent(now, gross)
	}
	// More than the bucket holds must not mean never.
	if at := p.Next(now, 1<<30); p.Budget(at) < gross {
		t.Errorf("budget %d when the bucket should be full", p.Budget(at))
	}
}

// What goes out unasked is paid back.
func TestPacerKeepsDebt(t *testing.T) {
	p := congestion.NewPacer(gross, 1)
	p.SetRate(gross*1000, congestion.AdaptiveBurst) // a datagram in each ms
	now := instant.Time(time.Second)
	p.OnSent(now, 11*gross)
	if got := p.Budget(now); got != 0 {
		t.Errorf("budget %d in debt, want 0", got)
	}
	if got, want := p.Next(now, gross).Sub(now), 11*time.Millisecond; got != want {
		t.Errorf("next datagram after %v, want %v", got, want)
	}
}

func TestPacerQuantum(t *testing.T) {
	tests := []struct {
		rate int64
		want int
	}{
		{0, 61}, // unpaced
		{1, 1},
		{1e6, 1},
		{2 * gross * 1000, 2},
		{125e6, 61},
		{1 << 60, 61},
	}
	for _, test := range tests {
		p := congestion.NewPacer(gross, 1)
		p.SetRate(test.rate, congestion.AdaptiveBurst)
		if got := p.Quantum(); got != test.want {
			t.Errorf("at %d bytes per second: train of %d, want %d", test.rate, got, test.want)
		}
	}
}

func TestPacerWithoutRateNeverWaits(t *testing.T) {
	p := congestion.NewPacer(gross, 1)
	now := instant.Time(time.Second)
	p.OnSent(now, 1<<40)
	if got := p.Budget(now); got != math.MaxInt {
		t.Errorf("budget %d, want no limit", got)
	}
	if got := p.Next(now, 1<<30); got != now {
		t.Errorf("next at %v, want now, %v", got, now)
	}
}
