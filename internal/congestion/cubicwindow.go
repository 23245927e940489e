package congestion

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
)

// Constants of CUBIC (RFC 9438 sections 4.2, 4.3 and 4.6).
const (
	cubicC    = 0.4
	cubicBeta = 0.7
	cubicReno = 3 * (1 - cubicBeta) / (1 + cubicBeta)

	// cubicSegment is what the windows of CUBIC are counted in: the packets of
	// those that are competed with.
	cubicSegment = 1500
)

// A cubicWindow is what a flow of CUBIC would have in flight in our place. (The
// simulator has a CUBIC of its own, internal/rival, by which this one is judged: it
// is written apart so that an error here does not stand there, too.)
type cubicWindow struct {
	bytes   float64 // 0: none
	maximum float64 // W_max
	reno    float64 // what Reno would have (section 4.3)
	k       float64 // seconds from the epoch until maximum
	epoch   instant.Time
	seen    instant.Time // when it was last looked at
}

// begin starts with what is in flight.
func (w *cubicWindow) begin(now instant.Time, bytes float64) {
	*w = cubicWindow{bytes: bytes, maximum: bytes, reno: bytes, epoch: now, seen: now}
}

// grow is a round trip without congestion.
func (w *cubicWindow) grow(now instant.Time, rtt time.Duration) {
	w.seen = now
	t := (now.Sub(w.epoch) + rtt).Seconds() - w.k
	target := w.maximum + cubicC*t*t*t*cubicSegment
	alpha := cubicReno
	if w.reno >= w.maximum {
		alpha = 1
	}
	w.reno += alpha * cubicSegment
	w.bytes = max(min(max(target, w.bytes), 1.5*w.bytes), w.reno)
}

// rest is a round trip in which there was not enough to send to fill the window: that
// nothing was lost says nothing of it, and such time is no part of the epoch (section
// 5.8).
func (w *cubicWindow) rest(now instant.Time) {
	w.epoch, w.seen = w.epoch.Add(now.Sub(w.seen)), now
}

// reduce answers congestion (section 4.6), with fast convergence (section 4.7).
func (w *cubicWindow) reduce(now instant.Time) {
	w.maximum, w.epoch, w.seen = max(w.bytes, w.maximum), now, now
	if w.bytes < w.maximum {
		w.maximum = w.bytes * (1 + cubicBeta) / 2
	}
	w.bytes = max(cubicBeta*w.bytes, 2*cubicSegment)
	w.reno = w.bytes
	w.k = math.Cbrt(max(w.maximum-w.bytes, 0) / cubicSegment / cubicC)
}
