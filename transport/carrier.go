package transport

import "fmt"

// A Carrier is what takes the datagrams of a connection to the other side
// (docs/protocol.md §8.5).
type Carrier uint8

// The carriers.
const (
	// AnyCarrier is UDP, and TCP where UDP gets no answer: a client that has
	// heard nothing for a second starts TCP beside it. A Listener takes both,
	// on the same port.
	AnyCarrier Carrier = iota
	// UDP alone.
	UDP
	// TCP alone: the same datagrams, framed on one TCP connection.
	TCP
)

// String returns "any", "udp" or "tcp".
func (c Carrier) String() string {
	switch c {
	case AnyCarrier:
		return "any"
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return fmt.Sprintf("Carrier(%d)", uint8(c))
}
