package recovery

import (
	"slices"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
)

const (
	// minAckInterval and maxAckInterval bound the time for which an
	// acknowledgement is held back; in between it is an eighth of the round
	// trip (docs/protocol.md §7.2). maxAckInterval is also
	// what each side promises the other as its longest delay.
	minAckInterval = time.Millisecond
	maxAckInterval = 25 * time.Millisecond

	// ackEveryBytes have an acknowledgement sent without waiting longer, so
	// that a fast sender hears of its losses while they are few. A socket that
	// holds little has them sent after fewer: see SetBuffer.
	ackEveryBytes = 128 << 10
	leastAckBytes = 16 << 10

	// The first earlyPackets packets are acknowledged after every
	// earlyAckPackets of them, so that the sender learns at what intervals
	// its first flight came.
	earlyPackets    = 256
	earlyAckPackets = 4

	// maxReceivedRanges bounds the memory that a peer can make us spend by
	// leaving gaps. Twice the ranges that any acknowledgement carries; the
	// exact number is a guess.
	maxReceivedRanges = 2048
	// dropRanges is how many of the oldest go at once when there are more, so
	// that moving the rest is paid for rarely.
	dropRanges = maxReceivedRanges / 8
)

// Received keeps the packet numbers received in one space, tells duplicates,
// and decides when an acknowledgement is due. The zero Received is for a space
// that acknowledges at once; use NewReceived for one that waits.
type Received struct {
	numbers ranges.Set
	floor   uint64 // everything below counts as received

	delay time.Duration // how long an acknowledgement may wait; 0 is not at all
	every int           // bytes after which it waits no longer

	largest   uint64
	largestAt instant.Time

	// asked is the newest packet that is acknowledged at once for the sake of its
	// receive time (earlyAckPackets). Where another one that came later is taken in
	// before that was possible, as when packets have waited for their keys, an
	// acknowledgement of each is owed: one for all would tell one time for all.
	asked   moment
	owed    []moment
	scratch ranges.Set

	// again is how often the last acknowledgement is still to be repeated, and
	// sentAt when it left.
	again  int
	sentAt instant.Time

	waiting    bool         // an ack-eliciting packet is not acknowledged yet
	waitingFor instant.Time // when the first of them arrived
	bytes      int          // received since the last acknowledgement
	now        bool         // do not wait
	early      int          // ack-eliciting packets so far, up to earlyPackets

	// gap says that a gap opened since the last acknowledgement, earlier that
	// one did between the last two. A path that loses all the time has a gap
	// in every interval, and must not have acknowledgements for each.
	gap, earlierGap bool

	// confirmed are the largest numbers of the last acknowledgements known to
	// have arrived, oldest first.
	confirmed [keepPeriods]uint64
}

// A moment is which packet was the largest at what time.
type moment struct {
	largest uint64
	at      instant.Time
}

// keepPeriods is for how many confirmed acknowledgements history is kept on,
// since a packet below the floor can no longer be told from a duplicate.
const keepPeriods = 3

// NewReceived returns a Received for the Application space.
func NewReceived(smoothedRTT time.Duration) *Received {
	v := &Received{every: ackEveryBytes}
	v.SetRTT(smoothedRTT)
	return v
}

// SetBuffer says how many bytes the socket holds of what has arrived. A sender
// that may have no more than that in flight must not have to wait for an
// acknowledgement until the delay is over.
func (v *Received) SetBuffer(bytes int) {
	v.every = min(max(bytes/4, leastAckBytes), ackEveryBytes)
}

// SetRTT sets how long an acknowledgement may wait, from the smoothed
// round-trip time.
func (v *Received) SetRTT(smoothed time.Duration) { v.delay = ackDelay(smoothed) }

// ackDelay returns how long an acknowledgement may wait on a path with that
// smoothed round-trip time.
func ackDelay(smoothed time.Duration) time.Duration {
	return min(max(smoothed/8, minAckInterval), maxAckInterval)
}

// IsDuplicate reports whether number has been received before, or is so old
// that this is no longer known.
func (v *Received) IsDuplicate(number uint64) bool {
	return number < v.floor || v.numbers.Contains(number)
}

// OnPacket notes a packet of size bytes. Immediate says that the sender asked
// for an acknowledgement at once. It returns true for a duplicate, of which
// nothing is noted, and which never causes an acknowledgement.
func (v *Received) OnPacket(now instant.Time, number uint64, ackEliciting bool, size int, immediate bool) (duplicate bool) {
	if number < v.floor || v.numbers.Add(number, number+1) == 0 {
		return true
	}
	first := !v.largestAt.IsSet()
	switch {
	case first:
		v.largest, v.largestAt = number, now
	case number > v.largest:
		if number > v.largest+1 {
			v.now = v.now || ackEliciting && !v.gap && !v.earlierGap
			v.gap = true
		}
		v.largest, v.largestAt = number, now
	}
	if len(v.numbers) > maxReceivedRanges {
		v.forgetBelow(v.numbers[dropRanges].Start)
	}
	v.bytes += size
	if ackEliciting {
		if !v.waiting {
			v.waiting, v.waitingFor = true, now
		}
		v.now = v.now || immediate || v.delay == 0
		if v.early < earlyPackets {
			v.early++
			if v.early%earlyAckPackets == 0 {
				v.ask()
			}
		}
	}
	return false
}

// ask has what has come by now acknowledged at once, and on its own.
func (v *Received) ask() {
	if v.delay > 0 && v.asked.at.IsSet() && v.largestAt.After(v.asked.at) {
		v.owed = append(v.owed, v.asked)
	}
	v.now, v.asked = true, moment{v.largest, v.largestAt}
}

// ackRepeats is how often an acknowledgement is sent that the sender seems not
// to have heard: over a round trip, since a delay is an eighth of one.
const ackRepeats = 8

// OnUnheard notes that a packet brought only what had come before: the sender
// has not heard that it did.
func (v *Received) OnUnheard() { v.again = ackRepeats }

// Deadline returns when the next acknowledgement is due, which may be in the
// past, or Never.
func (v *Received) Deadline() instant.Time {
	switch {
	case !v.waiting && v.again > 0:
		return v.sentAt.Add(v.delay)
	case !v.waiting:
		return instant.Never
	case v.now || v.bytes >= v.every:
		return v.waitingFor
	}
	return v.waitingFor.Add(v.delay)
}

// AckNow reports whether an acknowledgement is due.
func (v *Received) AckNow(now instant.Time) bool {
	return !v.Deadline().After(now)
}

// Frame returns what an acknowledgement sent at now says: the largest number
// received, how long ago that was, and all numbers known. The set is borrowed
// until the next method call that changes v, and empty if nothing was received.
func (v *Received) Frame(now instant.Time) (largest uint64, delay time.Duration, numbers ranges.Set) {
	if len(v.owed) > 0 {
		m := v.owed[0]
		v.scratch = append(v.scratch[:0], v.numbers...)
		v.scratch.Remove(m.largest+1, v.largest+1)
		return m.largest, max(now.Sub(m.at), 0), v.scratch
	}
	return v.largest, max(now.Sub(v.largestAt), 0), v.numbers
}

// OnAckSent notes that an acknowledgement was sent.
func (v *Received) OnAckSent(now instant.Time) {
	v.again, v.sentAt = max(v.again-1, 0), now
	if len(v.owed) > 0 {
		v.owed = v.owed[1:]
		return
	}
	v.asked = moment{}
	v.waiting, v.now, v.bytes = false, false, 0
	v.gap, v.earlierGap = false, v.gap
}

// OnAckOfAck notes that the peer has received an acknowledgement with that
// largest number. What the peer has known for some acknowledgements already is
// forgotten, so that it is not repeated for ever.
func (v *Received) OnAckOfAck(largest uint64) {
	if largest <= v.confirmed[keepPeriods-1] {
		return
	}
	v.forgetBelow(v.confirmed[0])
	copy(v.confirmed[:], v.confirmed[1:])
	v.confirmed[keepPeriods-1] = largest
}

// forgetBelow raises the floor. Largest is never forgotten.
func (v *Received) forgetBelow(floor uint64) {
	floor = min(floor, v.largest)
	if floor <= v.floor {
		return
	}
	v.floor = floor
	v.owed = slices.DeleteFunc(v.owed, func(m moment) bool { return m.largest < floor })
	n := 0
	for n < len(v.numbers) && v.numbers[n].End <= floor {
		n++
	}
	v.numbers = slices.Delete(v.numbers, 0, n)
	if len(v.numbers) > 0 {
		v.numbers[0].Start = max(v.numbers[0].Start, floor)
	}
}

// RangeCount returns how many ranges of received numbers are remembered, which
// is what an acknowledgement has to repeat.
func (v *Received) RangeCount() int { return len(v.numbers) }
