package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/uft/internal/instant"
)

// Bounds of a trace.
const (
	opportunityBytes   = 1500
	maxOpportunities   = 10_000_000
	maxTraceLineLength = 100
)

// A Trace is a recording of a cellular link in the format of mahimahi
// (Netravali et al., USENIX ATC 2015): the times, from its begin, of the
// opportunities to send 1500 bytes each. It begins again at its last time.
type Trace struct {
	opportunities []time.Duration // ascending; the last is the length of the trace
}

// ParseTrace reads a trace: in each line a whole number of milliseconds, in
// ascending order, several times the same number where there were several
// opportunities in that millisecond. Empty lines and those that begin with #
// are passed over. The error names the line.
func ParseTrace(r io.Reader) (*Trace, error) {
	t := new(Trace)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTraceLineLength)
	last, number := int64(0), 1
	for ; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil || ms < 0 || ms > int64(maxDuration/time.Millisecond):
			return nil, fmt.Errorf("line %d: %q is not a number of milliseconds", number, text)
		case ms < last:
			return nil, fmt.Errorf("line %d: %d ms is before the %d ms of an earlier line", number, ms, last)
		case len(t.opportunities) == maxOpportunities:
			return nil, fmt.Errorf("line %d: more than %d opportunities are too many", number, maxOpportunities)
		}
		last = ms
		t.opportunities = append(t.opportunities, time.Duration(ms)*time.Millisecond)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", number, err)
	}
	if last == 0 {
		return nil, errors.New("the trace has no time above 0 ms; write one number of milliseconds in each line")
	}
	return t, nil
}

// Rate returns the mean rate of the trace in bit/s.
func (t *Trace) Rate() int64 {
	bits := float64(len(t.opportunities)) * opportunityBytes * 8
	return int64(bits / t.length().Seconds())
}

func (t *Trace) length() time.Duration { return t.opportunities[len(t.opportunities)-1] }

// at returns the time of an opportunity, counted from zero over all
// repetitions.
func (t *Trace) at(index int) time.Duration {
	n := len(t.opportunities)
	return time.Duration(index/n)*t.length() + t.opportunities[index%n]
}

// from returns the first opportunity that is not before a time.
func (t *Trace) from(since time.Duration) int {
	if since <= 0 {
		return 0
	}
	// The end of a round is the last opportunity of that round, and a first
	// one at 0 ms follows it at the same time: hence one nanosecond less.
	round := int((since - 1) / t.length())
	within, _ := slices.BinarySearch(t.opportunities, since-time.Duration(round)*t.length())
	return round*len(t.opportunities) + within
}

// cells is a bottleneck that sends when a trace says so. An opportunity
// carries 1500 bytes, of one datagram or several, and a large datagram takes
// several; what nobody waits for is lost.
type cells struct {
	trace   *Trace
	epoch   instant.Time
	current int          // the opportunity in which the last datagram ends
	left    int          // its bytes that are not spoken for
	began   bool         // whether anything was sent
	busy    instant.Time // until when a bottleneck before this one sends
}

func newCells(trace *Trace, epoch, busy instant.Time) cells {
	return cells{trace: trace, epoch: epoch, busy: busy}
}

// free returns when everything accepted has been sent.
func (c *cells) free() instant.Time {
	if !c.began {
		return c.busy
	}
	return c.epoch.Add(c.trace.at(c.current))
}

// seek moves to the opportunity in which the next byte of a datagram that
// arrives at now leaves.
func (c *cells) seek(now instant.Time) (index, left int) {
	now = max(now, c.busy)
	if c.began && !c.free().Before(now) {
		if c.left > 0 {
			return c.current, c.left
		}
		return c.current + 1, opportunityBytes
	}
	return c.trace.from(now.Sub(c.epoch)), opportunityBytes
}

// begin returns when the first byte of a datagram accepted at now leaves.
func (c *cells) begin(now instant.Time) instant.Time {
	index, _ := c.seek(now)
	return c.epoch.Add(c.trace.at(index))
}

// backlog returns how many bytes accepted before now leave later than now. All
// opportunities up to the current one are full, or the queue would have been
// empty in between.
func (c *cells) backlog(now instant.Time) int {
	if !c.began || !c.free().After(now) {
		return 0
	}
	first := c.trace.from(now.Sub(c.epoch) + 1)
	return (c.current-first+1)*opportunityBytes - c.left
}

// send returns when the last byte of a datagram that is accepted at now leaves.
func (c *cells) send(now instant.Time, size int) instant.Time {
	index, left := c.seek(now)
	if size > left {
		more := (size - left + opportunityBytes - 1) / opportunityBytes
		index += more
		left += more * opportunityBytes
	}
	c.current, c.left, c.began = index, left-size, true
	return c.free()
}
