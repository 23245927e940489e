package matrix

import (
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/sim"
)

// A Sample is where a transfer stands at one moment. Counters count from the
// beginning of the transfer.
type Sample struct {
	At       time.Duration // since the beginning of the transfer
	Sent     uint64        // bytes of IP packets
	Received uint64        // file bytes at the receiver
	In       uint64        // datagrams that entered the link
	Lost     uint64        // of these the path lost
	Dropped  uint64        // queue or policer dropped
	RTT      time.Duration // smoothed, as the sender sees it
	MinRTT   time.Duration
	Inflight int // bytes, gross
	Window   int
	Pace     int64 // bytes per second that the sender aims at
}

// A Recorder takes samples of a transfer in equal distances.
type Recorder struct {
	Step    time.Duration
	Samples []Sample

	network *sim.Network
	sender  *sim.Peer
	began   time.Duration
	at      link.Counters
}

// begin starts the recording.
func (r *Recorder) begin(n *sim.Network, sender *sim.Peer) {
	r.network, r.sender = n, sender
	r.began, r.at = n.Elapsed(), n.Link(sim.Up)
	r.take()
	r.next()
}

func (r *Recorder) next() {
	r.network.Beside(r.network.Now().Add(r.Step), func() {
		r.take()
		r.next()
	})
}

// take adds a sample.
func (r *Recorder) take() {
	c := r.network.Link(sim.Up)
	s := r.sender.Conn.Stats()
	var received uint64
	if r.sender.Other != nil {
		received, _ = r.sender.Other.Received(0)
	}
	r.Samples = append(r.Samples, Sample{
		At:       r.network.Elapsed() - r.began,
		Sent:     c.BytesIn - r.at.BytesIn + (c.In-r.at.In)*ipHeaders,
		Received: received,
		In:       c.In - r.at.In, Lost: c.Lost - r.at.Lost + c.BlackedOut - r.at.BlackedOut,
		Dropped: c.QueueDrops - r.at.QueueDrops + c.Policed - r.at.Policed,
		RTT:     s.SmoothedRTT, MinRTT: s.MinRTT, Inflight: s.Inflight, Window: s.Window, Pace: s.PacingRate,
	})
}
