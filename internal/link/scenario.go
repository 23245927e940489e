package link

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/uft/internal/instant"
)

// maxSteps bounds a scenario.
const maxSteps = 10_000

// A Step is a change of a link at a time that is known before.
type Step struct {
	At time.Duration // after the start of the link

	// Change holds words of a specification (see Parse), which are put in
	// place of those that hold by then. Blackouts are added to those there
	// are and count from the step: blackout=10s begins with it, and
	// blackout=5s+10s five seconds later.
	Change string
}

// A Scenario is what happens to a link as time passes: steps in the order of
// their times. Those of equal time happen in their order.
type Scenario struct {
	Steps []Step

	// Repeat is the time after which the steps happen again, counted from
	// the start, and again after that; 0 means that they happen once. What
	// the last step left stays until a step changes it.
	Repeat time.Duration
}

// Validate returns an error that names the first step that makes no sense on
// a link that begins with a given configuration.
func (s Scenario) Validate(c Config) error {
	last := time.Duration(0)
	// A second round meets what the first one left; a third one meets the same.
	for range 2 {
		for i, step := range s.Steps {
			var err error
			if c, err = c.amended(step.At, step.Change); err != nil {
				return fmt.Errorf("step %d, at %v: %w", i+1, step.At, err)
			}
		}
	}
	for i, step := range s.Steps {
		if step.At < last || step.At > maxDuration {
			return fmt.Errorf("step %d, at %v: steps are given in the order of their times, from 0 to %v", i+1, step.At, maxDuration)
		}
		last = step.At
	}
	if s.Repeat < 0 || s.Repeat > maxDuration || s.Repeat > 0 && s.Repeat <= last {
		return fmt.Errorf("repeat %v: must be after the last step, at %v, and at most %v", s.Repeat, last, maxDuration)
	}
	return nil
}

// progress is how far a link is in its scenario.
type progress struct {
	Scenario
	next  int           // the step that comes next
	round time.Duration // when the current round began
}

// Follow makes the link change as a scenario says, which must be valid for
// its configuration, from the start of the link on. Steps change the link as
// it is by then; one that does not fit a configuration changed meanwhile by
// Change or Amend is left out.
func (l *Link) Follow(s Scenario) { l.scenario = progress{Scenario: s} }

// followScenario takes the steps that are due. A link only acts when a
// datagram enters, so it is early enough to look then; every step is given its
// own time, so nothing depends on when that is.
func (l *Link) followScenario(now instant.Time) {
	for s := &l.scenario; l.started && len(s.Steps) > 0; {
		if s.next == len(s.Steps) {
			if s.Repeat == 0 {
				return
			}
			s.next = 0
			s.round += s.Repeat
			s.skipRounds(now.Sub(l.epoch))
		}
		at := l.epoch.Add(s.round + s.Steps[s.next].At)
		if at.After(now) {
			return
		}
		// The step was checked by Validate; see Follow for the rest.
		_ = l.amend(at, s.Steps[s.next].Change)
		s.next++
	}
}

// skipRounds passes over whole rounds in which no datagram entered, but for
// the last one, which leaves the link as all of them would.
func (s *progress) skipRounds(elapsed time.Duration) {
	if whole := (elapsed - s.round) / s.Repeat; whole > 1 {
		s.round += (whole - 1) * s.Repeat
	}
}

// amended returns c with the changes of a step that happens at elapsed, in
// time since the start of the link.
func (c Config) amended(elapsed time.Duration, spec string) (Config, error) {
	old := c.Blackouts
	var words []string
	for item := range strings.SplitSeq(spec, ",") {
		word, value, _ := strings.Cut(item, "=")
		if strings.TrimSpace(word) == "blackout" {
			value = strings.TrimSpace(value)
			if value == "none" {
				old = nil
			} else if !strings.Contains(value, "+") {
				item = "blackout=0s+" + value
			}
		}
		words = append(words, item)
	}
	c.Blackouts = nil
	c, err := c.With(strings.Join(words, ","))
	if err != nil {
		return Config{}, err
	}
	var all []Blackout
	for _, b := range old {
		if b.Start+b.Length > elapsed { // the others would only pile up
			all = append(all, b)
		}
	}
	for _, b := range c.Blackouts {
		b.Start += elapsed
		all = append(all, b)
	}
	c.Blackouts = all
	return c, nil
}

// ParseScenario reads the text of a scenario, which says for either direction
// what happens to it, such as
//
//	# A train in a tunnel.
//	0s:   rate=20M delay=30ms
//	10s:  up.loss=5% down.rate=2M
//	12s:  blackout=3s
//	repeat 30s
//
// that is, in each line a time since the start, with its unit, and the words
// of a specification (see Step) that change then, in both directions or in
// one. Times ascend; a line `repeat TIME` says when the lines above begin
// again; empty lines and what follows a # are passed over. The error names
// the line. That the words fit the links is left to Scenario.Validate.
func ParseScenario(text string) (up, down Scenario, err error) {
	last, repeat, number := time.Duration(0), time.Duration(0), 0
	fail := func(format string, args ...any) (Scenario, Scenario, error) {
		return Scenario{}, Scenario{}, fmt.Errorf("line %d: %w", number, fmt.Errorf(format, args...))
	}
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if repeat > 0 {
			return fail("nothing may follow the line `repeat`")
		}
		if value, found := strings.CutPrefix(line, "repeat"); found {
			value = strings.Trim(value, " \t:=")
			if repeat, err = time.ParseDuration(value); err != nil || repeat <= last || repeat > maxDuration {
				return fail("repeat %q: write a time after the last line's %v, for example repeat 30s", value, last)
			}
			continue
		}
		at, changes, err := parseStep(line)
		switch {
		case err != nil:
			return fail("%w", err)
		case at < last:
			return fail("%v is before the %v of an earlier line", at, last)
		case len(up.Steps)+len(down.Steps) >= maxSteps:
			return fail("more than %d steps are too many", maxSteps)
		}
		last = at
		if changes.Up != "" {
			up.Steps = append(up.Steps, Step{at, changes.Up})
		}
		if changes.Down != "" {
			down.Steps = append(down.Steps, Step{at, changes.Down})
		}
	}
	if last == 0 && len(up.Steps)+len(down.Steps) == 0 {
		return up, down, errors.New("the scenario has no steps; write lines such as 10s: rate=5M")
	}
	up.Repeat, down.Repeat = repeat, repeat
	return up, down, nil
}

// parseStep reads one line of a scenario.
func parseStep(line string) (at time.Duration, changes Changes, err error) {
	const form = "write a time and what changes then, for example 10s: rate=5M delay=100ms"
	text, words, found := strings.Cut(line, ":")
	if !found {
		return 0, Changes{}, fmt.Errorf("%q has no colon; %s", line, form)
	}
	if err := setDuration(&at, strings.TrimSpace(text)); err != nil {
		return 0, Changes{}, fmt.Errorf("%q is not a time with its unit; %s", text, form)
	}
	changes, err = ParseChanges(words)
	return at, changes, err
}

// Changes are the words of a specification (see Step) for two directions.
type Changes struct{ Up, Down string }

// ParseChanges reads words that are separated by spaces or commas and change
// both directions, or only the one they begin with: rate=5M up.rate=1M. The
// word for one direction goes before the same word for both.
func ParseChanges(text string) (Changes, error) {
	items := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	if len(items) == 0 {
		return Changes{}, errors.New("nothing is said to change; write for example rate=5M loss=2%")
	}
	c := Changes{changesOf(items, "up.", "down."), changesOf(items, "down.", "up.")}
	for _, spec := range [...]string{c.Up, c.Down} {
		// The words by themselves; whether they fit a link is seen there.
		if err := checkWords(spec); err != nil {
			return Changes{}, err
		}
	}
	return c, nil
}

// changesOf returns the specification for the direction of a prefix.
func changesOf(items []string, prefix, other string) string {
	nameOf := func(item string) string {
		name, _, _ := strings.Cut(item, "=")
		return name
	}
	var own, spec []string
	for _, item := range items {
		if word, found := strings.CutPrefix(item, prefix); found {
			own = append(own, nameOf(word))
		}
	}
	for _, item := range items {
		word, found := strings.CutPrefix(item, prefix)
		if found || !strings.HasPrefix(item, other) && !slices.Contains(own, nameOf(item)) {
			spec = append(spec, word)
		}
	}
	return strings.Join(spec, ",")
}

// checkWords returns the error of the first word that is none or has a value
// that makes no sense.
func checkWords(spec string) error {
	if spec == "" {
		return nil
	}
	// A path that loses everything and repeats nothing fits any burst.
	_, err := Config{Loss: 1}.amended(0, spec)
	return err
}
