package link

import (
	"fmt"
	"math"
	"time"

	"example.com/uft/internal/rate"
)

// Limits of a Config. They keep every sum of times and every product of bits
// and nanoseconds far away from the end of an int64.
const (
	maxDuration    = 10_000 * time.Hour
	maxQueueBytes  = 1 << 30
	maxHeaderBytes = 1 << 16
	maxBurst       = 1e9
	maxBlackouts   = 1000
)

// A Config says what one direction of a network does to datagrams. The zero
// Config is a perfect one: everything arrives at once and unharmed.
type Config struct {
	// Loss is the share of datagrams that are lost on the path, from 0 to 1.
	Loss float64

	// Burst is the mean number of datagrams lost in a row. Above 1 the losses
	// follow the Gilbert–Elliott model with Loss as their average; at 0 or 1
	// every datagram is lost or not by itself.
	Burst float64

	// Delay is the time from one end of the path to the other.
	Delay time.Duration

	// Jitter spreads the delay evenly over Delay ± Jitter, never below zero.
	// Every datagram is delayed by itself, so jitter reorders datagrams that
	// follow each other closer than 2 × Jitter.
	Jitter time.Duration

	// Reorder is the probability that a datagram is held back, by half the
	// delay and at least 5 ms, so that later ones overtake it.
	Reorder float64

	// Duplicate is the probability that a datagram arrives twice. The copy
	// has a jitter, a reordering and a damage of its own.
	Duplicate float64

	// Corrupt is the probability that a datagram arrives with flipped bits.
	Corrupt float64

	// Rate is the rate of the bottleneck at the IP layer in bit/s; 0 means
	// that there is no bottleneck.
	Rate int64

	// Trace takes the place of Rate: a bottleneck that sends when a recording
	// of a cellular link says so. At most one of the two may be set. It has no
	// word in a specification.
	Trace *Trace

	// QueueBytes and QueueDelay bound the queue in front of the bottleneck:
	// by the bytes waiting or being sent, or by the time that the last of
	// them waits. At most one of the two may be set. With neither, the queue
	// is bounded to 100 ms, or to 24 000 bytes where that is more; to 1 s with
	// CoDel; and to 256 KiB with a trace.
	QueueBytes int
	QueueDelay time.Duration

	// CoDel keeps the delay of the queue short (RFC 8289). Without it the
	// queue is a drop-tail queue.
	CoDel CoDel

	// Police is the rate in bit/s, at the IP layer, above which a policer in
	// front of the queue drops; 0 means that there is none. PoliceBurst is
	// the size of its token bucket in bytes; 0 is 100 ms of the rate, or
	// 24 000 bytes where that is more.
	Police      int64
	PoliceBurst int

	// Blackouts are times in which everything that enters is lost.
	Blackouts []Blackout

	// HeaderBytes is added to the size of each datagram where the rates and
	// their bounds in bytes are charged: 28 makes the payload of a UDP datagram a whole
	// IPv4 packet, 48 a whole IPv6 packet.
	HeaderBytes int
}

// A Blackout is an interruption of the path. Start counts from the first
// datagram that enters the link, or from Link.Start where that was called.
type Blackout struct {
	Start, Length time.Duration
}

// Validate returns an error that names the first field, by its word in the
// specification (see Parse), whose value makes no sense.
func (c Config) Validate() error {
	for _, p := range [...]struct {
		word  string
		value float64
	}{{"loss", c.Loss}, {"reorder", c.Reorder}, {"duplicate", c.Duplicate}, {"corrupt", c.Corrupt}} {
		if !(p.value >= 0 && p.value <= 1) { // written so that NaN fails
			return fmt.Errorf("%s %v: a probability lies between 0 and 1", p.word, p.value)
		}
	}
	if err := c.validateBurst(); err != nil {
		return err
	}
	for _, d := range [...]struct {
		word  string
		value time.Duration
	}{
		{"delay", c.Delay},
		{"jitter", c.Jitter},
		{"queue", c.QueueDelay},
		{"queue: CoDel's target", c.CoDel.Target},
		{"queue: CoDel's interval", c.CoDel.Interval},
	} {
		if d.value < 0 || d.value > maxDuration {
			return fmt.Errorf("%s %v: must lie between 0 and %v", d.word, d.value, maxDuration)
		}
	}
	if err := c.validateBottleneck(); err != nil {
		return err
	}
	if len(c.Blackouts) > maxBlackouts {
		return fmt.Errorf("blackout: %d of them are too many, at most %d are allowed", len(c.Blackouts), maxBlackouts)
	}
	for _, b := range c.Blackouts {
		if b.Start < 0 || b.Start > maxDuration || b.Length <= 0 || b.Length > maxDuration {
			return fmt.Errorf("blackout %v+%v: the start must not be negative, the length must be above 0, and both at most %v",
				b.Start, b.Length, maxDuration)
		}
	}
	return nil
}

// validateBurst checks the mean burst length against the loss: between two
// bursts at least one datagram arrives, so bursts of N datagrams cannot make
// up more than N/(N+1) of all.
func (c Config) validateBurst() error {
	if c.Burst == 0 {
		return nil
	}
	if !(c.Burst >= 1 && c.Burst <= maxBurst) {
		return fmt.Errorf("burst %v: the mean number of datagrams lost in a row lies between 1 and %v", c.Burst, float64(maxBurst))
	}
	const rounding = 1e-9
	if limit := c.Burst / (c.Burst + 1); c.Burst > 1 && c.Loss > limit+rounding && c.Loss < 1 {
		return fmt.Errorf("loss %v: bursts of %v with an arrival between them lose at most %.3f of all; make the burst at least %v",
			c.Loss, c.Burst, limit, math.Ceil(c.Loss/(1-c.Loss)-rounding))
	}
	return nil
}

func (c Config) validateBottleneck() error {
	if c.Rate < 0 || c.Rate > rate.Max {
		return fmt.Errorf("rate %d: must lie between 0 and %s", c.Rate, rate.Format(rate.Max))
	}
	if c.QueueBytes < 0 || c.QueueBytes > maxQueueBytes {
		return fmt.Errorf("queue %d: must lie between 0 and %d bytes", c.QueueBytes, maxQueueBytes)
	}
	if c.QueueBytes > 0 && c.QueueDelay > 0 {
		return fmt.Errorf("queue: bounded by bytes (%d) and by time (%v), but only one can be", c.QueueBytes, c.QueueDelay)
	}
	if c.Rate > 0 && c.Trace != nil {
		return fmt.Errorf("rate %s: there is a trace of a cellular link too, but only one can say when to send", rate.Format(c.Rate))
	}
	if c.CoDel != (CoDel{}) && (c.CoDel.Target == 0 || c.CoDel.Interval < c.CoDel.Target) {
		return fmt.Errorf("queue: CoDel's target must be above 0 and at most its interval, but they are %v and %v", c.CoDel.Target, c.CoDel.Interval)
	}
	if c.CoDel.Target > 0 && c.QueueDelay > 0 {
		return fmt.Errorf("queue: a queue with CoDel is bounded by bytes, not by %v", c.QueueDelay)
	}
	if c.Police < 0 || c.Police > rate.Max {
		return fmt.Errorf("police %d: must lie between 0 and %s", c.Police, rate.Format(rate.Max))
	}
	if c.PoliceBurst < 0 || c.PoliceBurst > maxQueueBytes || c.PoliceBurst > 0 && c.Police == 0 {
		return fmt.Errorf("police: a burst of %d bytes must lie between 0 and %d, and needs a rate", c.PoliceBurst, maxQueueBytes)
	}
	if c.HeaderBytes < 0 || c.HeaderBytes > maxHeaderBytes {
		return fmt.Errorf("header bytes %d: must lie between 0 and %d", c.HeaderBytes, maxHeaderBytes)
	}
	return nil
}
