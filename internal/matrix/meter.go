package matrix

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

// A Meter is what the bottleneck towards the server saw during a measurement.
type Meter struct {
	QueueMean, QueueP95 time.Duration // that datagrams waited for their turn
	QueueLoss           float64       // share of the datagrams that queue or policer dropped
	PathLoss            float64       // share that the path lost after the queue
	BytesSent           uint64        // of IP packets, those that were lost included
	StartUp             time.Duration // until the path was 80 % full over a round trip
}

// startUpShare is from which share of what the path can deliver, over one
// round trip or 8 ms, start-up counts as over.
const startUpShare = 0.8

// meter measures a network from outside.
//
// What a datagram waits in the queue is asked of a second link with the same
// bottleneck and nothing behind it: what enters is the same, so the queue is.
type meter struct {
	network *sim.Network
	shadow  *link.Link
	scratch []link.Delivery

	running bool
	client  *sim.Peer // whose start-up is looked at, or nil
	path    Path
	began   instant.Time
	at      link.Counters // of the real link at the beginning
	waits   []time.Duration

	recent  []uint64 // bytes received, a sample each eighth of a round trip
	startUp time.Duration
}

// newNetwork makes a network with a meter at its bottleneck.
func newNetwork(cfg sim.Config) (*sim.Network, *meter) {
	n := sim.New(cfg)
	m := &meter{network: n, shadow: link.New(bottleneckOf(cfg.Up), 0)}
	m.shadow.Follow(cfg.UpSteps)
	m.shadow.Start(n.Now())
	n.Carried = func(d sim.Direction, now instant.Time, size int) {
		if d == sim.Up {
			m.entered(now, size)
		}
	}
	n.Sent = func(d sim.Direction, now instant.Time, datagram []byte) {
		if d == sim.Up {
			m.entered(now, len(datagram))
		}
	}
	return n, m
}

// bottleneckOf returns the configuration without the chances that come after
// the bottleneck.
func bottleneckOf(c link.Config) link.Config {
	c.Loss, c.Burst, c.Jitter = 0, 0, 0
	c.Reorder, c.Duplicate, c.Corrupt = 0, 0, 0
	return c
}

// entered notes what the queue does with a datagram.
func (m *meter) entered(now instant.Time, size int) {
	m.scratch = m.shadow.Admit(now, size, m.scratch[:0])
	if !m.running {
		return
	}
	if len(m.scratch) == 0 {
		return
	}
	c := m.shadow.Config()
	waited := m.scratch[0].At.Sub(now) - c.Delay
	if c.Rate > 0 {
		waited -= time.Duration(int64(size+c.HeaderBytes) * 8 * int64(time.Second) / c.Rate)
	}
	m.waits = append(m.waits, max(0, waited))
}

// begin starts the measurement, with a client that has just been dialled or
// none.
func (m *meter) begin(client *sim.Peer, path Path) {
	m.running, m.client, m.path = true, client, path
	m.began, m.at = m.network.Now(), m.network.Link(sim.Up)
	m.waits, m.recent, m.startUp = m.waits[:0], m.recent[:0], 0
	m.sample()
}

// samplesPerRTT is how many samples of the bytes received make a round trip.
const samplesPerRTT = 8

// sample looks at what has arrived, until start-up is over.
func (m *meter) sample() {
	if m.client == nil {
		return
	}
	var received uint64
	if m.client.Other != nil {
		received, _ = m.client.Other.Received(0)
	}
	m.recent = append(m.recent, received)
	if len(m.recent) > samplesPerRTT+1 {
		m.recent = m.recent[1:]
	}
	step := max(m.path.RTT/samplesPerRTT, time.Millisecond)
	full := startUpShare * m.path.Goodput() * (samplesPerRTT * step).Seconds()
	if float64(received-m.recent[0]) >= full {
		m.startUp = m.network.Now().Sub(m.began)
		return
	}
	m.network.Beside(m.network.Now().Add(step), m.sample)
}

// end returns what was measured. Start-up that never ended lasted all the time.
func (m *meter) end() Meter {
	c := m.network.Link(sim.Up)
	in := max(c.In-m.at.In, 1)
	r := Meter{
		QueueLoss: float64(c.QueueDrops+c.Policed-m.at.QueueDrops-m.at.Policed) / float64(in),
		PathLoss:  float64(c.Lost-m.at.Lost) / float64(in),
		BytesSent: c.BytesIn - m.at.BytesIn + (c.In-m.at.In)*ipHeaders,
		StartUp:   m.startUp,
	}
	if m.startUp == 0 {
		r.StartUp = m.network.Now().Sub(m.began)
	}
	if len(m.waits) > 0 {
		var sum time.Duration
		for _, w := range m.waits {
			sum += w
		}
		r.QueueMean = sum / time.Duration(len(m.waits))
		slices.Sort(m.waits)
		r.QueueP95 = m.waits[(len(m.waits)-1)*95/100]
	}
	m.running, m.client = false, nil
	return r
}
