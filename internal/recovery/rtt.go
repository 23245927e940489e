package recovery

import (
	"time"

	"example.com/uft/internal/instant"
)

// granularity is the finest time that timers are expected to keep (RFC 9002
// section 6.1.2).
const granularity = time.Millisecond

// roundTrip estimates the round-trip time of the path (RFC 9002 section 5).
type roundTrip struct {
	latest   time.Duration // newest sample, the peer's delay included
	smoothed time.Duration
	variance time.Duration // mean deviation
	min      time.Duration // lowest sample, the peer's delay included
	recent   recentMin
	sampled  bool
}

// recentPeriod is after how long, at least, the lowest sample is one of lately no
// more: a path may have become longer. It is many samples, so that a machine that is
// late to look at its socket does not pass for a longer path.
const recentPeriod = 2 * time.Second

// recentMin is the lowest sample of this period and of the one before, without the
// peer's delay: on a short path nearly all of a sample would be that.
type recentMin struct {
	since        instant.Time
	now, earlier time.Duration // 0: none
}

// add takes in a sample.
func (m *recentMin) add(at instant.Time, sample time.Duration) {
	if !m.since.IsSet() || at.Sub(m.since) >= recentPeriod {
		m.since, m.earlier, m.now = at, m.now, sample
	}
	m.now = min(m.now, sample)
}

// lowest returns the lowest sample of lately, 0 before the first.
func (m *recentMin) lowest() time.Duration {
	if m.earlier == 0 {
		return m.now
	}
	return min(m.now, m.earlier)
}

// update takes in a sample and the delay that the peer says it caused, already
// limited to what it may claim.
func (r *roundTrip) update(now instant.Time, sample, delay time.Duration) {
	sample = max(sample, time.Microsecond)
	r.latest = sample
	r.recent.add(now, max(sample-delay, time.Microsecond))
	if !r.sampled {
		r.sampled = true
		r.min, r.smoothed, r.variance = sample, sample, sample/2
		return
	}
	// The minimum ignores the delay: a peer that overstates it must not be
	// able to make the path look shorter than it is (section 5.2).
	r.min = min(r.min, sample)
	if sample >= r.min+delay {
		sample -= delay
	}
	deviation := (r.smoothed - sample).Abs()
	r.variance += (deviation - r.variance) / 4
	r.smoothed += (sample - r.smoothed) / 8
}

// reordering is the adaptive reordering window of RACK (RFC 8985 section 6.2):
// how much longer than a round trip a packet may stay out after one sent later
// has arrived.
type reordering struct {
	extra time.Duration // beyond the basic window
	quiet int           // round trips left until extra is halved
}

// persistence is the number of round trips for which the window stays wide
// after the last evidence of reordering.
const persistence = 16

// basic is the window without evidence: a quarter of the minimum round trip,
// at least 1 ms.
func (o *reordering) basic(r *roundTrip) time.Duration { return max(r.min/4, granularity) }

// window returns the present window, at most the smoothed round trip.
func (o *reordering) window(r *roundTrip) time.Duration {
	basic := o.basic(r)
	return min(basic+o.extra, max(r.smoothed, basic))
}

// onSpurious widens the window, because a packet declared lost had only been
// late: it was acknowledged that much later than patience without any window
// would have allowed. RFC 8985 widens by steps, since its evidence does not
// tell how late the packet was; ours does.
func (o *reordering) onSpurious(late time.Duration, r *roundTrip) {
	o.quiet = persistence
	o.extra = max(o.extra, min(late-o.basic(r), r.smoothed))
}

// onRound notes the start of a round trip.
func (o *reordering) onRound(r *roundTrip) {
	if o.quiet > 0 {
		if o.quiet--; o.quiet == 0 && o.extra > 0 {
			o.extra /= 2
			if o.extra < o.basic(r)/2 {
				o.extra = 0
			} else {
				o.quiet = persistence
			}
		}
	}
}
