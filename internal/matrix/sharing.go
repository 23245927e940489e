package matrix

import (
	"fmt"
	"math"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

const groupSharing = "Sharing a link: 50 Mbit/s, 50 ms, queue of one BDP where nothing else is said"

// shared is the path of all contests.
var shared = Path{Rate: 50 * mbit, RTT: 50 * ms}

// sharedBy returns that path with a queue of so many BDP.
func sharedBy(queue float64) Path {
	p := shared
	p.Queue = queue
	return p
}

// flows returns contenders of a kind that start a second after each other.
func flows(kind Kind, count int, first time.Duration) (all []Contender) {
	for i := range count {
		all = append(all, Contender{Kind: kind, Start: first + time.Duration(i)*time.Second})
	}
	return all
}

// sharingScenarios are about others on the same bottleneck.
func sharingScenarios() []Scenario {
	all := []Scenario{
		ownFlows(2, 1), ownFlows(4, 1), ownFlows(4, 4), ownFlows(10, 1),
		differentRTT(), lateJoiner(),
	}
	for _, count := range []int{1, 4} {
		for _, queue := range []float64{1, 4} {
			all = append(all, beside(CUBIC, "CUBIC", count, queue))
		}
	}
	for _, queue := range []float64{1, 4} {
		all = append(all, beside(BBR, "BBR", 1, queue))
	}
	for _, others := range []int{1, 4} {
		for _, queue := range []float64{1, 4} {
			all = append(all, instead(others, queue))
		}
	}
	return append(all,
		crowd("8 flows, queue 0.1 BDP", sharedBy(0.1), nil),
		crowd("8 flows, policer of 10 ms", sharedBy(0), police),
		crowd("8 flows, 20M 30ms, queue 0.1 BDP", Path{Rate: 20 * mbit, RTT: 30 * ms, Queue: 0.1}, nil),
		crowd("8 flows, 10M 50ms, queue 0.1 BDP", Path{Rate: 10 * mbit, RTT: 50 * ms, Queue: 0.1}, nil),
	)
}

// count is how long a contest is counted, after how long a start.
const (
	settle = 15 * time.Second
	count  = 60 * time.Second
)

func ownFlows(n int, queue float64) Scenario {
	return Scenario{
		Group: groupSharing, Name: fmt.Sprintf("%d own flows, queue %g BDP", n, queue), What: "a second after each other, 60 s", Seeds: 3,
		Figures: []Figure{
			atLeast("Jain", 0.90, 0.97), reported("use", 3), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{Path: sharedBy(queue), Flows: flows(UFT, n, 0), From: settle, Length: count, Seed: seed}.Run()
			return s.common(s.Jain()), err
		},
	}
}

// common returns values and the figures that all contests report.
func (s Share) common(values ...float64) []float64 {
	if len(s.Bits) == 0 {
		return values
	}
	return append(values, s.Use(), 100*s.Meter.QueueLoss, milliseconds(s.Meter.QueueMean))
}

func differentRTT() Scenario {
	p := shared
	p.RTT = 10 * ms
	p.Queue = 5 // one BDP of 50 ms
	return Scenario{
		Group: groupSharing, Name: "2 own flows, 10 ms and 200 ms", What: "60 s", Seeds: 3,
		Figures: []Figure{
			atLeast("Jain", 0.90, 0.97), atLeast("less than fair", 0.5, 0.8), reported("use", 3), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{
				Path: p, From: settle, Length: count, Seed: seed,
				Flows: []Contender{{}, {Extra: 95 * ms, Start: time.Second}},
			}.Run()
			if err != nil {
				return nil, err
			}
			return s.common(s.Jain(), min(s.Fair(0, 1), s.Fair(1, 2))), nil
		},
	}
}

func lateJoiner() Scenario {
	return Scenario{
		Group: groupSharing, Name: "late joiner, fourth of 4", What: "30 s after the others, from 10 s on, over 30 s", Seeds: 3,
		Figures: []Figure{
			atLeast("joiner of fair", 0.60, 0.80), atLeast("Jain", 0.90, 0.97), reported("use", 3), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			all := append(flows(UFT, 3, 0), Contender{Start: 30 * time.Second})
			s, err := Contest{Path: shared, Flows: all, From: 40 * time.Second, Length: 30 * time.Second, Seed: seed}.Run()
			if err != nil {
				return nil, err
			}
			return s.common(s.Fair(3, 4), s.Jain()), nil
		},
	}
}

// beside has one flow join others of a kind that are there already.
func beside(kind Kind, name string, others int, queue float64) Scenario {
	return Scenario{
		Group: groupSharing, Name: fmt.Sprintf("beside %d %s, queue %g BDP", others, name, queue), What: "uft joins after 5 s; 60 s", Seeds: 3,
		Figures: []Figure{
			atLeast("they keep of fair", 0.50, 0.80), atLeast("uft gets of fair", 0.60, 0.80),
			reported("use", 3), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			all := append(flows(kind, others, 0), Contender{Start: 5 * time.Second})
			s, err := Contest{Path: sharedBy(queue), Flows: all, From: settle, Length: count, Seed: seed}.Run()
			if err != nil {
				return nil, err
			}
			return s.common(s.Fair(0, others), s.Fair(others, others+1)), nil
		},
	}
}

// instead has one more flow of CUBIC join where uft did, to compare with.
func instead(others int, queue float64) Scenario {
	return Scenario{
		Group: groupSharing, Name: fmt.Sprintf("a CUBIC instead of uft, beside %d CUBIC, queue %g BDP", others, queue), What: "to compare with", Seeds: 3,
		Figures: []Figure{
			reported("they keep of fair", 3), reported("uft gets of fair", 3),
			reported("use", 3), reported("own loss %", 2), reported("queue ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			all := append(flows(CUBIC, others, 0), Contender{Kind: CUBIC, Start: 5 * time.Second})
			s, err := Contest{Path: sharedBy(queue), Flows: all, From: settle, Length: count, Seed: seed}.Run()
			if err != nil {
				return nil, err
			}
			return s.common(s.Fair(0, others), s.Fair(others, others+1)), nil
		},
	}
}

// crowd has eight flows where there is hardly a queue: what they lose is their
// own doing.
func crowd(name string, p Path, change func(*sim.Config)) Scenario {
	return Scenario{
		Group: groupSharing, Name: name, What: "no random loss, 60 s", Seeds: 3,
		Figures: []Figure{
			atMost("own loss %", 5, 2), atLeast("Jain", 0.90, math.NaN()), reported("use", 3),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{Path: p, Flows: flows(UFT, 8, 0), From: settle, Length: count, Seed: seed, Change: change}.Run()
			if err != nil {
				return nil, err
			}
			return []float64{100 * s.Meter.QueueLoss, s.Jain(), s.Use()}, nil
		},
	}
}

// police puts a policer with a bucket of 10 ms in the place of the rate, and a
// line behind it that is never the bottleneck.
func police(c *sim.Config) {
	c.Up.Police, c.Up.PoliceBurst = c.Up.Rate, int(c.Up.Rate/8/100)
	c.Up.Rate, c.Up.QueueBytes, c.Up.QueueDelay = 10*c.Up.Rate, 0, 100*ms
}

// codel puts CoDel with its defaults in front of the bottleneck (RFC 8289).
func codel(c *sim.Config) {
	c.Up.CoDel = link.CoDel{Target: 5 * ms, Interval: 100 * ms}
}
