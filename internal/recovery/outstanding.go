package recovery

import (
	"time"

	"example.com/uft/internal/instant"
)

// Inflight returns the gross bytes in flight in all spaces.
func (r *Recovery) Inflight() int { return r.inflight }

// Outstanding returns how many ack-eliciting packets of a space have no fate yet.
func (r *Recovery) Outstanding(in Space) int { return r.spaces[in].eliciting }

// Overtaken returns how many ack-eliciting packets of a space have no fate yet
// although a later one was acknowledged: lost, if they are not only late. Where
// others were sent in between it is a few less than there are.
func (r *Recovery) Overtaken(in Space) int {
	s := &r.spaces[in]
	return max(s.eliciting-int(s.next-s.ackedEnd), 0) // everything from ackedEnd on is outstanding
}

// Silent returns how many packets of a space have no fate yet and ask for none:
// acknowledgements, for the most part. A peer that never acknowledges anything
// makes their number grow for ever.
func (r *Recovery) Silent(in Space) int { return r.spaces[in].silent }

// LargestAcked returns the largest number acknowledged in a space; ok is false
// if there is none. Packet numbers are shortened relative to it.
func (r *Recovery) LargestAcked(in Space) (number uint64, ok bool) {
	end := r.spaces[in].ackedEnd
	return max(end, 1) - 1, end > 0
}

// OldestUnacked returns the oldest packet of a space that has no fate yet.
func (r *Recovery) OldestUnacked(in Space) (p Packet, ok bool) {
	r.ForEachOutstanding(in, func(oldest Packet) bool {
		p, ok = oldest, true
		return false
	})
	return p, ok
}

// ForEachOutstanding calls visit with the packets of a space that have no fate
// yet, oldest first, until it returns false. It is what copies at the tail of
// a transfer are made from. Visit must not call methods of r that change it.
func (r *Recovery) ForEachOutstanding(in Space, visit func(Packet) bool) {
	h := &r.spaces[in].history
	for n := h.nextOutstanding(h.oldest); n < h.next; n = h.nextOutstanding(n + 1) {
		if !visit(h.packet(n, h.at(n))) {
			return
		}
	}
}

// RequeueAll declares every outstanding packet of a space lost without blaming
// the path: LostBytes stays zero. It serves when the server has rejected early
// data, and when the path has changed. An acknowledgement that comes
// nevertheless is reported as spurious.
func (r *Recovery) RequeueAll(now instant.Time, in Space, fates *Fates) {
	fates.reset()
	fates.Sample.PriorInflight = r.inflight
	s := &r.spaces[in]
	for s.seek() {
		r.lose(now, s, s.at(s.oldest), fates)
	}
	s.lossAt = instant.Never
	fates.Sample.LostBytes = 0
	r.finish(fates)
}

// DiscardSpace forgets a space whose keys are gone. Its packets get no fate,
// and later acknowledgements in it are ignored (RFC 9002 section 6.4).
func (r *Recovery) DiscardSpace(in Space) {
	s := &r.spaces[in]
	for s.seek() {
		r.settle(s, &Run{Packet: s.packet(s.oldest, s.at(s.oldest)), Count: 1})
		s.acknowledge(s.oldest, s.oldest+1)
	}
	*s = space{discarded: true, ackedEnd: s.ackedEnd, lossAt: instant.Never}
	r.probes = 0
}

// ResetPath says that packets take another path from now on, of which nothing is
// known: round trip and reordering window start anew, and what left before tells
// nothing of it. Packets in flight stay in flight.
func (r *Recovery) ResetPath(now instant.Time) {
	r.cfg.InitialRTT, r.cfg.RememberedRTT = defaultInitialRTT, 0
	r.rtt, r.reorder = roundTrip{}, reordering{}
	r.pathSince = now
	r.arrived.reset()
}

// SmoothedRTT returns the smoothed round-trip time, or the one to be assumed
// while none has been measured.
func (r *Recovery) SmoothedRTT() time.Duration {
	if !r.rtt.sampled {
		return r.cfg.InitialRTT
	}
	return r.rtt.smoothed
}

// LatestRTT returns the newest sample, the peer's delay included; 0 before the first.
func (r *Recovery) LatestRTT() time.Duration { return r.rtt.latest }

// MinRTT returns the lowest sample; 0 before the first.
func (r *Recovery) MinRTT() time.Duration { return r.rtt.min }

// RecentMinRTT returns the lowest sample of the last seconds, without the delay that
// the peer says it caused; 0 before the first. It follows a path that has become
// longer. A peer that exaggerates its delay makes it shorter than it is.
func (r *Recovery) RecentMinRTT() time.Duration { return r.rtt.recent.lowest() }

// RTTVar returns the mean deviation of the samples; 0 before the first.
func (r *Recovery) RTTVar() time.Duration { return r.rtt.variance }
