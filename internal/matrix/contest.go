package matrix

import (
	"fmt"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/rival"
	"example.com/uft/internal/sim"
)

// A Kind is who sends a flow.
type Kind int

// The kinds of flows that share a link.
const (
	UFT Kind = iota
	CUBIC
	BBR
	Background // uft with --mode background
)

// A Contender is one endless flow of a contest.
type Contender struct {
	Kind  Kind
	Start time.Duration // after the beginning of the contest
	Extra time.Duration // each way, on top of the path
}

// A Contest has flows share the link towards the server. What each gets is
// counted from From until From + Length.
type Contest struct {
	Path         Path
	Flows        []Contender
	From, Length time.Duration
	Seed         uint64
	Change       func(*sim.Config) // nil: nothing
}

// endless is a file that no contest reaches the end of, in bytes.
const endless = 1 << 40

// A Share is what the flows of a contest got.
type Share struct {
	Bits  []float64 // per second, of IP packets that arrived, in the order of the flows
	Meter Meter     // over the counted time
	Path  Path
}

// flow is a contender in action.
type flow struct {
	arrived func() uint64 // bytes of IP packets
	err     func() error
}

// Run lets the flows compete.
func (c Contest) Run() (Share, error) {
	cfg := sim.Config{
		Seed: c.Seed, Up: c.Path.Link(), Down: c.Path.Link(), NoTranscript: true, Server: credit,
		Client: func(c *core.Config) { c.HandshakeTimeout = time.Minute },
	}
	if c.Change != nil {
		c.Change(&cfg)
	}
	n, meter := newNetwork(cfg)
	flows := make([]*flow, len(c.Flows))
	for i, contender := range c.Flows {
		n.At(n.Now().Add(contender.Start), func() { flows[i] = contender.start(n, i) })
	}
	if err := n.Sleep(c.From); err != nil {
		return Share{}, err
	}
	meter.begin(nil, c.Path)
	before := make([]uint64, len(flows))
	for i, f := range flows {
		if f != nil {
			before[i] = f.arrived()
		}
	}
	if err := n.Sleep(c.Length); err != nil {
		return Share{}, err
	}
	s := Share{Meter: meter.end(), Path: c.Path}
	for i, f := range flows {
		if err := f.err(); err != nil {
			return Share{}, fmt.Errorf("flow %d: %w", i+1, err)
		}
		s.Bits = append(s.Bits, float64(f.arrived()-before[i])*8/c.Length.Seconds())
	}
	return s, nil
}

// start begins the flow of a contender.
func (c Contender) start(n *sim.Network, index int) *flow {
	var r *rival.Flow
	switch c.Kind {
	case CUBIC:
		r = rival.Start(n, rival.NewCubic(), c.Extra)
	case BBR:
		r = rival.Start(n, rival.NewBBR(index), c.Extra)
	default:
		return startUFT(n, c)
	}
	return &flow{arrived: r.Arrived, err: func() error { return nil }}
}

func startUFT(n *sim.Network, c Contender) *flow {
	client, err := n.Dial(sim.DialOptions{ExtraDelay: c.Extra})
	if err == nil {
		if c.Kind == Background {
			client.Conn.SetBackground(n.Now(), true)
		}
		_, err = client.SendFile(endless)
	}
	if err != nil {
		return &flow{arrived: func() uint64 { return 0 }, err: func() error { return err }}
	}
	return &flow{
		arrived: func() uint64 {
			if client.Other == nil {
				return 0
			}
			received, _ := client.Other.Received(0)
			return received * packetBytes / blockBytes
		},
		err: func() error { return client.Closed },
	}
}

// Jain is Jain's index of fairness: 1 where all flows got the same, 1/n where
// one got everything.
func (s Share) Jain() float64 { return jain(s.Bits) }

func jain(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / (float64(len(x)) * squares)
}

// Fair is what the flows from index first to before last got together, of
// their fair share of the path.
func (s Share) Fair(first, last int) float64 {
	var got float64
	for _, bits := range s.Bits[first:last] {
		got += bits
	}
	return got / (float64(s.Path.Rate) * float64(last-first) / float64(len(s.Bits)))
}

// Use is how much of the path the flows used together.
func (s Share) Use() float64 { return s.Fair(0, len(s.Bits)) }
