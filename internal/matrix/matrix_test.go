package matrix

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// seed is the one that all tests use, or that of UFT_SEED.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("UFT_SEED")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("UFT_SEED: %v", err)
	}
	return n
}

// guarded are the scenarios that every change has to pass, quick enough for
// that: the lines of the figures named hold, or of all where none is.
// `make sim` runs all scenarios, those that miss a line included.
var guarded = map[string][]string{
	"100M 100ms 1%, -b 97 %":              nil,
	"20M 50ms 20%, first contact":         nil,
	"20M 50ms 20%, known server":          nil,
	"20M 50ms 20%, -b 97 %":               nil,
	"100M 50ms ±10ms 0.1%, first contact": nil,
	"20M 100ms 30%, first contact":        nil,
	"1M 100ms 0%, known server":           nil,
	"10M 40ms 10%, first contact":         nil,

	"1 MiB, 100M 600ms 0%": nil,
	"1 MiB, 20M 600ms 30%": nil,

	"beside 1 CUBIC, queue 1 BDP": nil,
	"beside 1 CUBIC, queue 4 BDP": nil,
	"beside 4 CUBIC, queue 1 BDP": nil,
	"8 flows, queue 0.1 BDP":      nil,
	"8 flows, policer of 10 ms":   nil,

	"background, idle, 50M 50ms, queue 1 BDP":      nil,
	"background, idle, 10M 20ms, queue 4 BDP":      nil,
	"background, idle, 50M 50ms, 1% lost":          nil,
	"background, CUBIC joins, queue 1 BDP":         nil,
	"background, CUBIC was there, queue 1 BDP":     nil,
	"background, default uft joins, queue 1 BDP":   nil,
	"background, default uft joins, queue 0.1 BDP": nil,

	"standing queue, 10M 20ms 0%, queue 4 BDP":  nil,
	"standing queue, 100M 10ms 0%, queue 4 BDP": nil,

	"CoDel, 50M 50ms":            nil,
	"policer of 10 ms, 50M 50ms": nil,

	"bursts of 5, 1%":               {"score", "spurious %"},
	"way back 1:80":                 {"score", "spurious %"},
	"30% lost on the way back only": {"score", "spurious %"},
	"1% reordered":                  {"score", "spurious %"},
	"10% duplicated":                {"score", "spurious %"},

	"blackout of 1s":              nil,
	"blackout of 10s":             nil,
	"blackout of 1m0s":            nil,
	"rate halved, 50M to 25M":     nil,
	"rate doubled, 25M to 50M":    nil,
	"NAT rebinding, client sends": nil,
	"NAT rebinding, server sends": nil,
}

// slow are those of them that take too long under the race detector, which
// has nothing to find in one goroutine.
var slow = []string{
	"beside 1 CUBIC, queue 1 BDP", "beside 1 CUBIC, queue 4 BDP", "beside 4 CUBIC, queue 1 BDP", "CoDel, 50M 50ms",
	"standing queue, 100M 10ms 0%, queue 4 BDP",
	"8 flows, queue 0.1 BDP", "8 flows, policer of 10 ms", "policer of 10 ms, 50M 50ms",
	"background, idle, 50M 50ms, queue 1 BDP", "background, idle, 50M 50ms, 1% lost",
	"background, CUBIC joins, queue 1 BDP", "background, CUBIC was there, queue 1 BDP",
	"background, default uft joins, queue 1 BDP", "background, default uft joins, queue 0.1 BDP",
	"rate doubled, 25M to 50M", "100M 100ms 1%, -b 97 %", "100M 50ms ±10ms 0.1%, first contact",
	"blackout of 1s", "blackout of 1m0s", "NAT rebinding, client sends", "way back 1:80",
}

// TestGuardedLines fails when a line that is held is broken.
func TestGuardedLines(t *testing.T) {
	all := All()
	for name, figures := range guarded {
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			t.Errorf("there is no scenario %q", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if raceEnabled && slices.Contains(slow, name) {
				t.Skip("takes too long under the race detector")
			}
			t.Parallel()
			s := all[i]
			s.Seeds = 1
			o := s.Run(seed(t))
			if o.Err != nil {
				t.Fatalf("%v (UFT_SEED=%d replays this)", o.Err, seed(t))
			}
			for k, f := range s.Figures {
				if figures != nil && !slices.Contains(figures, f.Name) {
					continue
				}
				if o.Verdicts[k] == Missed {
					t.Errorf("%s is %s (UFT_SEED=%d replays this)", f.Name, o.cell(k), seed(t))
				}
			}
			t.Log(o.Median)
		})
	}
}

// TestMatrixIsWhole looks for what a table could not show.
func TestMatrixIsWhole(t *testing.T) {
	names := map[string]bool{}
	for _, s := range All() {
		if names[s.Name] {
			t.Errorf("there are two scenarios %q", s.Name)
		}
		names[s.Name] = true
		if s.Group == "" || s.Seeds < 1 || len(s.Figures) == 0 {
			t.Errorf("%q lacks something: %+v", s.Name, s)
		}
	}
	for _, name := range slow {
		if _, ok := guarded[name]; !ok {
			t.Errorf("%q is not guarded at all", name)
		}
	}
	for name, figures := range guarded {
		for _, f := range figures {
			i := slices.IndexFunc(All(), func(s Scenario) bool { return s.Name == name })
			if i >= 0 && !slices.ContainsFunc(All()[i].Figures, func(g Figure) bool { return g.Name == f }) {
				t.Errorf("%q has no figure %q", name, f)
			}
		}
	}
}

// TestSameSeedSameTable runs a few scenarios twice.
func TestSameSeedSameTable(t *testing.T) {
	table := func(first uint64) string {
		var outcomes []Outcome
		for _, s := range All() {
			switch s.Name {
			case "20M 50ms 20%, first contact", "1 MiB, 20M 600ms 30%", "NAT rebinding, server sends":
				s.Seeds = 1
				outcomes = append(outcomes, s.Run(first))
			}
		}
		return Text(outcomes)
	}
	once, again, other := table(7), table(7), table(8)
	if once != again {
		t.Errorf("the tables of one seed differ:\n%s\n%s", once, again)
	}
	if once == other {
		t.Errorf("another seed gives the same table:\n%s", once)
	}
}

func TestJudge(t *testing.T) {
	more, less := atLeast("more", 0.5, 0.9), atMost("less", 5, 2)
	nothing := reported("nothing", 1)
	for _, test := range []struct {
		figure Figure
		value  float64
		want   Verdict
	}{
		{more, 0.49, Missed},
		{more, 0.5, Reached},
		{more, 0.9, Beyond},
		{more, math.NaN(), Missed},
		{less, 5.1, Missed},
		{less, 5, Reached},
		{less, 2, Beyond},
		{less, math.NaN(), Missed},
		{nothing, 3, Reported},
		{atLeast("no aim", 1, math.NaN()), 7, Reached},
	} {
		if got := test.figure.judge(test.value); got != test.want {
			t.Errorf("%s of %v is %s, want %s", test.figure.Name, test.value, got, test.want)
		}
	}
}

// TestRunTakesMedianAndWorst runs a scenario that is none.
func TestRunTakesMedianAndWorst(t *testing.T) {
	s := Scenario{
		Group: "g", Name: "n", Seeds: 3, Figures: []Figure{atLeast("a", 2, 3), atMost("b", 2, 1)},
		Measure: func(seed uint64) ([]float64, error) { return []float64{float64(seed), float64(seed)}, nil },
	}
	o := s.Run(1)
	if !slices.Equal(o.Median, []float64{2, 2}) || !slices.Equal(o.Worst, []float64{1, 3}) {
		t.Errorf("median %v, worst %v", o.Median, o.Worst)
	}
	if !slices.Equal(o.Verdicts, []Verdict{Reached, Reached}) || o.Missed() != 0 {
		t.Errorf("verdicts %v", o.Verdicts)
	}
	s.Measure = func(seed uint64) ([]float64, error) {
		if seed == 2 {
			return []float64{9, 0}, nil
		}
		return nil, os.ErrDeadlineExceeded
	}
	o = s.Run(1)
	if o.GaveUp != 2 || o.Missed() != 2 || !strings.Contains(Text([]Outcome{o}), "gave up in 2 of 3 runs") {
		t.Errorf("%+v\n%s", o, Text([]Outcome{o}))
	}
	if text := Summary([]Outcome{o}); !strings.Contains(text, "Of 2 lines 2 were missed") || !strings.Contains(text, "- n: a gave up") {
		t.Errorf("summary:\n%s", text)
	}
}
