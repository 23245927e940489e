package core

import (
	"time"
)

// PathMemory is what a connection has learnt of its path, for the next one to
// begin with (docs/protocol.md §8.7, RFC 9959). A zero field is unknown.
type PathMemory struct {
	RTT  time.Duration // smoothed
	Rate int64         // gross bytes per second that arrived
	Loss float64       // share of packets lost whatever the rate
}

// tokenPause is how long a server lets pass, and tokenChange by what factor its
// rate has to differ, before it gives its client another token.
const (
	tokenPause  = time.Second
	tokenChange = 1.3
)

// PathMemory returns what is known of the path by now. The rate is unknown as
// long as it is searched for, and where it was asked for or left to others.
func (c *Conn) PathMemory() PathMemory {
	m := PathMemory{RTT: c.recovery.SmoothedRTT()}
	if s := c.controller.State(); s.Settled && !c.carrierPaces() && !c.background() {
		m.Rate, m.Loss = s.Bandwidth, s.LossRate
	}
	return m
}

// renewToken has a server hand its client a token that knows the path, once the
// rate has been found, and again when it has become another.
func (c *Conn) renewToken() {
	if c.makeToken == nil || !c.confirmed || c.now.Before(c.tokenAt.Add(tokenPause)) && c.tokenRate > 0 {
		return
	}
	m := c.PathMemory()
	if m.Rate == 0 || float64(m.Rate) < tokenChange*float64(c.tokenRate) && float64(c.tokenRate) < tokenChange*float64(m.Rate) {
		return
	}
	if token := c.makeToken(m); token != nil {
		c.pending.newToken, c.pending.sendToken = token, true
		c.tokenRate, c.tokenAt = m.Rate, c.now
	}
}
