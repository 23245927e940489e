package matrix

import (
	"time"

	"example.com/uft/internal/link"
)

// ipHeaders are the bytes of IPv4 and UDP headers with which the links charge
// every datagram, so that rates are those of whole IP packets.
const ipHeaders = 28

// Wire cost of file bytes: 1024 of them make an IPv4 packet of 1092
// (docs/protocol.md §3).
const (
	blockBytes  = 1024
	packetBytes = 1092
)

// A Path is a network between a client and a server, alike in both directions
// unless a scenario says otherwise.
type Path struct {
	Rate   int64         // bit/s of IP packets
	RTT    time.Duration // without queue
	Jitter time.Duration // each way, ±
	Loss   float64       // each way, 0 to 1
	Burst  float64       // mean number of datagrams lost in a row; 0: one
	Queue  float64       // of the drop-tail queue, in bandwidth-delay products; 0: one, at least leastQueue
}

// leastQueue is how long the queue of a path is at least in time, where nothing is
// said of it: on a local network a bandwidth-delay product is a packet or two, and
// hardware that holds so little for its rate is not built.
const leastQueue = 2 * time.Millisecond

// BDP returns the bandwidth-delay product in bytes.
func (p Path) BDP() int { return int(float64(p.Rate) / 8 * p.RTT.Seconds()) }

// Link returns the configuration of one direction.
func (p Path) Link() link.Config {
	queue := p.Queue
	if queue == 0 {
		queue = max(1, leastQueue.Seconds()/p.RTT.Seconds())
	}
	// A queue that holds no whole packet is no queue; two is what the
	// smallest hardware has.
	bytes := max(int(queue*float64(p.BDP())), 2*1500)
	return link.Config{
		Rate: p.Rate, Delay: p.RTT / 2, Jitter: p.Jitter, Loss: p.Loss, Burst: p.Burst,
		QueueBytes: bytes, HeaderBytes: ipHeaders,
	}
}

// Goodput returns how many file bytes per second the path can deliver at most:
// its rate without what it loses and without headers.
func (p Path) Goodput() float64 {
	return float64(p.Rate) / 8 * (1 - p.Loss) * blockBytes / packetBytes
}

// Ideal returns the least time that a transfer of so many bytes can take, from
// the first datagram until the sender knows that everything has arrived: a
// round trip for the handshake, the data, and a round trip for the last byte's
// way and its confirmation.
func (p Path) Ideal(size uint64) time.Duration {
	return 2*p.RTT + time.Duration(float64(size)/p.Goodput()*float64(time.Second))
}
