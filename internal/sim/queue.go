package sim

import (
	"container/heap"
	"net/netip"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
)

// An arrival is something that happens at a point in time: a datagram that
// reaches the far end of its link, or a step of the script.
type arrival struct {
	at       instant.Time
	sequence uint64 // equal times are served in the order of their making

	do      func() // a step of the script; nil for a datagram
	foreign bool   // the step has nothing to do with any connection

	from, to   netip.AddrPort
	connection uint64 // of the carrier; 0: UDP
	ecn        core.ECN
	datagram   []byte
	seen       bool // it only waits for its reader
}

// arrival returns one with a copy of the datagram, from those that were served
// where there are any.
func (n *Network) arrival(datagram []byte) *arrival {
	if len(n.free) == 0 {
		return &arrival{datagram: append([]byte(nil), datagram...)}
	}
	a := n.free[len(n.free)-1]
	n.free = n.free[:len(n.free)-1]
	*a = arrival{datagram: append(a.datagram[:0], datagram...)}
	return a
}

// arrivals is a heap of what is to come, the next one first.
type arrivals []*arrival

func (q arrivals) Len() int { return len(q) }

func (q arrivals) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].sequence < q[j].sequence
}

func (q arrivals) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *arrivals) Push(x any) { *q = append(*q, x.(*arrival)) }

// Pop implements heap.Interface.
func (q *arrivals) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}

// push adds what happens at a.at.
func (n *Network) push(a *arrival) {
	n.sequence++
	a.sequence = n.sequence
	heap.Push(&n.queue, a)
}

// At has the script do something at a time from now; it runs between two
// datagrams, as a call of the application would.
func (n *Network) At(at instant.Time, do func()) {
	n.push(&arrival{at: at, do: do})
}

// Beside is At for what has nothing to do with the connections, such as the
// traffic of others: none of them is called because of it.
func (n *Network) Beside(at instant.Time, do func()) {
	n.push(&arrival{at: at, do: do, foreign: true})
}

// Carry sends size bytes of somebody else's traffic over a link, and calls
// arrived for every copy that comes through, when it does. The link adds its
// headers (link.Config.HeaderBytes) to the size.
func (n *Network) Carry(d Direction, size int, arrived func()) {
	if n.Carried != nil {
		n.Carried(d, n.now, size)
	}
	n.deliveries = n.links[d].Admit(n.now, size, n.deliveries[:0])
	for _, arriving := range n.deliveries {
		n.Beside(arriving.At, arrived)
	}
}

// next returns when the next arrival is due, or Never.
func (n *Network) next() instant.Time {
	if len(n.queue) == 0 {
		return instant.Never
	}
	return n.queue[0].at
}
