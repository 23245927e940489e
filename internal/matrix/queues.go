package matrix

import (
	"fmt"
	"math"
	"time"

	"example.com/uft/internal/sim"
)

const groupQueues = "Queues: one flow, from 5 s on, over 30 s"

// queueScenarios are about what one flow does to the queue.
func queueScenarios() (all []Scenario) {
	for _, p := range []Path{
		{Rate: 10 * mbit, RTT: 20 * ms},
		{Rate: 50 * mbit, RTT: 50 * ms},
		{Rate: 100 * mbit, RTT: 10 * ms},
		{Rate: 20 * mbit, RTT: 200 * ms},
		{Rate: 50 * mbit, RTT: 50 * ms, Loss: 0.02},
	} {
		p.Queue = 4
		name := fmt.Sprintf("standing queue, %dM %v %g%%, queue 4 BDP", p.Rate/mbit, p.RTT, 100*p.Loss)
		all = append(all, alone(name, p, nil, atMost("queue ÷ RTT", 0.25, 0.10)))
	}
	return append(all,
		alone("CoDel, 50M 50ms", shared, codel, reported("queue ÷ RTT", 3)),
		alone("policer of 10 ms, 50M 50ms", shared, police, reported("queue ÷ RTT", 3)),
		alone("queue 0.1 BDP, 50M 50ms", sharedBy(0.1), nil, reported("queue ÷ RTT", 3)),
		alone("queue 0.05 BDP, 50M 50ms", sharedBy(0.05), nil, reported("queue ÷ RTT", 3)),
		alone("queue 20 BDP, 50M 50ms", sharedBy(20), nil, atMost("queue ÷ RTT", 0.25, 0.10)),
	)
}

func alone(name string, p Path, change func(*sim.Config), queue Figure) Scenario {
	queue.Digits = 3
	return Scenario{
		Group: groupQueues, Name: name, Seeds: 3,
		Figures: []Figure{
			queue, reported("p95 ÷ RTT", 3), atLeast("of the limit", 0.90, 0.95), atMost("own loss %", 5, 2),
		},
		Measure: func(seed uint64) ([]float64, error) {
			s, err := Contest{Path: p, Flows: []Contender{{}}, From: 5 * time.Second, Length: 30 * time.Second, Seed: seed, Change: change}.Run()
			if err != nil {
				return nil, err
			}
			rtt := p.RTT.Seconds()
			return []float64{
				s.Meter.QueueMean.Seconds() / rtt, s.Meter.QueueP95.Seconds() / rtt,
				s.Use() / (1 - p.Loss), 100 * s.Meter.QueueLoss,
			}, nil
		},
	}
}

const groupPath = "What the path does to packets"

// pathScenarios are about loss in bursts, order, copies, damage and the way
// back, on 50 Mbit/s and 50 ms with 16 MiB.
func pathScenarios() []Scenario {
	burst := func(loss, length float64) func(*sim.Config) {
		return func(c *sim.Config) {
			c.Up.Loss, c.Up.Burst = loss, length
			c.Down.Loss, c.Down.Burst = loss, length
		}
	}
	return []Scenario{
		impaired("bursts of 5, 1%", 0.01, 3, burst(0.01, 5)),
		impaired("bursts of 20, 1%", 0.01, 3, burst(0.01, 20)),
		impaired("bursts of 20, 10%", 0.10, 3, burst(0.10, 20)),
		impaired("bursts of 100, 10%", 0.10, 3, burst(0.10, 100)),
		impaired("way back 1:80", 0, math.NaN(), func(c *sim.Config) {
			c.Down.Rate /= 80
			c.Down.QueueBytes = max(c.Down.QueueBytes/80, 2*1500)
		}),
		impaired("30% lost on the way back only", 0, math.NaN(), func(c *sim.Config) { c.Down.Loss = 0.30 }),
		impaired("1% reordered", 0, 1, func(c *sim.Config) { c.Up.Reorder, c.Down.Reorder = 0.01, 0.01 }),
		impaired("10% reordered", 0, 1, func(c *sim.Config) { c.Up.Reorder, c.Down.Reorder = 0.10, 0.10 }),
		impaired("jitter ±10 ms", 0, 1, func(c *sim.Config) { c.Up.Jitter, c.Down.Jitter = 10*ms, 10*ms }),
		impaired("10% duplicated", 0, 1, func(c *sim.Config) { c.Up.Duplicate, c.Down.Duplicate = 0.10, 0.10 }),
		impaired("1% damaged", 0.01, 3, func(c *sim.Config) { c.Up.Corrupt, c.Down.Corrupt = 0.01, 0.01 }),
	}
}

// impaired moves 16 MiB over the shared path. The loss is what it loses towards
// the server; sent in vain may be so much (NaN: reported).
func impaired(name string, loss, vain float64, change func(*sim.Config)) Scenario {
	p := shared
	p.Loss = loss
	return Scenario{
		Group: groupPath, Name: name, Seeds: 5,
		Figures: []Figure{
			atLeast("score", 0.75, 0.85), atMost("spurious %", 1, 0.1), atMost("redundant %", vain, math.NaN()), reported("own loss %", 2),
		},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{Path: p, Size: 16 * mebibyte, Seed: seed, Change: func(c *sim.Config) {
				c.Up.Loss, c.Down.Loss = 0, 0
				change(c)
			}}.Run()
			return []float64{r.Score(), spurious(r.Stats), redundancy(r, loss), 100 * r.Meter.QueueLoss}, r.Err
		},
	}
}
