package matrix

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

const groupChanges = "Paths that change under a transfer"

// changeScenarios are about what happens to the path on the way.
func changeScenarios() []Scenario {
	all := []Scenario{blackout(time.Second), blackout(10 * time.Second), blackout(60 * time.Second)}
	return append(all,
		rateStep("rate halved, 50M to 25M", 50, 25),
		rateStep("rate doubled, 25M to 50M", 25, 50),
		rateStep("rate to a tenth, 50M to 5M", 50, 5),
		rttStep("RTT 50 ms to 150 ms", 0),
		rttStep("RTT 50 ms to 150 ms and back, every 6 s", 6*time.Second),
		rebinding(false), rebinding(true),
	)
}

// both has a network follow steps in either direction.
func both(c *sim.Config, s link.Scenario) { c.UpSteps, c.DownSteps = s, s }

// blackout begins three seconds into a transfer that needs nine.
func blackout(length time.Duration) Scenario {
	const start = 3 * time.Second
	p := Path{Rate: 20 * mbit, RTT: 50 * ms}
	return Scenario{
		Group: groupChanges, Name: fmt.Sprintf("blackout of %v", length), What: "20M 50ms; after its end", Seeds: 5,
		Figures: []Figure{
			atMost("goes on after s", 2, 1), reported("80 % of the rate after s", 2), reported("took s", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			w := watch{over: start + length, rate: p.Goodput()}
			r := Transfer{
				Path: p, Size: 20 * mebibyte, Seed: seed, Watch: w.begin,
				Change: func(c *sim.Config) {
					black := []link.Blackout{{Start: start, Length: length}}
					c.Up.Blackouts, c.Down.Blackouts = black, black
				},
			}.Run()
			return []float64{w.resumed.Seconds(), w.recovered.Seconds(), r.Took.Seconds()}, r.Err
		},
	}
}

// A watch looks at what arrives at the server every ten milliseconds.
type watch struct {
	over time.Duration // when the interruption is over, after the beginning of the transfer
	rate float64       // bytes per second that the path can deliver

	resumed   time.Duration // from then until the first new byte
	recovered time.Duration // and until 80 % of the rate over half a second
	stall     time.Duration // the longest time without a new byte

	client   *sim.Peer
	begun    instant.Time
	last     uint64
	lastAt   instant.Time
	atOver   uint64
	history  []uint64
	download bool
}

const (
	watchStep   = 10 * time.Millisecond
	watchWindow = 50 // steps
)

func (w *watch) begin(n *sim.Network, client *sim.Peer) {
	w.client, w.begun, w.lastAt = client, n.Now(), n.Now()
	w.look(n)
}

func (w *watch) look(n *sim.Network) {
	receiver := w.client.Other
	if w.download {
		receiver = w.client
	}
	var received uint64
	if receiver != nil {
		received, _ = receiver.Received(0)
	}
	since := n.Now().Sub(w.begun) - w.over
	if since <= 0 {
		w.atOver = received
	}
	if received != w.last {
		// Before the first byte there is the handshake, not a stall.
		if w.last > 0 {
			w.stall = max(w.stall, n.Now().Sub(w.lastAt))
		}
		w.last, w.lastAt = received, n.Now()
	}
	if since > 0 && w.resumed == 0 && received > w.atOver {
		w.resumed = since
	}
	w.history = append(w.history, received)
	if k := len(w.history) - 1 - watchWindow; k >= 0 && since > 0 && w.recovered == 0 {
		if float64(received-w.history[k]) >= startUpShare*w.rate*(watchWindow*watchStep).Seconds() {
			w.recovered = since
		}
	}
	n.Beside(n.Now().Add(watchStep), func() { w.look(n) })
}

// rateStep changes the rate after four seconds, in both directions.
func rateStep(name string, from, to float64) Scenario {
	const at, seconds = 4 * time.Second, 12
	p := Path{Rate: int64(from * mbit), RTT: 50 * ms}
	after := p
	after.Rate = int64(to * mbit)
	size := uint64(at.Seconds()*p.Goodput() + (seconds-at.Seconds())*after.Goodput())
	return Scenario{
		Group: groupChanges, Name: name, What: "after 4 s of 12; 50 ms", Seeds: 5,
		Figures: []Figure{
			atLeast("score", 0.75, 0.85), reported("own loss %", 2), reported("queue p95 ms", 1),
		},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{Path: p, Size: size, Seed: seed, Change: func(c *sim.Config) {
				both(c, link.Scenario{Steps: []link.Step{{At: at, Change: fmt.Sprintf("rate=%gM", to)}}})
			}}.Run()
			r.Ideal = 2*p.RTT + seconds*time.Second
			return []float64{r.Score(), 100 * r.Meter.QueueLoss, milliseconds(r.Meter.QueueP95)}, r.Err
		},
	}
}

// rttSteps make the round trip of the shared path longer after three seconds,
// and short again with every repetition.
func rttSteps(repeat time.Duration) link.Scenario {
	return link.Scenario{
		Steps:  []link.Step{{At: 0, Change: "delay=25ms"}, {At: 3 * time.Second, Change: "delay=75ms"}},
		Repeat: repeat,
	}
}

// rttStep does that to a transfer of ten seconds.
func rttStep(name string, repeat time.Duration) Scenario {
	return Scenario{
		Group: groupChanges, Name: name, What: "50M, 10 s", Seeds: 5,
		Figures: []Figure{
			atLeast("score", 0.75, 0.85), atMost("spurious %", 5, 1), reported("own loss %", 2),
		},
		Measure: func(seed uint64) ([]float64, error) {
			r := Transfer{
				Path: shared, Size: uint64(10 * shared.Goodput()), Seed: seed,
				Change: func(c *sim.Config) { both(c, rttSteps(repeat)) },
			}.Run()
			return []float64{r.Score(), spurious(r.Stats), 100 * r.Meter.QueueLoss}, r.Err
		},
	}
}

// rebinding gives the client another address three seconds into the transfer,
// as a NAT does that has forgotten it, or a client that moves.
func rebinding(download bool) Scenario {
	p := Path{Rate: 20 * mbit, RTT: 50 * ms, Loss: 0.01}
	name := "NAT rebinding, client sends"
	if download {
		name = "NAT rebinding, server sends"
	}
	return Scenario{
		Group: groupChanges, Name: name, What: "20M 50ms 1%, the client's address changes", Seeds: 5,
		Figures: []Figure{
			atMost("longest stall s", 2, 1), atLeast("score", 0.70, math.NaN()),
		},
		Measure: func(seed uint64) ([]float64, error) {
			w := watch{download: download, rate: p.Goodput()}
			t := Transfer{Path: p, Size: 16 * mebibyte, Seed: seed, Download: download, Watch: func(n *sim.Network, client *sim.Peer) {
				w.begin(n, client)
				n.At(n.Now().Add(3*time.Second), func() { client.Rebind(movedTo) })
			}}
			r := t.Run()
			return []float64{w.stall.Seconds(), r.Score()}, r.Err
		},
	}
}

// movedTo is where a client is found after it has moved.
var movedTo = netip.MustParseAddrPort("203.0.113.7:50000")
