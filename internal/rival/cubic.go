package rival

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
)

// Constants of RFC 9438 section 4.
const (
	cubicC    = 0.4
	cubicBeta = 0.7
	cubicReno = 3 * (1 - cubicBeta) / (1 + cubicBeta) // alpha of the Reno-friendly region
)

// HyStart of Linux: a round whose shortest round trip, over its first eight
// samples, is longer than that of the connection by an eighth, within bounds,
// ends slow start.
const (
	hystartSamples  = 8
	hystartMin      = 4 * time.Millisecond
	hystartMax      = 16 * time.Millisecond
	hystartLowLimit = 16 // segments
)

// Cubic is CUBIC as Linux has it by default: HyStart on, unpaced.
type Cubic struct {
	cwnd, threshold float64
	reno            float64 // the window that Reno would have
	maximum         float64 // W_max
	k               float64 // seconds
	epoch           instant.Time
	smoothed        time.Duration
	minRTT          time.Duration
	roundMin        time.Duration
	samples         int
}

// NewCubic returns the controller of one flow.
func NewCubic() *Cubic {
	return &Cubic{cwnd: initialWindow, threshold: math.Inf(1)}
}

func (c *Cubic) window() float64 { return c.cwnd }
func (c *Cubic) pace() float64   { return 0 }

func (c *Cubic) onAck(s sample) {
	if s.rtt > 0 {
		c.takeRTT(s)
	}
	if s.event {
		c.reduce()
		return
	}
	// A window that is not used does not grow (RFC 9438 section 4.2).
	if s.acked == 0 || float64(s.inflight+s.acked) < 0.8*c.cwnd {
		return
	}
	if c.cwnd < c.threshold {
		c.cwnd += float64(s.acked)
		return
	}
	c.grow(s)
}

// takeRTT keeps the round-trip times and, in slow start, runs HyStart.
func (c *Cubic) takeRTT(s sample) {
	if c.minRTT == 0 || s.rtt < c.minRTT {
		c.minRTT = s.rtt
	}
	if c.smoothed == 0 {
		c.smoothed = s.rtt
	}
	c.smoothed += (s.rtt - c.smoothed) / 8
	if s.round {
		c.samples, c.roundMin = 0, s.rtt
	}
	c.roundMin = min(c.roundMin, s.rtt)
	c.samples++
	rise := min(max(c.minRTT/8, hystartMin), hystartMax)
	if c.cwnd < c.threshold && c.cwnd >= hystartLowLimit && c.samples >= hystartSamples && c.roundMin >= c.minRTT+rise {
		c.threshold = c.cwnd
	}
}

// reduce answers a loss (section 4.6), with fast convergence (section 4.7).
func (c *Cubic) reduce() {
	if c.cwnd < c.maximum {
		c.maximum = c.cwnd * (1 + cubicBeta) / 2
	} else {
		c.maximum = c.cwnd
	}
	c.cwnd = max(2, c.cwnd*cubicBeta)
	c.threshold = c.cwnd
	c.epoch = 0
}

// grow is congestion avoidance (sections 4.2 to 4.5).
func (c *Cubic) grow(s sample) {
	if c.epoch == 0 {
		c.epoch = s.now
		c.reno = c.cwnd
		if c.maximum < c.cwnd {
			c.maximum = c.cwnd
		}
		c.k = math.Cbrt((c.maximum - c.cwnd) / cubicC)
	}
	t := s.now.Sub(c.epoch).Seconds() + c.smoothed.Seconds()
	target := cubicC*math.Pow(t-c.k, 3) + c.maximum
	target = min(max(target, c.cwnd), 1.5*c.cwnd)
	alpha := cubicReno
	if c.reno >= c.maximum {
		alpha = 1
	}
	c.reno += alpha * float64(s.acked) / c.cwnd
	c.cwnd += (target - c.cwnd) / c.cwnd * float64(s.acked)
	c.cwnd = max(c.cwnd, c.reno)
}

func (c *Cubic) onTimeout() {
	c.reduce()
	c.cwnd = 1
}
