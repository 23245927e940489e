package matrix

import (
	"math"
	"slices"
)

// A Figure is a number that a scenario measures, with the line it has to pass.
type Figure struct {
	Name   string // with its unit
	Digits int    // after the decimal point
	// AtLeast says that more is better; else the number has to be at most the
	// line.
	AtLeast bool
	Line    float64 // NaN: only reported
	Aim     float64 // what to go for beyond the line; NaN: nothing
}

// Verdict is what became of a figure.
type Verdict string

// The verdicts.
const (
	Reported Verdict = "–"      // there is no line
	Missed   Verdict = "MISSED" // the line was not reached
	Reached  Verdict = "reached"
	Beyond   Verdict = "beyond" // what to go for was reached too
)

// judge compares a value with the lines. A value that is not a number is that
// of a run that gave up.
func (f Figure) judge(value float64) Verdict {
	passes := func(line float64) bool {
		return f.AtLeast && value >= line || !f.AtLeast && value <= line
	}
	switch {
	case math.IsNaN(f.Line):
		return Reported
	case !passes(f.Line):
		return Missed
	case !math.IsNaN(f.Aim) && passes(f.Aim):
		return Beyond
	}
	return Reached
}

// atLeast is a figure of which more is better.
func atLeast(name string, line, aim float64) Figure {
	return Figure{Name: name, Digits: 3, AtLeast: true, Line: line, Aim: aim}
}

// atMost is a figure of which less is better.
func atMost(name string, line, aim float64) Figure {
	return Figure{Name: name, Digits: 2, Line: line, Aim: aim}
}

// reported is a figure without a line.
func reported(name string, digits int) Figure {
	return Figure{Name: name, Digits: digits, Line: math.NaN(), Aim: math.NaN()}
}

// A Scenario is one cell of the matrix.
type Scenario struct {
	Group string
	Name  string // unique
	What  string // what happens, in words
	// Seeds is how many runs there are; the median of each figure counts.
	Seeds   int
	Figures []Figure
	// Measure runs it once and returns one value per figure.
	Measure func(seed uint64) ([]float64, error)
}

// An Outcome is what the runs of a scenario came to.
type Outcome struct {
	Scenario Scenario
	Median   []float64
	Worst    []float64
	Verdicts []Verdict
	GaveUp   int   // runs that did not end
	Err      error // of the last of them
}

// Run measures the scenario with the seeds from first on.
func (s Scenario) Run(first uint64) Outcome {
	o := Outcome{Scenario: s}
	values := make([][]float64, len(s.Figures))
	for i := range s.Seeds {
		measured, err := s.Measure(first + uint64(i))
		if err != nil {
			o.GaveUp++
			o.Err = err
		}
		for k := range s.Figures {
			v := math.NaN()
			if err == nil {
				v = measured[k]
			}
			values[k] = append(values[k], v)
		}
	}
	for k, f := range s.Figures {
		slices.SortFunc(values[k], f.better)
		median := values[k][len(values[k])/2]
		o.Median = append(o.Median, median)
		o.Worst = append(o.Worst, values[k][len(values[k])-1])
		o.Verdicts = append(o.Verdicts, f.judge(median))
	}
	return o
}

// better orders values from the best to the worst; runs that gave up are last.
func (f Figure) better(a, b float64) int {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		if math.IsNaN(a) == math.IsNaN(b) {
			return 0
		} else if math.IsNaN(a) {
			return 1
		}
		return -1
	case a == b:
		return 0
	case a > b == f.AtLeast:
		return -1
	}
	return 1
}

// Missed returns how many figures missed their line.
func (o Outcome) Missed() (n int) {
	for _, v := range o.Verdicts {
		if v == Missed {
			n++
		}
	}
	return n
}
