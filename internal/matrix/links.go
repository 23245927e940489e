package matrix

import (
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

// A Link is a path with the file that is moved over it.
type Link struct {
	Name string
	Path Path
	Size uint64 // bytes
}

const (
	mebibyte = 1 << 20
	mbit     = 1_000_000
	gbit     = 1_000_000_000
	ms       = time.Millisecond
)

// Table are the links on which the peers were measured, and the one with 30 %
// loss. Each way loses the share named, and the queue holds one
// bandwidth-delay product.
var Table = []Link{
	{"100M 100ms 1%", Path{Rate: 100 * mbit, RTT: 100 * ms, Loss: 0.01}, 32 * mebibyte},
	{"100M 200ms 5%", Path{Rate: 100 * mbit, RTT: 200 * ms, Loss: 0.05}, 16 * mebibyte},
	{"50M 600ms 2%", Path{Rate: 50 * mbit, RTT: 600 * ms, Loss: 0.02}, 16 * mebibyte},
	{"20M 50ms 20%", Path{Rate: 20 * mbit, RTT: 50 * ms, Loss: 0.20}, 4 * mebibyte},
	{"1G 20ms 0.1%", Path{Rate: gbit, RTT: 20 * ms, Loss: 0.001}, 256 * mebibyte},
	{"100M 50ms ±10ms 0.1%", Path{Rate: 100 * mbit, RTT: 50 * ms, Jitter: 10 * ms, Loss: 0.001}, 32 * mebibyte},
	{"20M 100ms 30%", Path{Rate: 20 * mbit, RTT: 100 * ms, Loss: 0.30}, 8 * mebibyte},
}

// Others are links that are not in that table: nothing may be tuned to it.
var Others = []Link{
	{"1M 100ms 0%", Path{Rate: mbit, RTT: 100 * ms}, mebibyte},
	{"10M 10ms 0%", Path{Rate: 10 * mbit, RTT: 10 * ms}, 8 * mebibyte},
	{"10M 40ms 10%", Path{Rate: 10 * mbit, RTT: 40 * ms, Loss: 0.10}, 8 * mebibyte},
	{"50M 30ms 3%, queue 0.25 BDP", Path{Rate: 50 * mbit, RTT: 30 * ms, Loss: 0.03, Queue: 0.25}, 32 * mebibyte},
	{"100M 20ms 0%, queue 0.1 BDP", Path{Rate: 100 * mbit, RTT: 20 * ms, Queue: 0.1}, 64 * mebibyte},
	{"100M 50ms 0%, queue 4 BDP", Path{Rate: 100 * mbit, RTT: 50 * ms, Queue: 4}, 64 * mebibyte},
	{"300M 150ms 0.5%", Path{Rate: 300 * mbit, RTT: 150 * ms, Loss: 0.005}, 128 * mebibyte},
	{"500M 5ms 0%", Path{Rate: 500 * mbit, RTT: 5 * ms}, 128 * mebibyte},
	{"1G 100ms 1%", Path{Rate: gbit, RTT: 100 * ms, Loss: 0.01}, 256 * mebibyte},
	{"10M 600ms 0%", Path{Rate: 10 * mbit, RTT: 600 * ms}, 8 * mebibyte},
}

// scoreLines are what the score of each mode has to reach, and what to go for.
var scoreLines = [...][2]float64{First: {0.75, 0.85}, Known: {0.85, 0.93}, Fixed: {0.88, 0.94}}

// heavyLines are those of a first contact where 30 % are lost.
var heavyLines = [2]float64{0.60, 0.80}

// heavyLoss is the loss from which on heavyLines count. Of the other modes
// nothing is asked there.
const heavyLoss = 0.30

// scoreFigure returns the line for a path.
func scoreFigure(p Path, mode Mode) Figure {
	lines := scoreLines[mode]
	switch {
	case p.Loss >= heavyLoss && mode == First:
		lines = heavyLines
	case p.Loss >= heavyLoss:
		return reported("score", 3)
	}
	return atLeast("score", lines[0], lines[1])
}

// Groups of links.
const (
	groupTable  = "The links of the comparison"
	groupOthers = "Other links"
)

// linkScenarios measures every link in every mode.
func linkScenarios() (all []Scenario) {
	for _, group := range []struct {
		name  string
		links []Link
	}{{groupTable, Table}, {groupOthers, Others}} {
		for _, l := range group.links {
			for _, mode := range Modes {
				all = append(all, l.scenario(group.name, mode, nil))
			}
		}
	}
	return all
}

func (l Link) scenario(group string, mode Mode, change func(*sim.Config)) Scenario {
	return Scenario{
		Group: group, Name: l.Name + ", " + mode.String(), Seeds: 5,
		Figures: []Figure{
			scoreFigure(l.Path, mode), reported("took s", 2), reported("sent ×", 3), reported("own loss %", 2),
			reported("queue ms", 1), reported("queue p95 ms", 1), reported("start-up RTT", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{Path: l.Path, Size: l.Size, Mode: mode, Seed: seed, Change: change}.Run()
			return []float64{
				r.Score(), r.Took.Seconds(), r.DataSent, 100 * r.Meter.QueueLoss,
				milliseconds(r.Meter.QueueMean), milliseconds(r.Meter.QueueP95),
				r.Meter.StartUp.Seconds() / l.Path.RTT.Seconds(),
			}, r.Err
		},
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// redundancy returns how many file bytes were sent beyond what the loss of the
// path makes necessary, p ÷ (1 − p) of them, in per cent of the file.
func redundancy(r Result, loss float64) float64 {
	return 100 * (r.DataSent - 1/(1-loss))
}

// spurious returns the share of packets that were taken for lost and came.
func spurious(s core.Stats) float64 {
	return 100 * float64(s.PacketsSpurious) / float64(max(s.PacketsSent, 1))
}
