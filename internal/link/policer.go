package link

import (
	"time"

	"example.com/uft/internal/instant"
)

// defaultPoliceDelay is the burst of a policer where the Config names none, in
// time at its rate; it is never less than defaultQueueBytes.
const defaultPoliceDelay = 100 * time.Millisecond

// A policer drops what exceeds a rate and delays nothing: a token bucket
// (RFC 2697 describes the kind). It is kept as its mirror image, a virtual
// line that drains at the rate: what is missing in the bucket is what that
// line still has to send, so the arithmetic is that of a real one, exact to
// the bit. As at a real line, a full bucket lets a datagram of any size pass.
type policer struct {
	bucket line
	depth  time.Duration // of the bucket, in time at its rate
}

func newPolicer(c *Config) policer {
	p := policer{bucket: line{rate: c.Police}}
	switch {
	case c.Police == 0:
	case c.PoliceBurst > 0:
		p.depth = sendingTime(c.PoliceBurst, c.Police)
	default:
		p.depth = max(defaultPoliceDelay, sendingTime(defaultQueueBytes, c.Police))
	}
	return p
}

// passes reports whether a datagram of size bytes conforms, and charges it if
// so.
func (p *policer) passes(now instant.Time, size int) bool {
	if p.bucket.rate == 0 {
		return true
	}
	missing := max(0, p.bucket.free.Sub(now))
	if missing > 0 && missing+p.bucket.sending(size) > p.depth {
		return false
	}
	p.bucket.send(now, size)
	return true
}
