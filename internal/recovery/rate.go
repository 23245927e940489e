package recovery

import (
	"time"

	"example.com/uft/internal/instant"
)

// deliveryRate measures how fast the path delivers, after
// draft-cheng-iccrg-delivery-rate-estimation. Each train notes how much had
// been delivered when it was sent; when a packet of it is acknowledged, what
// has been delivered since, over the time it took, is a sample of the rate.
type deliveryRate struct {
	delivered   int64        // bytes delivered since the connection began
	deliveredAt instant.Time // when delivered last grew
	firstSent   instant.Time // when the packet acknowledged last had been sent

	// limitedUntil is the value of delivered up to which samples are low for
	// want of data to send; zero if they are not.
	limitedUntil int64

	// roundEnd is the value of delivered at which the present round trip is
	// over: a packet sent after that much was delivered is acknowledged.
	roundEnd int64

	// news is when an acknowledgement last brought something new; interval is
	// the smoothed time between such acknowledgements.
	news     instant.Time
	interval time.Duration
}

// snapshot returns the train for packets sent at now with inflight bytes in
// flight before them.
func (d *deliveryRate) snapshot(now instant.Time, inflight int) train {
	if inflight == 0 {
		// Nothing was under way, so neither clock of the sample ran.
		d.firstSent, d.deliveredAt = now, now
	}
	return train{
		sentAt:      now,
		firstSent:   d.firstSent,
		deliveredAt: d.deliveredAt,
		delivered:   d.delivered,
		appLimited:  d.limitedUntil > 0,
	}
}

// limited takes notice that there was nothing more to send than a packet before
// which inflight bytes were in flight.
func (d *deliveryRate) limited(inflight int) { d.limitedUntil = d.delivered + int64(inflight) + 1 }

// sample takes in that bytes were newly delivered at now, the newest of them
// in a packet of train t, and returns the rate in bytes per second (0 if it
// cannot be told) and whether a round trip began.
func (d *deliveryRate) sample(now instant.Time, t train, bytes int) (rate int64, round bool) {
	d.delivered += int64(bytes)
	d.deliveredAt = now
	d.firstSent = max(d.firstSent, t.sentAt)
	if d.delivered > d.limitedUntil {
		d.limitedUntil = 0
	}
	if t.delivered >= d.roundEnd {
		d.roundEnd = d.delivered
		round = true
	}
	// The slower of the two clocks counts: data cannot have been delivered
	// faster than it was sent, nor faster than it was acknowledged.
	took := max(t.sentAt.Sub(t.firstSent), now.Sub(t.deliveredAt))
	if took <= 0 {
		return 0, round
	}
	return int64(float64(d.delivered-t.delivered) / took.Seconds()), round
}

// onNews keeps the smoothed time between acknowledgements. Pauses longer than
// a round trip are pauses of the sender and do not count.
func (d *deliveryRate) onNews(now instant.Time, smoothed time.Duration) {
	gap := now.Sub(d.news)
	if d.news.IsSet() && gap <= smoothed+maxAckInterval {
		d.interval += (min(gap, maxAckInterval) - d.interval) / 8
	}
	d.news = now
}
