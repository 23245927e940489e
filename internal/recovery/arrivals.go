package recovery

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
)

// arrivals measures how fast packets come out of the path, by the receiver's
// own clock: each acknowledgement says when the largest packet that it names
// arrived (docs/protocol.md §4.1). Neither the way of the acknowledgements nor
// the time for which they are held back is in it, so it tells within a few
// milliseconds what the delivery rate (rate.go) tells after a round trip.
//
// Packets that arrive more slowly than they were sent were spaced out by the
// bottleneck, and their spacing is its rate: the dispersion of a packet train
// (Dovrolis, Ramanathan, Moore: "What do packet dispersion techniques
// measure?", INFOCOM 2001, who show that with other traffic on the path it
// lies between what is free and the capacity). Packets that arrive as they
// were sent show only that the path carries at least that.
type arrivals struct {
	ring [arrivalRing]arrival
	n    int // how many were ever put in
}

// arrival is what one acknowledgement told.
type arrival struct {
	number    uint64
	came      time.Duration // on the receiver's clock
	sentAt    instant.Time
	delivered int64 // bytes acknowledged in all, with this one
}

const (
	// arrivalRing is for how many acknowledgements are looked back.
	arrivalRing = 16

	// Dispersion is that of so many packets at least, over so long at least:
	// receivers look at their clocks when they get round to it.
	dispersionPackets = 8
	dispersionSpan    = 150 * time.Microsecond
	// stretch is how much longer packets take to arrive than they took to be
	// sent where the bottleneck has spaced them out.
	stretch = 1.5
	// together is the same for packets of one train, that left as good as at
	// once. Others were perhaps sent in two trains, with an idle bottleneck in
	// between, or looked at late: they have to come later by scheduleDelay too.
	together      = 4
	scheduleDelay = 4 * time.Millisecond

	// An arrival rate is that of so many packets over so long at least, or an
	// eighth of a round trip.
	arrivalPackets = 16
	arrivalSpan    = 5 * time.Millisecond
)

// reset forgets everything: the path has changed.
func (a *arrivals) reset() { a.n = 0 }

// note takes in the newest arrival and returns the rate at which packets have
// come of late, and the dispersion of the train it belongs to, both in bytes
// per second and 0 where they cannot be told.
func (a *arrivals) note(newest arrival, smoothed time.Duration) (rate, dispersion int64) {
	if a.n > 0 {
		last := &a.ring[(a.n-1)%arrivalRing]
		if newest.number <= last.number || newest.came < last.came {
			return 0, 0 // acknowledgements have overtaken each other
		}
	}
	var spaced [arrivalRing]int64
	n := 0
	for back := 1; back <= min(a.n, arrivalRing); back++ {
		old := &a.ring[(a.n-back)%arrivalRing]
		packets := newest.number - old.number
		span, sending := newest.came-old.came, newest.sentAt.Sub(old.sentAt)
		bytes := float64(newest.delivered - old.delivered)
		if packets >= dispersionPackets && span >= dispersionSpan && spacedOut(span, sending) {
			// What was lost in between says nothing: a queue that was too short
			// for the train dropped the end of it at once.
			spaced[n] = int64(bytes / span.Seconds())
			n++
		}
		if rate == 0 && packets >= arrivalPackets && span >= max(arrivalSpan, smoothed/8) {
			// Never more than was sent, whatever the receiver's clock says.
			rate = int64(bytes / max(span, sending).Seconds())
		}
	}
	// Either end of the span may have been looked at late. For the newest that
	// cannot be helped, of the others the median was not.
	if n > 0 {
		slices.Sort(spaced[:n])
		dispersion = spaced[n/2]
	}
	a.ring[a.n%arrivalRing] = newest
	a.n++
	return rate, dispersion
}

// spacedOut reports whether packets that left within sending, and came within
// span, were spaced out by the bottleneck.
func spacedOut(span, sending time.Duration) bool {
	if span >= together*sending {
		return true
	}
	return float64(span) >= stretch*float64(sending) && span-sending >= scheduleDelay
}
