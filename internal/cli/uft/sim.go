package uft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/link"
	"example.com/uft/internal/matrix"
	"example.com/uft/internal/plot"
	"example.com/uft/internal/sim"
)

// simWord is the command that predicts a transfer.
const simWord = "sim"

// simHelp is what `uft sim -h` prints.
const simHelp = `uft sim predicts a transfer over a path that you describe. Nothing is sent:
both ends run in here, in simulated time, as they would on a network.

  uft sim --rate 100M --rtt 50ms --loss 1% --size 1G
                                  how long it takes, and what limits it
  uft sim --rate 100M --rtt 50ms --loss 1% --plot run.svg
                                  draw rate, RTT, bytes in flight and loss
  uft sim --rate 20M --rtt 600ms --queue 2BDP --known --json
                                  a satellite, a server known from before

The same options and the same seed give the same answer, on every machine.
What the disks and processors of the two ends can do is not in it.

      --rate RATE           rate of the bottleneck, IP packets: 100M, 1.5Gbit/s
      --rtt TIME            round-trip time without any queue: 50ms
      --loss P              share lost, each way: 1%, 0.01 (default 0)
      --size SIZE           size of the file: 500M, 2.5GiB (default 100MiB)
      --queue SIZE          of the bottleneck: 64k, 50ms, 0.5BDP (default 1BDP,
                            that is rate × RTT)
      --jitter TIME         spread of the delay, each way
      --link WORDS          what else the path does, as medium has it:
                            reorder=1%,burst=5,duplicate=1%
      --scenario FILE       how it changes as time passes, as medium has it
  -b, --bitrate RATE        send at this rate, headers included
      --mode MODE           background: yield to everybody; default: share
      --known               the server is known from an earlier transfer
      --seed N              other losses (default 1)
      --plot FILE           draw it, into FILE.svg or FILE.png
      --trace FILE          write what happens to FILE, for uft plot
      --json                print one JSON object, for scripts
  -h, --help                print this help

Exit codes: 0 it arrives, 1 other, 2 usage, 5 it gives up, 130 interrupted.
`

// simulation is a command line of `uft sim`, understood and checked.
type simulation struct {
	path     matrix.Path
	size     uint64
	queue    string // as it was written
	words    string // of --link
	scenario string // the file
	bitrate  int64
	modest   bool // --mode background
	known    bool
	seed     uint64
	plot     string
	trace    string
	json     bool
	help     bool
	bound    uint64 // how much of the file is simulated

	link     link.Config // made of the above
	up, down link.Scenario
}

// maxSimulated bounds how much of a file is simulated. The rest of a larger
// one is taken to go on as the second half of that did.
const maxSimulated = 2 << 30

// simArguments returns the command line of `uft sim` if args are one: its first
// word is sim, and it has neither -t nor -r, with which sim is a host.
func simArguments(args []string) (rest []string, asked bool) {
	if len(args) == 0 || args[0] != simWord {
		return nil, false
	}
	tokens := scan(flagSet(options(&Command{}, &given{})), args)
	if has(tokens, "transmit") || has(tokens, "request") {
		return nil, false
	}
	return args[1:], true
}

// simOptions returns the options of `uft sim`. Parsing them fills s.
func simOptions(s *simulation) []option {
	return []option{
		{name: "rate", take: into(&s.path.Rate, parseBitrate)},
		{name: "rtt", take: into(&s.path.RTT, parseDelay)},
		{name: "loss", take: into(&s.path.Loss, parseShare)},
		{name: "size", take: func(value string) error {
			size, err := parseSize(value)
			s.size = uint64(size)
			return err
		}},
		{name: "queue", take: into(&s.queue, parseQueue)},
		{name: "jitter", take: into(&s.path.Jitter, parseDelay)},
		{name: "link", take: into(&s.words, parsePath)},
		{name: "scenario", take: into(&s.scenario, parsePath)},
		{name: "bitrate", shorthand: "b", take: into(&s.bitrate, parseBitrate)},
		{name: "mode", take: into(&s.modest, parseMode)},
		{name: "known", toggle: &s.known},
		{name: "seed", take: into(&s.seed, parseSeed)},
		{name: "plot", take: into(&s.plot, parsePath)},
		{name: "trace", take: into(&s.trace, parsePath)},
		{name: "json", toggle: &s.json},
		{name: "help", shorthand: "h", toggle: &s.help},
	}
}

// parseSim reads the command line after the word sim.
func parseSim(args []string) (simulation, error) {
	s := simulation{size: 100 << 20, seed: 1, queue: "1BDP", bound: maxSimulated}
	flags := flagSet(simOptions(&s))
	tokens := scan(flags, args)
	if has(tokens, "help") {
		return simulation{help: true}, nil
	}
	for _, t := range tokens {
		if t.option == unknown {
			return simulation{}, usageErrorf("uft sim has no option %s", t.text)
		}
	}
	if err := checkValues(flags, tokens); err != nil {
		return simulation{}, err
	}
	if err := flags.Parse(args); err != nil {
		return simulation{}, describe(err)
	}
	switch {
	case flags.NArg() > 0:
		return simulation{}, usageErrorf("uft sim takes options only, but there is %q", flags.Arg(0))
	case s.path.Rate == 0 || s.path.RTT == 0:
		return simulation{}, usageErrorf("uft sim needs the path's --rate and --rtt: uft sim --rate 100M --rtt 50ms")
	case s.path.Loss > maxSimLoss:
		return simulation{}, usageErrorf("--loss: where more than %g %% are lost, nothing arrives in a reasonable time", 100*maxSimLoss)
	case s.bitrate > 0 && s.known:
		return simulation{}, usageErrorf("-b gives the rate and --known what is remembered of it: choose one of the two")
	case s.bitrate > 0 && s.modest:
		return simulation{}, errRateAndBackground
	case s.known && s.modest:
		return simulation{}, usageErrorf("--mode background makes no use of what --known remembers: choose one of the two")
	}
	if s.plot != "" {
		if _, err := plot.FormatOf(s.plot); err != nil {
			return simulation{}, usageErrorf("--plot: %w", err)
		}
	}
	return s, s.describeLink()
}

// maxSimLoss is the highest share of losses that is simulated.
const maxSimLoss = 0.9

// describeLink makes the link of what was written.
func (s *simulation) describeLink() error {
	s.link = s.path.Link()
	if number, ok := strings.CutSuffix(s.queue, "BDP"); ok {
		s.path.Queue, _ = strconv.ParseFloat(number, 64) // parseQueue has read it
		s.link = s.path.Link()
	} else if err := s.link.Set("queue", s.queue); err != nil {
		return usageErrorf("--queue: %w", err)
	}
	var err error
	if s.words != "" {
		if s.link, err = s.link.With(s.words); err != nil {
			return usageErrorf("--link: %w", err)
		}
	} else if err = s.link.Validate(); err != nil {
		return usageErrorf("%w", err)
	}
	if s.link.Rate == 0 {
		return usageErrorf("--link: without a rate there is nothing to predict")
	}
	// The ideal is that of the link as it has become.
	s.path.Rate, s.path.Loss, s.path.RTT = s.link.Rate, s.link.Loss, 2*s.link.Delay
	return nil
}

// readScenario reads the file of --scenario.
func (s *simulation) readScenario() error {
	if s.scenario == "" {
		return nil
	}
	text, err := os.ReadFile(s.scenario)
	if err != nil {
		return fmt.Errorf("the scenario cannot be read: %w", err)
	}
	if s.up, s.down, err = link.ParseScenario(string(text)); err != nil {
		return usageErrorf("--scenario %s: %w", s.scenario, err)
	}
	for _, steps := range []link.Scenario{s.up, s.down} {
		if err := steps.Validate(s.link); err != nil {
			return usageErrorf("--scenario %s: %w", s.scenario, err)
		}
	}
	return nil
}

// runSim predicts, prints, draws, and returns the exit code.
func runSim(ctx context.Context, args []string, std stdio) int {
	s, err := parseSim(args)
	if err == nil {
		err = s.readScenario()
	}
	var usage *UsageError
	switch {
	case errors.As(err, &usage):
		std.report(fmt.Errorf("%w; see uft sim --help", err))
		return Code(err)
	case err == nil && s.help:
		_, err = io.WriteString(std.out, simHelp)
	case err == nil:
		err = s.predict(ctx, args, std)
	}
	if err != nil {
		std.report(err)
	}
	return Code(err)
}

// predict runs the transfer and tells what became of it.
func (s *simulation) predict(ctx context.Context, args []string, std stdio) error {
	out := std.out
	traced, end, err := s.traced(args, std)
	if err != nil {
		return err
	}
	defer end()
	record := &matrix.Recorder{Step: s.step()}
	t := matrix.Transfer{
		Path: s.path, Size: s.simulated(), Seed: s.seed, Bitrate: s.bitrate, Record: record,
		Cancelled: func() bool { return ctx.Err() != nil },
		Change: func(c *sim.Config) {
			c.Up, c.Down, c.UpSteps, c.DownSteps = s.link, s.link, s.up, s.down
			c.Trace = traced
		},
	}
	switch {
	case s.known:
		t.Mode = matrix.Known
	case s.bitrate > 0:
		t.Mode = matrix.Fixed
	case s.modest:
		t.Mode = matrix.Modest
	}
	r := t.Run()
	if errors.Is(r.Err, matrix.ErrCancelled) {
		return fail(exit.Interrupted, errors.New("interrupted"))
	}
	p := s.judge(r, record)
	if s.plot != "" && len(record.Samples) > 2 {
		if err := s.draw(record); err != nil {
			return fail(exit.Other, fmt.Errorf("the picture cannot be written: %w", err))
		}
	}
	if s.json {
		err = p.printJSON(out)
	} else {
		err = p.printText(out)
	}
	if err == nil && r.Err != nil {
		err = fail(exit.Unreachable, fmt.Errorf("the transfer gives up after %v: %s", r.Took.Round(time.Second), firstClause(r.Err)))
	}
	return err
}

// firstClause is what an error of the simulator says before it lists the state
// of all connections.
func firstClause(err error) string {
	text, _, _ := strings.Cut(err.Error(), ";")
	return text
}

// simulated is how much of the file is.
func (s *simulation) simulated() uint64 { return min(s.size, s.bound) }

// step is the distance of samples: some six hundred of them.
func (s *simulation) step() time.Duration {
	whole := s.path.Ideal(s.simulated())
	if s.bitrate > 0 {
		whole = max(whole, time.Duration(float64(s.simulated())*8/float64(s.bitrate)*float64(time.Second)))
	}
	return max(whole/600, time.Millisecond)
}

// parseDelay reads a time, with its unit.
func parseDelay(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 || d > time.Minute {
		return 0, errors.New("write a time above 0 with its unit, up to a minute: 50ms, 0.6s")
	}
	return d, nil
}

// parseShare reads a probability, as a number or in per cent.
func parseShare(value string) (float64, error) {
	number, percent := strings.CutSuffix(value, "%")
	p, err := strconv.ParseFloat(number, 64)
	if percent {
		p /= 100
	}
	if err != nil || !(p >= 0 && p <= 1) {
		return 0, errors.New("write a share from 0 to 1, or in per cent: 0.01, 1%")
	}
	return math.Abs(p), nil // -0 is 0
}

// parseQueue checks the size of a queue that is given in BDP; others are left
// to the link.
func parseQueue(value string) (string, error) {
	number, ok := strings.CutSuffix(value, "BDP")
	if !ok {
		return value, nil
	}
	if n, err := strconv.ParseFloat(number, 64); err != nil || !(n > 0 && n <= 1000) {
		return "", errors.New("write how many bandwidth-delay products the queue holds: 0.5BDP")
	}
	return value, nil
}
