package link

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/uft/internal/rate"
)

// setCoDel reads what follows the word codel: parts that begin with a plus
// sign, each recognized by its form. A flag may have commas in their place,
// which separate words elsewhere.
func (c *Config) setCoDel(options string) error {
	wrong := errors.New("write codel+TARGET+INTERVAL, for example codel+5ms+100ms; a number of bytes bounds the queue, and +ecn marks instead of dropping")
	codel := CoDel{Target: DefaultCoDelTarget, Interval: DefaultCoDelInterval}
	limit := 0
	times := []*time.Duration{&codel.Target, &codel.Interval}
	for rest := strings.ReplaceAll(options, ",", "+"); rest != ""; {
		after, found := strings.CutPrefix(rest, "+")
		if !found {
			return wrong
		}
		part := after
		if end := strings.IndexByte(after, '+'); end >= 0 {
			part = after[:end]
		}
		rest = after[len(part):]
		if part == "ecn" && !codel.ECN {
			codel.ECN = true
			continue
		}
		if n, ok := parseBytes(part); ok && limit == 0 && n > 0 && n <= maxQueueBytes {
			limit = n
			continue
		}
		d, err := time.ParseDuration(part)
		if err != nil || d <= 0 || d > maxDuration || len(times) == 0 {
			return wrong
		}
		*times[0] = d
		times = times[1:]
	}
	if codel.Interval < codel.Target {
		if len(times) == 0 {
			return fmt.Errorf("the target %v must be at most the interval %v", codel.Target, codel.Interval)
		}
		// RFC 8289 §4.4 makes the target 5 to 10 % of the interval.
		codel.Interval = min(20*codel.Target, maxDuration)
	}
	c.QueueBytes, c.QueueDelay, c.CoDel = limit, 0, codel
	return nil
}

// codelString returns the value of the word queue for a queue with CoDel.
func (c Config) codelString() string {
	text := "codel+" + c.CoDel.Target.String() + "+" + c.CoDel.Interval.String()
	if c.QueueBytes != 0 {
		text += "+" + strconv.Itoa(c.QueueBytes)
	}
	if c.CoDel.ECN {
		text += "+ecn"
	}
	return text
}

// setPolice reads the rate of a policer and the depth of its bucket.
func (c *Config) setPolice(value string) error {
	if value == "none" || value == "0" {
		c.Police, c.PoliceBurst = 0, 0
		return nil
	}
	text, burst, found := strings.Cut(strings.ReplaceAll(value, ",", "+"), "+")
	bits, err := rate.Parse(text)
	if err != nil {
		// The value is already in the text of Set, so only the reason is kept.
		return errors.Unwrap(err)
	}
	depth := 0
	if found {
		n, ok := parseBytes(burst)
		if !ok || n < 1 || n > maxQueueBytes {
			return fmt.Errorf("write the burst as a number of bytes up to %d, for example 10M+64k", maxQueueBytes)
		}
		depth = n
	}
	c.Police, c.PoliceBurst = bits, depth
	return nil
}
