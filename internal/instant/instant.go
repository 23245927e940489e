// Package instant is the time of the protocol core: a point on a monotonic
// clock that somebody else reads.
//
// The package deliberately has no Now function. The core, the simulator and
// the link model take the time as an argument, so the same inputs always give
// the same outputs; the shells (package transport, the medium program) are
// the only ones that look at a clock and convert its reading to a Time.
package instant

import (
	"fmt"
	"math"
	"time"
)

// Time is a point in time, in nanoseconds since an epoch that the owner of
// the clock chose. Times of different clocks must not be mixed. The zero Time
// is the epoch itself; the core uses it for "not set", so a clock should start
// above zero.
type Time int64

// Never is later than every other time. A deadline of Never is no deadline.
const Never Time = math.MaxInt64

// Add returns the time d after t. Never stays Never.
func (t Time) Add(d time.Duration) Time {
	if t == Never {
		return Never
	}
	return t + Time(d)
}

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Before reports whether t is earlier than u.
func (t Time) Before(u Time) bool { return t < u }

// After reports whether t is later than u.
func (t Time) After(u Time) bool { return t > u }

// IsSet reports whether t is a real point in time: neither zero nor Never.
func (t Time) IsSet() bool { return t != 0 && t != Never }

// String prints the time as the duration since the epoch.
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return fmt.Sprintf("%.6fs", time.Duration(t).Seconds())
}

// Min returns the earliest of its arguments.
func Min(first Time, rest ...Time) Time {
	for _, t := range rest {
		if t < first {
			first = t
		}
	}
	return first
}
