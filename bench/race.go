package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// racePath is where --write puts the report of the race, from the root of the
// repository.
const racePath = "docs/measurements/race.md"

// raceOptions are the command line of the race. The limit of a transfer is the
// time after which it counts as given up.
type raceOptions struct {
	options
	courses    []course
	peers      []string
	directions string
	seed       int
	unchecked  bool // the links are not measured first
}

// parseRaceOptions reads the command line.
func parseRaceOptions(args []string) (raceOptions, error) {
	var o raceOptions
	o.rounds = 5
	flags := flag.NewFlagSet("bench race", flag.ContinueOnError)
	settle := o.common(flags, racePath)
	which := flags.String("link", "", "only links whose names match this regular expression, such as 600")
	peers := flags.String("peers", "", "only these, with commas: "+strings.Join(entrantNames(entrants()), ", ")+"; uft, scp and rsync are all of theirs")
	flags.StringVar(&o.directions, "directions", "t", "which way uft moves the file: t, r, or tr")
	flags.DurationVar(&o.limit, "give-up", 45*time.Second, "time limit of one transfer")
	spec := flags.String("spec", "", "in place of the table's, a link in the words of medium, such as 'rate=100M delay=50ms loss=1%'")
	size := int64(32 << 20)
	flags.Func("size", "size of the file for --spec (default 32M)", func(s string) error { return setSize(&size, s) })
	flags.IntVar(&o.seed, "seed", 1, "seed of the first round's chances; each round adds one")
	flags.BoolVar(&o.unchecked, "unchecked", false, "do not measure the links themselves first")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	pattern, err := regexp.Compile(*which)
	if err != nil {
		return o, fmt.Errorf("--link: %w", err)
	}
	if o.courses, err = parseCourses(*spec, size, pattern); err != nil {
		return o, err
	}
	if o.limit <= 0 || size <= 0 || strings.Trim(o.directions, "tr") != "" || o.directions == "" {
		return o, errors.New("--give-up and --size are above zero, --directions is t, r, or tr")
	}
	o.peers = list(*peers)
	if err := known("--peers", o.peers, append(entrantNames(entrants()), "uft", scp.name, rsync.name)); err != nil {
		return o, err
	}
	for _, c := range o.courses {
		o.size = max(o.size, c.size)
	}
	return o, settle()
}

// parseCourses returns the links of the table that match, or the one that the
// command line describes.
func parseCourses(spec string, size int64, pattern *regexp.Regexp) ([]course, error) {
	if spec != "" {
		c, err := parseCourse(spec, size)
		if err != nil {
			return nil, fmt.Errorf("--spec: %w", err)
		}
		return []course{c}, nil
	}
	var courses []course
	for _, row := range courseWords {
		var size int64
		if err := setSize(&size, row.size); err != nil {
			return nil, err
		}
		c, err := parseCourse(row.words, size)
		if err != nil {
			return nil, err
		}
		if pattern.MatchString(c.name) {
			courses = append(courses, c)
		}
	}
	if len(courses) == 0 {
		return nil, fmt.Errorf("--link: %q matches no link of the table", pattern)
	}
	return courses, nil
}

// race is "bench race ...": uft and its peers over the same bad links.
func race(ctx context.Context, args []string) error {
	o, err := parseRaceOptions(args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil // the flag package has printed it
	}
	if err != nil {
		return err
	}
	if missing := raceNeeds(); missing != "" {
		return errors.New("there is no race without emulated links: " + missing)
	}
	r, err := newEmptyRig(ctx, o.options)
	if err != nil {
		return err
	}
	defer r.close()
	defer raiseBufferLimits()()
	chosen := chooseEntrants(r, o.peers, o.directions)
	if len(chosen) == 0 {
		return errors.New("nobody is left to race")
	}

	doc := newReport(r, args)
	doc.title, doc.introduction = "A race over bad links", raceIntroduction(r)
	fmt.Println(doc.heading())
	var heats []*heat
	for _, c := range o.courses {
		h, err := runHeat(ctx, r, o, c, chosen)
		if err != nil {
			return err
		}
		heats = append(heats, h)
	}
	doc.race(heats)
	return doc.finish()
}

// raceNeeds says what is missing for the race, "" if nothing is.
func raceNeeds() string {
	if missing := namespacesNeed(); missing != "" {
		return missing
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return "no /dev/net/tun: modprobe tun"
	}
	return ""
}

// raceBuffers is in bytes what sockets may ask for during the race: peers over
// UDP ask for more than most systems allow.
const raceBuffers = 64 << 20

// raiseBufferLimits lets the peers have the socket buffers that they ask for,
// and returns what restores the system's own limits.
func raiseBufferLimits() (restore func()) {
	if now, err := strconv.Atoi(receiveLimit()); err == nil && now >= raceBuffers {
		return func() {}
	}
	_, restore = setBufferLimits(text(raceBuffers))
	return restore
}

// A heat is the race over one link.
type heat struct {
	course    course
	checked   string // what a measurement of the link itself has found
	standings []*standing
}

// A standing is what one entrant did in a heat, round by round.
type standing struct {
	entrant  entrant
	results  []result
	failures []string // of the rounds that gave no result
	overload int      // rounds in which the emulated link could not keep up
}

// runHeat runs all rounds over one link, by turns.
func runHeat(ctx context.Context, r *rig, o raceOptions, c course, chosen []entrant) (*heat, error) {
	here := *r
	here.size = c.size
	if err := here.makeSource(ctx); err != nil {
		return nil, err
	}
	h := &heat{course: c, checked: "not measured"}
	fmt.Printf("\n%s, ideal %.2f s\n", c.name, c.ideal(false).Seconds())
	if !o.unchecked {
		var err error
		if h.checked, err = checkCourse(ctx, &here, c, o.seed); err != nil {
			return nil, err
		}
		fmt.Println("  " + h.checked)
	}
	for _, e := range chosen {
		h.standings = append(h.standings, &standing{entrant: e})
	}
	for round := range o.rounds {
		for _, s := range h.standings {
			if s.hopeless() {
				continue
			}
			if err := s.measure(ctx, &here, c, round+1, o.seed+round); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

// hopelessRounds is after how many rounds without any result a peer is not
// asked again: to watch it give up takes most of the time of a race.
const hopelessRounds = 2

// hopeless tells whether further rounds would change nothing that matters.
func (s *standing) hopeless() bool {
	return s.entrant.role != ours && len(s.results) == 0 && len(s.failures) >= hopelessRounds
}

// measure makes one transfer and prints a line about it. Only the end of the
// whole run, and a link that cannot be made, are errors.
func (s *standing) measure(ctx context.Context, r *rig, c course, round, seed int) error {
	if err := r.emptyCopies(); err != nil {
		return err
	}
	n, medium, err := c.open(ctx, r, s.entrant.congestion, seed)
	if err != nil {
		return err
	}
	at := n
	if s.entrant.reversed {
		at = reversed(n)
	}
	res, err := s.entrant.run(ctx, r, at)
	n.remove()
	closeMedium(medium)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	overloaded := couldNotKeepUp(medium)
	if overloaded {
		s.overload++
	}
	head := fmt.Sprintf("  round %d  %-13s", round, s.entrant.name)
	if err != nil {
		failure := err.Error()
		if !errors.Is(err, errTooSlow) {
			failure = "failed: " + failure
		}
		s.failures = append(s.failures, failure)
		fmt.Println(head, failure)
		return nil
	}
	s.results = append(s.results, res)
	fmt.Printf("%s %6.2f s  score %.2f  CPU %.2f + %.2f s%s\n", head, res.elapsed.Seconds(), score(c.ideal(s.entrant.fetch), res.elapsed.Seconds()),
		res.client.cpu.Seconds(), res.server.cpu.Seconds(), map[bool]string{true: "  the link could not keep up"}[overloaded])
	return nil
}

// closeMedium ends the program, which then says what it did.
func closeMedium(medium *process) { medium.stop(syscall.SIGTERM) }

// couldNotKeepUp tells whether a link lost packets that it should not have:
// those are words of medium's last lines, on a machine that is too slow.
func couldNotKeepUp(medium *process) bool {
	said := medium.output.String()
	return slices.ContainsFunc([]string{"for lack of memory", "before medium could read them"}, func(words string) bool {
		return strings.Contains(said, words)
	})
}

// seconds is the median over all rounds, in which one that failed took for
// ever: +Inf where half of them did.
func (s *standing) seconds() float64 {
	rounds := make([]float64, 0, len(s.results)+len(s.failures))
	for _, res := range s.results {
		rounds = append(rounds, res.elapsed.Seconds())
	}
	for range s.failures {
		rounds = append(rounds, math.Inf(1))
	}
	if len(rounds) == 0 {
		return math.Inf(1)
	}
	return median(rounds, func(x float64) float64 { return x })
}

// score is the share of the ideal that a time is, 0 for one without an end.
func score(ideal time.Duration, seconds float64) float64 { return ideal.Seconds() / seconds }
