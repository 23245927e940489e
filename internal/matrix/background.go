package matrix

import (
	"fmt"
	"math"
	"time"

	"example.com/uft/internal/sim"
)

const groupBackground = "In the background: --mode background, 50 Mbit/s and 50 ms where nothing else is said"

// backgroundScenarios are about a flow that wants to be invisible: it uses what
// others leave, and leaves what others use.
func backgroundScenarios() []Scenario {
	all := []Scenario{
		idle("idle, 50M 50ms, queue 1 BDP", shared, 0.90, nil),
		idle("idle, 50M 50ms, queue 4 BDP", sharedBy(4), 0.90, nil),
		idle("idle, 10M 20ms, queue 4 BDP", Path{Rate: 10 * mbit, RTT: 20 * ms, Queue: 4}, 0.90, nil),
		idle("idle, 100M 10ms, queue 4 BDP", Path{Rate: 100 * mbit, RTT: 10 * ms, Queue: 4}, 0.90, nil),
		idle("idle, 20M 200ms, queue 1 BDP", Path{Rate: 20 * mbit, RTT: 200 * ms}, 0.80, nil),
		idle("idle, 50M 50ms ±10 ms jitter", Path{Rate: 50 * mbit, RTT: 50 * ms, Jitter: 10 * ms}, 0.80, nil),
		idle("idle, 50M 50ms, 1% lost", Path{Rate: 50 * mbit, RTT: 50 * ms, Loss: 0.01}, 0.80, nil),
		idle("idle, 50M 50ms, 5% lost", Path{Rate: 50 * mbit, RTT: 50 * ms, Loss: 0.05}, 0.80, nil),
		idle("idle, queue 0.1 BDP", sharedBy(0.1), math.NaN(), nil),
		idle("idle, policer of 10 ms", shared, math.NaN(), police),
	}
	for _, other := range []struct {
		kind Kind
		name string
	}{{CUBIC, "CUBIC"}, {UFT, "default uft"}, {BBR, "BBR"}} {
		for _, queue := range []float64{0.1, 1, 4} {
			first, second := Contender{Kind: Background}, Contender{Kind: other.kind, Start: 5 * time.Second}
			all = append(all, behind(other.name, "joins", sharedBy(queue), settle, first, second))
		}
		first, second := Contender{Kind: Background, Start: 5 * time.Second}, Contender{Kind: other.kind}
		all = append(all, behind(other.name, "was there", sharedBy(1), settle, first, second))
	}
	return append(all, behindDefault(5, 30), behindDefault(20, 20), behindDefault(20, 600), twoInBackground())
}

// behindDefault has the default, which keeps queues short itself, share a path of
// so many Mbit/s and milliseconds with a background flow.
func behindDefault(rate int64, rtt time.Duration) Scenario {
	p := Path{Rate: rate * mbit, RTT: rtt * ms}
	s := behind("default uft", "joins", p, 30*time.Second, Contender{Kind: Background}, Contender{Start: 10 * time.Second})
	s.Name = fmt.Sprintf("background, default uft joins, %dM %v", rate, p.RTT)
	return s
}

// idle is a background flow that has the path for itself.
func idle(name string, p Path, line float64, change func(*sim.Config)) Scenario {
	return Scenario{
		Group: groupBackground, Name: "background, " + name, What: "from 15 s on, over 60 s", Seeds: 3,
		Figures: []Figure{
			atLeast("of the limit", line, math.NaN()), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{
				Path: p, Flows: []Contender{{Kind: Background}}, From: settle, Length: count, Seed: seed, Change: change,
			}.Run()
			if err != nil {
				return nil, err
			}
			return []float64{s.Use() / (1 - p.Loss), 100 * s.Meter.QueueLoss, milliseconds(s.Meter.QueueMean)}, nil
		},
	}
}

// behind has a background flow, the first of the two, and another one share the
// path.
func behind(name, how string, p Path, from time.Duration, both ...Contender) Scenario {
	return Scenario{
		Group: groupBackground, Name: fmt.Sprintf("background, %s %s, queue %g BDP", name, how, p.Queue),
		What: "the second some seconds later; 60 s", Seeds: 3,
		Figures: []Figure{
			atMost("background gets % of the link", 20, 10), atLeast("the other gets of the link", 0.70, 0.85),
			reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{Path: p, From: from, Length: count, Seed: seed, Flows: both}.Run()
			if err != nil {
				return nil, err
			}
			rate := float64(p.Rate)
			return []float64{
				100 * s.Bits[0] / rate, s.Bits[1] / rate, 100 * s.Meter.QueueLoss, milliseconds(s.Meter.QueueMean),
			}, nil
		},
	}
}

// twoInBackground are modest to the same degree.
func twoInBackground() Scenario {
	return Scenario{
		Group: groupBackground, Name: "2 background flows, queue 1 BDP", What: "a second after each other, 60 s", Seeds: 3,
		Figures: []Figure{
			atLeast("Jain", 0.80, 0.95), atLeast("use", 0.80, 0.90), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{Path: shared, Flows: flows(Background, 2, 0), From: settle, Length: count, Seed: seed}.Run()
			return s.common(s.Jain()), err
		},
	}
}
