package medium

import (
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
)

// causeOf names what dropped a datagram, given the counters of the link before
// and after it was admitted.
func causeOf(before, after link.Counters) string {
	switch {
	case after.Lost > before.Lost:
		return "lost"
	case after.BlackedOut > before.BlackedOut:
		return "lost in a blackout"
	case after.Policed > before.Policed:
		return "dropped by the policer"
	case after.QueueDrops > before.QueueDrops:
		return "dropped by the queue"
	case after.Duplicated > before.Duplicated:
		return "duplicated"
	}
	return ""
}

// captureIn writes a datagram that enters a relay to its capture, given the
// counters of the link from before it was admitted. The caller holds mu.
func (r *Relay) captureIn(d *direction, f *flow, p []byte, before link.Counters) {
	point := pcap.DownIn
	if d.upward {
		point = pcap.UpIn
	}
	r.config.Capture.Packet(time.Now(), point, r.packet(d, f, p), causeOf(before, d.link.Counters()))
}

// captureOut writes a datagram that leaves a relay to its capture.
func (r *Relay) captureOut(d *direction, f *flow, p []byte) {
	point := pcap.DownOut
	if d.upward {
		point = pcap.UpOut
	}
	r.config.Capture.Packet(time.Now(), point, r.packet(d, f, p), "")
}

// packet returns the IP packet that a datagram would be if the relay were a
// cable between the client and the server.
func (r *Relay) packet(d *direction, f *flow, p []byte) []byte {
	if d.upward {
		return pcap.AppendUDP(nil, f.client, r.to, p)
	}
	return pcap.AppendUDP(nil, r.to, f.client, p)
}
