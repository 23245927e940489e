package core

import (
	"time"

	"example.com/uft/internal/instant"
)

// How much a receiver keeps for repair (docs/protocol.md §9.4), of what it has
// announced. What can be missing at the end of a transfer is what was on its way,
// so more than that is of no use; and a path with little on its way is to be had
// with little memory. Both ends see what a round trip carries, the sender later
// than the receiver, so both know it without a word.
const (
	// leastKept is kept on every path, in bytes.
	leastKept = 8 << 20
	// keptRoundTrips are kept on a long path: the sender relies on 5/8 of them, and
	// finds losses a quarter of a round trip late. Less cheapPath, in bytes: where
	// no more than 16 MiB are on their way, all of it is to be had with 64 MiB of
	// memory, so leastKept has to do.
	keptRoundTrips = 3
	cheapPath      = 40 << 20
)

// keptOf returns how many bytes are kept of the announced ones where a round trip
// carries as many.
func keptOf(announced, inRoundTrip uint64) uint64 {
	long := keptRoundTrips * inRoundTrip
	return min(announced, max(leastKept, long-min(cheapPath, long)))
}

// busiest finds the most that a round trip carried, of a counter of bytes.
type busiest struct {
	since instant.Time // the round trip under way
	at    uint64       // what the counter showed then
	most  uint64
}

// note takes in what the counter shows now, and returns the most.
func (b *busiest) note(now instant.Time, rtt time.Duration, counter uint64) uint64 {
	if took := now.Sub(b.since); !b.since.IsSet() || took > rtt {
		b.since, b.at = now, counter
	}
	b.most = max(b.most, counter-b.at)
	return b.most
}
