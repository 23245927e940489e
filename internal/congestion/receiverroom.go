package congestion

import (
	"time"

	"example.com/uft/internal/instant"
)

// Constants of the implementation (docs/protocol.md §8.2).
const (
	// roomCut is what a drop leaves of the room, and roomGrowth by how much it
	// grows in a second without one: fast enough to follow a receiver that gets
	// more to itself, so slow that it is tried in vain only every few seconds.
	roomCut    = 0.7
	roomGrowth = 1.0 / 8
	// wideRoom bytes are no limit any more: no socket holds as much.
	wideRoom = 64 << 20
)

// A receiverRoom is how many bytes may be in flight beyond what the path holds.
// They wait in the receiver's socket until its program comes to fetch them. How
// many fit there shows only when the socket drops some, which acknowledgements
// report: with small socket buffers, on a path so short that nearly all that is in
// flight is there, a window of two trains too many loses a fifth of everything,
// again and again. The zero receiverRoom has dropped nothing and limits nothing.
type receiverRoom struct {
	bytes float64      // 0: no limit
	at    instant.Time // when that was
	cutAt instant.Time // when the socket last dropped something that counted
}

// dropped takes notice of a drop while beyond bytes were in flight beyond what the
// path holds. What is dropped within a round trip is one event. The room is never
// less than least.
func (r *receiverRoom) dropped(now instant.Time, roundTrip time.Duration, beyond, least int) {
	if r.cutAt.IsSet() && now.Sub(r.cutAt) < roundTrip {
		return
	}
	room := float64(beyond)
	if limit, limited := r.limit(now); limited {
		room = min(room, float64(limit))
	}
	r.bytes = max(roomCut*room, float64(least))
	r.at, r.cutAt = now, now
}

// limit returns the room at a time, if there is a limit.
func (r *receiverRoom) limit(now instant.Time) (bytes int, limited bool) {
	if r.bytes == 0 {
		return 0, false
	}
	room := r.bytes * (1 + roomGrowth*max(now.Sub(r.at), 0).Seconds())
	return int(room), room < wideRoom
}
