package medium

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"example.com/uft/internal/link"
	"example.com/uft/internal/medium"
)

// parseLinks reads what is to happen in the two directions: the flags, then
// the words without a flag, then those for one direction.
func (o *options) parseLinks(flags *pflag.FlagSet) error {
	common, err := commonLink(flags)
	if err != nil {
		return err
	}
	var changes link.Changes
	if flags.NArg() > 0 {
		if changes, err = positionalWords(flags.Args()); err != nil {
			return err
		}
	}
	up, down := common, common
	if up.Trace, down.Trace, err = parseCells(flags); err != nil {
		return err
	}
	for _, direction := range [...]struct {
		flag   string
		words  string
		target *link.Config
		start  link.Config
	}{{"up", changes.Up, &o.relay.Up, up}, {"down", changes.Down, &o.relay.Down, down}} {
		c := direction.start
		if direction.words != "" {
			if c, err = c.With(direction.words); err != nil {
				return err
			}
		}
		spec, _ := flags.GetString(direction.flag)
		if *direction.target, err = directionLink(direction.flag, c, spec); err != nil {
			return err
		}
	}
	return checkEffect(flags, o.relay.Up, o.relay.Down)
}

// positionalWords reads the arguments that belong to no flag.
func positionalWords(args []string) (link.Changes, error) {
	for _, arg := range args {
		if !strings.Contains(arg, "=") {
			return link.Changes{}, fmt.Errorf("%q is not a flag, nor a word with a value such as rate=10M", arg)
		}
	}
	return link.ParseChanges(strings.Join(args, " "))
}

// commonLink returns what the flags ask for in both directions.
func commonLink(flags *pflag.FlagSet) (link.Config, error) {
	var c link.Config
	for _, word := range words {
		if !flags.Changed(word) {
			continue
		}
		value, _ := flags.GetString(word)
		if err := c.Set(word, value); err != nil {
			return link.Config{}, fmt.Errorf("--%w", err)
		}
	}
	blackouts, _ := flags.GetStringArray("blackout")
	for _, value := range blackouts {
		start, length, found := strings.Cut(value, ",")
		if !found || c.Set("blackout", strings.TrimSpace(start)+"+"+strings.TrimSpace(length)) != nil {
			return link.Config{}, fmt.Errorf("--blackout %q: write when it starts and how long it is, both with units, for example 2s,500ms", value)
		}
	}
	return c, nil
}

// directionLink puts the words of --up or --down in place of common ones.
func directionLink(flag string, common link.Config, spec string) (link.Config, error) {
	c, err := common.With(spec)
	if err != nil && spec != "" {
		err = fmt.Errorf("--%s %q: %w", flag, spec, err)
	}
	return c, err
}

// checkEffect refuses flags that need another one to do anything.
func checkEffect(flags *pflag.FlagSet, up, down link.Config) error {
	if flags.Changed("scenario") {
		return nil // it may bring the other one
	}
	if flags.Changed("burst") && up.Loss == 0 && down.Loss == 0 {
		return errors.New("--burst does nothing without a loss; give --loss too, for example --loss 0.05")
	}
	limited := func(c link.Config) bool { return c.Rate > 0 || c.Trace != nil }
	if flags.Changed("queue") && !limited(up) && !limited(down) {
		return errors.New("--queue does nothing without a rate; give --rate too, for example --rate 10M")
	}
	return nil
}

// parseCells reads the traces of cellular links: one for both directions, or
// one for each.
func parseCells(flags *pflag.FlagSet) (up, down *link.Trace, err error) {
	if !flags.Changed("cells") {
		return nil, nil, nil
	}
	value, _ := flags.GetString("cells")
	first, second, two := strings.Cut(value, ",")
	if up, err = readTrace(first); err != nil {
		return nil, nil, err
	}
	if !two {
		return up, up, nil
	}
	down, err = readTrace(second)
	return up, down, err
}

func readTrace(path string) (*link.Trace, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--cells: %w", err)
	}
	defer file.Close()
	trace, err := link.ParseTrace(file)
	if err != nil {
		return nil, fmt.Errorf("--cells %s: %w", path, err)
	}
	return trace, nil
}

// parseScenario reads the file of --scenario.
func parseScenario(flags *pflag.FlagSet) (medium.Scenarios, error) {
	var s medium.Scenarios
	if !flags.Changed("scenario") {
		return s, nil
	}
	path, _ := flags.GetString("scenario")
	text, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("--scenario: %w", err)
	}
	if s.Up, s.Down, err = link.ParseScenario(string(text)); err != nil {
		return s, fmt.Errorf("--scenario %s: %w", path, err)
	}
	return s, nil
}
