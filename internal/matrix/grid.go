package matrix

import (
	"fmt"
	"time"

	"example.com/uft/internal/rate"
)

const groupGrid = "Every rate, round trip and loss: score of a first contact; a file of 10 s, at most 256 MiB"

// The axes of the grid. The rates above are left to the wire: a simulated
// second of 10 Gbit/s takes longer than a real one.
var (
	gridRates  = []int64{mbit, 10 * mbit, 100 * mbit, gbit}
	gridRTTs   = []time.Duration{100 * time.Microsecond, 10 * ms, 50 * ms, 200 * ms, 600 * ms}
	gridLosses = []float64{0, 0.001, 0.01, 0.05, 0.10, 0.20, 0.30}
)

const (
	gridSeconds = 10
	gridMaxSize = 256 * mebibyte
)

// gridScenarios are one for each rate and round trip, with a figure for each
// loss.
func gridScenarios() (all []Scenario) {
	for _, bits := range gridRates {
		for _, rtt := range gridRTTs {
			s := Scenario{Group: groupGrid, Name: fmt.Sprintf("%s, %v", rate.Format(bits), rtt), Seeds: 1}
			for _, loss := range gridLosses {
				f := scoreFigure(Path{Loss: loss}, First)
				f.Name = fmt.Sprintf("%g %%", 100*loss)
				s.Figures = append(s.Figures, f)
			}
			s.Measure = func(seed uint64) (scores []float64, err error) {
				for _, loss := range gridLosses {
					p := Path{Rate: bits, RTT: rtt, Loss: loss}
					r := Transfer{Path: p, Size: min(gridMaxSize, uint64(gridSeconds*p.Goodput())), Seed: seed}.Run()
					if r.Err != nil {
						return nil, fmt.Errorf("at %g %% loss: %w", 100*loss, r.Err)
					}
					scores = append(scores, r.Score())
				}
				return scores, nil
			}
			all = append(all, s)
		}
	}
	return all
}
