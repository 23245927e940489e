package link

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"example.com/uft/internal/rate"
)

// byteSuffixes are the prefixes for a number of bytes, decimal as for rates,
// or binary with an i. They are told apart from durations by their case: 10M
// is ten megabytes, 10m ten minutes.
var byteSuffixes = [...]struct {
	symbol string
	factor int64
}{
	{"Ki", 1 << 10},
	{"Mi", 1 << 20},
	{"Gi", 1 << 30},
	{"k", 1e3},
	{"K", 1e3},
	{"M", 1e6},
	{"G", 1e9},
	{"", 1},
}

// Parse reads a specification such as
//
//	loss=0.1,burst=5,delay=30ms,jitter=20ms,rate=10M,queue=64k
//
// that is, words with values, separated by commas. The words are
//
//	loss, reorder, duplicate, corrupt   a probability: 0.05, or 5%
//	burst                               a mean number of datagrams: 5
//	delay, jitter                       a duration: 30ms, 1.5s
//	rate                                bit/s as in package rate; 0 or unlimited: none
//	queue                               bytes, 64k or 64Ki, or a duration, 50ms, or
//	                                    codel+TARGET+INTERVAL+BYTES+ecn: RFC 8289; any
//	                                    of its parts may be left out: codel, codel+ecn
//	police                              RATE or RATE+BYTES, or none: 10M+64k
//	blackout                            START+LENGTH, 2s+500ms, or none; may be repeated
//
// The error names the word and the value at fault, in one line.
func Parse(spec string) (Config, error) { return Config{}.With(spec) }

// With returns the configuration with the words of a specification (see
// Parse) put in place of its own values; blackouts in the specification
// replace all blackouts. The result is valid.
func (c Config) With(spec string) (Config, error) {
	seen := make(map[string]bool)
	for item := range strings.SplitSeq(spec, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			if strings.TrimSpace(spec) == "" {
				break
			}
			return Config{}, errors.New("there is nothing between two commas or at an end; write word=value,word=value")
		}
		word, value, found := strings.Cut(item, "=")
		if !found {
			return Config{}, fmt.Errorf("%q has no value; write word=value, for example loss=0.1", item)
		}
		word, value = strings.TrimSpace(word), strings.TrimSpace(value)
		if seen[word] && word != "blackout" {
			return Config{}, fmt.Errorf("%s is given twice", word)
		}
		if word == "blackout" && !seen[word] {
			c.Blackouts = nil
		}
		seen[word] = true
		if err := c.Set(word, value); err != nil {
			return Config{}, err
		}
	}
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Set gives one word of a specification (see Parse) its value; a blackout is
// added to those there are. The value is checked by itself; that the values
// fit together is left to Validate.
func (c *Config) Set(word, value string) error {
	var err error
	switch word {
	case "loss":
		err = setProbability(&c.Loss, value)
	case "burst":
		err = setBurst(&c.Burst, value)
	case "delay":
		err = setDuration(&c.Delay, value)
	case "jitter":
		err = setDuration(&c.Jitter, value)
	case "reorder":
		err = setProbability(&c.Reorder, value)
	case "duplicate":
		err = setProbability(&c.Duplicate, value)
	case "corrupt":
		err = setProbability(&c.Corrupt, value)
	case "rate":
		err = c.setRate(value)
	case "queue":
		err = c.setQueue(value)
	case "police":
		err = c.setPolice(value)
	case "blackout":
		err = c.addBlackout(value)
	default:
		return fmt.Errorf("%q is not a word of the specification; the words are loss, burst, delay, jitter, reorder, duplicate, corrupt, rate, queue, police and blackout", word)
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", word, value, err)
	}
	return nil
}

// String returns the specification of c, which Parse reads back, or nothing
// for a perfect link. HeaderBytes and Trace are not part of it.
func (c Config) String() string {
	var words []string
	add := func(word, value string) { words = append(words, word+"="+value) }
	number := func(word string, x float64) {
		if x != 0 {
			add(word, strconv.FormatFloat(x, 'g', -1, 64))
		}
	}
	duration := func(word string, d time.Duration) {
		if d != 0 {
			add(word, d.String())
		}
	}
	number("loss", c.Loss)
	number("burst", c.Burst)
	duration("delay", c.Delay)
	duration("jitter", c.Jitter)
	number("reorder", c.Reorder)
	number("duplicate", c.Duplicate)
	number("corrupt", c.Corrupt)
	if c.Rate != 0 {
		add("rate", strconv.FormatInt(c.Rate, 10))
	}
	switch {
	case c.CoDel.Target != 0:
		add("queue", c.codelString())
	case c.QueueBytes != 0:
		add("queue", strconv.Itoa(c.QueueBytes))
	}
	duration("queue", c.QueueDelay)
	if c.Police != 0 {
		text := strconv.FormatInt(c.Police, 10)
		if c.PoliceBurst != 0 {
			text += "+" + strconv.Itoa(c.PoliceBurst)
		}
		add("police", text)
	}
	for _, b := range c.Blackouts {
		add("blackout", b.Start.String()+"+"+b.Length.String())
	}
	return strings.Join(words, ",")
}

func setProbability(target *float64, value string) error {
	number, percent := strings.CutSuffix(value, "%")
	p, err := strconv.ParseFloat(number, 64)
	if percent {
		p /= 100
	}
	if err != nil || !(p >= 0 && p <= 1) {
		return errors.New("write a probability between 0 and 1, for example 0.05")
	}
	*target = p
	return nil
}

func setBurst(target *float64, value string) error {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n >= 1 && n <= maxBurst) {
		return errors.New("write the mean number of datagrams lost in a row, at least 1, for example 5")
	}
	*target = n
	return nil
}

func setDuration(target *time.Duration, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > maxDuration {
		return errors.New("write a duration with its unit, for example 30ms or 1.5s")
	}
	*target = d
	return nil
}

func (c *Config) setRate(value string) error {
	if value == "0" || value == "unlimited" {
		c.Rate = 0
		return nil
	}
	bits, err := rate.Parse(value)
	if err != nil {
		// The value is already in the text of Set, so only the reason is kept.
		return errors.Unwrap(err)
	}
	c.Rate = bits
	return nil
}

// setQueue sets one kind of queue and clears the others, so that a
// specification can put a time in the place of a common number of bytes.
func (c *Config) setQueue(value string) error {
	if options, found := strings.CutPrefix(value, "codel"); found {
		return c.setCoDel(options)
	}
	if n, ok := parseBytes(value); ok {
		if n < 1 || n > maxQueueBytes {
			return fmt.Errorf("the queue must hold from 1 to %d bytes", maxQueueBytes)
		}
		c.QueueBytes, c.QueueDelay, c.CoDel = n, 0, CoDel{}
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 || d > maxDuration {
		return errors.New("write a number of bytes, for example 64k, or a duration, for example 50ms, or codel")
	}
	c.QueueBytes, c.QueueDelay, c.CoDel = 0, d, CoDel{}
	return nil
}

func (c *Config) addBlackout(value string) error {
	if value == "none" {
		c.Blackouts = nil
		return nil
	}
	start, length, found := strings.Cut(value, "+")
	var b Blackout
	if !found || setDuration(&b.Start, start) != nil || setDuration(&b.Length, length) != nil || b.Length == 0 {
		return errors.New("write when it starts and how long it is, both with units, for example 2s+500ms")
	}
	if len(c.Blackouts) >= maxBlackouts {
		return fmt.Errorf("more than %d blackouts are too many", maxBlackouts)
	}
	// A Config is passed by value, so a new slice keeps a blackout of one
	// direction from appearing in the other.
	c.Blackouts = append(append([]Blackout(nil), c.Blackouts...), b)
	return nil
}

// parseBytes reads a number of bytes with an optional suffix and an optional
// B. It reports false where the value is not of that form; the number is
// negative where it is too large to count.
func parseBytes(value string) (n int, ok bool) {
	value = strings.TrimSuffix(value, "B")
	for _, suffix := range byteSuffixes {
		digits, found := strings.CutSuffix(value, suffix.symbol)
		if !found {
			continue
		}
		if digits == "" || strings.Trim(digits, "0123456789") != "" {
			return 0, false
		}
		count, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || count > math.MaxInt64/suffix.factor || count*suffix.factor > math.MaxInt {
			return -1, true
		}
		return int(count * suffix.factor), true
	}
	return 0, false
}
