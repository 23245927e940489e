package matrix

import (
	"math"
	"time"
)

const groupFiles = "Long and short files"

// fileScenarios ask what the score of a medium file hides: what a long one
// reaches, what it costs, and how many round trips a short one takes.
func fileScenarios() []Scenario {
	all := []Scenario{
		longFile("long, 100M 20ms 0%", Path{Rate: 100 * mbit, RTT: 20 * ms}, 0.95),
		longFile("long, 20M 100ms 1%", Path{Rate: 20 * mbit, RTT: 100 * ms, Loss: 0.01}, 0.95),
		longFile("long, 100M 50ms 5%", Path{Rate: 100 * mbit, RTT: 50 * ms, Loss: 0.05}, 0.95),
		longFile("long, 100M 200ms 5%", Path{Rate: 100 * mbit, RTT: 200 * ms, Loss: 0.05}, 0.95),
		longFile("long, 20M 100ms 30%", Path{Rate: 20 * mbit, RTT: 100 * ms, Loss: 0.30}, 0.90),
		steady("steady, 50M 600ms 0%", Path{Rate: 50 * mbit, RTT: 600 * ms}),
		steady("steady, 50M 600ms 2%", Path{Rate: 50 * mbit, RTT: 600 * ms, Loss: 0.02}),
	}
	return append(all,
		tinyFile("10 KiB, 100M 100ms 0%", 0, First),
		tinyFile("10 KiB, 100M 100ms 0%, known server", 0, Known),
		tinyFile("10 KiB, 100M 100ms 10%", 0.10, First),
		tinyFile("10 KiB, 100M 100ms 10%, known server", 0.10, Known),
		shortFile("1 MiB, 20M 600ms 30%", 20*mbit, 0.30, First, true, 3, 2),
		shortFile("1 MiB, 20M 600ms 30%, known server", 20*mbit, 0.30, Known, false, 4, math.NaN()),
		shortFile("1 MiB, 100M 600ms 0%", 100*mbit, 0, First, false, 7, math.NaN()),
		shortFile("1 MiB, 100M 600ms 0%, known server", 100*mbit, 0, Known, false, 2.5, math.NaN()),
	)
}

// longFile moves what the path carries in twelve seconds.
func longFile(name string, p Path, line float64) Scenario {
	const seconds = 12
	return Scenario{
		Group: groupFiles, Name: name, What: "a file of 12 s, score", Seeds: 3,
		Figures: []Figure{
			atLeast("score", line, math.NaN()),
			atMost("redundant %", 1, math.NaN()),
		},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{Path: p, Size: uint64(seconds * p.Goodput()), Seed: seed}.Run()
			return []float64{r.Score(), redundancy(r, p.Loss)}, r.Err
		},
	}
}

// steady looks at a transfer that is long past its start-up.
func steady(name string, p Path) Scenario {
	return Scenario{
		Group: groupFiles, Name: name, What: "from 15 s on, over 30 s", Seeds: 3,
		Figures: []Figure{
			atLeast("of the limit", 0.90, math.NaN()),
			reported("queue ÷ RTT", 3),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{Path: p, Flows: []Contender{{}}, From: 15 * time.Second, Length: 30 * time.Second, Seed: seed}.Run()
			if err != nil {
				return nil, err
			}
			return []float64{s.Use() / (1 - p.Loss), s.Meter.QueueMean.Seconds() / p.RTT.Seconds()}, nil
		},
	}
}

// shortFile counts the round trips of a mebibyte over 600 ms, all of them or
// those beyond the ideal. It is cheap, and loss makes it a matter of luck, so
// there are many runs.
func shortFile(name string, bits int64, loss float64, mode Mode, beyond bool, line, aim float64) Scenario {
	p := Path{Rate: bits, RTT: 600 * ms, Loss: loss}
	f := atMost("RTT", line, aim)
	if beyond {
		f.Name = "RTT over ideal"
	}
	return Scenario{
		Group: groupFiles, Name: name, What: "round trips", Seeds: 21, Figures: []Figure{f},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{Path: p, Size: mebibyte, Mode: mode, Seed: seed}.Run()
			if beyond {
				r.Took -= r.Ideal
			}
			return []float64{r.Took.Seconds() / p.RTT.Seconds()}, r.Err
		},
	}
}

// tinyFile counts the round trips of a few packets.
func tinyFile(name string, loss float64, mode Mode) Scenario {
	p := Path{Rate: 100 * mbit, RTT: 100 * ms, Loss: loss}
	return Scenario{
		Group: groupFiles, Name: name, What: "round trips", Seeds: 21, Figures: []Figure{reported("RTT", 2)},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{Path: p, Size: 10 << 10, Mode: mode, Seed: seed}.Run()
			return []float64{r.Took.Seconds() / p.RTT.Seconds()}, r.Err
		},
	}
}
