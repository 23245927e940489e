package recovery

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// spaced has n packets of size bytes arrive gap apart after they were sent
// pause apart, acknowledged after every fourth, and returns the last rates.
func spaced(a *arrivals, n int, gap, pause time.Duration) (rate, dispersion int64) {
	const size = 1000
	for i := range n {
		if i%4 != 3 {
			continue
		}
		rate, dispersion = a.note(arrival{
			number: uint64(i), came: time.Second + time.Duration(i)*gap,
			sentAt: instant.Time(time.Hour + time.Duration(i)*pause), delivered: int64(i+1) * size,
		}, 40*time.Millisecond)
	}
	return rate, dispersion
}

func TestDispersionIsTheRateOfTheBottleneck(t *testing.T) {
	for _, gap := range []time.Duration{20 * time.Microsecond, 100 * time.Microsecond, 10 * time.Millisecond} {
		_, got := spaced(new(arrivals), 32, gap, 0)
		if want := int64(1000 / gap.Seconds()); got < want-1 || got > want+1 {
			t.Errorf("packets %v apart: %d bytes per second, want %d", gap, got, want)
		}
	}
}

func TestNoDispersionWhereNothingIsSpacedOut(t *testing.T) {
	for name, spacing := range map[string][2]time.Duration{
		"as they were sent":     {time.Millisecond, time.Millisecond},
		"slightly stretched":    {1400 * time.Microsecond, time.Millisecond},
		"all at once":           {0, 0},
		"faster than the clock": {2 * time.Microsecond, 0},
	} {
		if _, got := spaced(new(arrivals), 32, spacing[0], spacing[1]); got != 0 {
			t.Errorf("%s: %d bytes per second", name, got)
		}
	}
	if _, got := spaced(new(arrivals), 8, time.Millisecond, 0); got != 0 {
		t.Errorf("%d bytes per second after 8 packets, which are 4 apart", got)
	}
}

func TestArrivalRate(t *testing.T) {
	if got, _ := spaced(new(arrivals), 64, time.Millisecond, time.Millisecond); got != 1_000_000 {
		t.Errorf("%d bytes per second, want 1 MB", got)
	}
	// What the peer says of its clock cannot make the path faster than the
	// packets were sent.
	if got, _ := spaced(new(arrivals), 64, time.Millisecond, 2*time.Millisecond); got != 500_000 {
		t.Errorf("%d bytes per second, though only 500 kB were sent", got)
	}
	if got, _ := spaced(new(arrivals), 64, 10*time.Microsecond, 10*time.Microsecond); got != 0 {
		t.Errorf("%d bytes per second, measured over less than 5 ms", got)
	}
}

func TestArrivalsOutOfOrderAreIgnored(t *testing.T) {
	a := new(arrivals)
	spaced(a, 32, time.Millisecond, 0)
	before := *a
	for _, odd := range []arrival{
		{number: 5, came: 2 * time.Second},
		{number: 31, came: 2 * time.Second},
		{number: 100, came: 10 * time.Millisecond},
	} {
		if rate, dispersion := a.note(odd, time.Millisecond); rate != 0 || dispersion != 0 || *a != before {
			t.Errorf("%+v was taken in: %d, %d", odd, rate, dispersion)
		}
	}
}

// A pause of the sender, and a receiver that is late to look at its clock, leave
// the measurement what it is.
func TestDispersionOfATornTrain(t *testing.T) {
	const size, gap = 1000, 100 * time.Microsecond
	a := new(arrivals)
	var got []int64
	for i := 3; i < 32; i += 4 {
		came, sent := time.Second+time.Duration(i)*gap, time.Duration(0)
		if i > 3 { // all but the first four leave 2 ms later
			came, sent = came+2*time.Millisecond, 2*time.Millisecond
		}
		if i == 19 {
			came += 300 * time.Microsecond
		}
		if _, d := a.note(arrival{
			number: uint64(i), came: came, sentAt: instant.Time(time.Hour + sent), delivered: int64(i+1) * size,
		}, 40*time.Millisecond); d > 0 {
			got = append(got, d)
		}
	}
	if len(got) < 3 || got[len(got)-1] < 9_500_000 || got[len(got)-1] > 10_500_000 {
		t.Errorf("measured %d bytes per second, want 10 MB", got)
	}
}
