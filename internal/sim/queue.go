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

	do func() // a step of the script; nil for a datagram

	from, to   netip.AddrPort
	connection uint64 // of the carrier; 0: UDP
	ecn        core.ECN
	datagram   []byte
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

// next returns when the next arrival is due, or Never.
func (n *Network) next() instant.Time {
	if len(n.queue) == 0 {
		return instant.Never
	}
	return n.queue[0].at
}
