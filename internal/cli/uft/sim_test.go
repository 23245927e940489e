package uft

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/cli/exit"
)

func TestParseSim(t *testing.T) {
	s, err := parseSim(strings.Fields("--rate 100M --rtt 50ms --loss 1% --size 1G --queue 2BDP --known --seed 7"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.link.String(); got != "loss=0.01,delay=25ms,rate=100000000,queue=1250000" {
		t.Errorf("the link is %s", got)
	}
	if s.size != 1<<30 || !s.known || s.seed != 7 {
		t.Errorf("%+v", s)
	}
	// The words of --link win, and the ideal is that of what they say.
	s, err = parseSim(strings.Fields("--rate 100M --rtt 50ms --queue 64k --link loss=5%,burst=3,rate=10M,queue=20ms"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.link.String(); got != "loss=0.05,burst=3,delay=25ms,rate=10000000,queue=20ms" {
		t.Errorf("the link is %s", got)
	}
	if s.path.Rate != 10_000_000 || s.path.Loss != 0.05 || s.path.RTT != 50*time.Millisecond {
		t.Errorf("the path is %+v", s.path)
	}
}

func TestParseSimRefuses(t *testing.T) {
	const path = "--rate 100M --rtt 50ms "
	for args, want := range map[string]string{
		"":                      "uft sim needs the path's --rate and --rtt: uft sim --rate 100M --rtt 50ms",
		"--rate 100M":           "uft sim needs the path's --rate and --rtt: uft sim --rate 100M --rtt 50ms",
		path + "host":           `uft sim takes options only, but there is "host"`,
		path + "-p 5":           "uft sim has no option -p",
		path + "--loss 150%":    `--loss "150%": write a share from 0 to 1, or in per cent: 0.01, 1%`,
		path + "--loss 95%":     "--loss: where more than 90 % are lost, nothing arrives in a reasonable time",
		path + "--queue 3BDPs":  `--queue: queue "3BDPs": write a number of bytes, for example 64k, or a duration, for example 50ms`,
		path + "--queue 0BDP":   `--queue "0BDP": write how many bandwidth-delay products the queue holds: 0.5BDP`,
		path + "--link rain=1":  `--link: "rain" is not a word of the specification`,
		path + "--plot a.jpg":   `--plot: the name of a picture ends in .svg or .png, "a.jpg" does not`,
		path + "-b 5M --known":  "-b gives the rate and --known what is remembered of it: choose one of the two",
		path + "--rtt 50":       `--rtt "50": write a time above 0 with its unit, up to a minute: 50ms, 0.6s`,
		path + "--rtt 0s":       `--rtt "0s": write a time above 0 with its unit, up to a minute: 50ms, 0.6s`,
		path + "--rate 1":       `--rate "1": the lowest rate is 8 kbit/s`,
		path + "--size":         "--size needs a value after it",
		path + "--seed --json":  "--seed needs a value, but the option --json follows; if that is the value, write --seed=--json",
		path + "--jitter never": `--jitter "never": write a time above 0 with its unit, up to a minute: 50ms, 0.6s`,
	} {
		_, err := parseSim(strings.Fields(args))
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n%v\nwant\n%s", args, err, want)
		}
	}
}

// TestSimIsAWord tells the command from a host of that name.
func TestSimIsAWord(t *testing.T) {
	for args, want := range map[string]bool{
		"sim": true, "sim --rate 5M --rtt 1s": true, "sim -h": true,
		"": false, "sim -t file": false, "sim -r file": false, "-p 5 sim": false, "simulate": false,
	} {
		if _, got := simArguments(strings.Fields(args)); got != want {
			t.Errorf("uft %s: %v", args, got)
		}
	}
}

func TestSimHelp(t *testing.T) {
	for _, o := range simOptions(&simulation{}) {
		if !strings.Contains(simHelp, "--"+o.name) || o.shorthand != "" && !strings.Contains(simHelp, "-"+o.shorthand+", --"+o.name) {
			t.Errorf("the help does not name %s", spelling(o.name, o.shorthand))
		}
	}
	for i, line := range strings.Split(simHelp, "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("line %d of the help has %d columns", i+1, len(line))
		}
	}
	if first, _, _ := strings.Cut(strings.SplitN(simHelp, "\n\n", 2)[1], "\n"); !strings.HasPrefix(first, "  uft sim --rate") {
		t.Errorf("the help does not begin with an example: %s", first)
	}
}

// TestSimSaysWhatLimits asks for paths on which it is plain.
func TestSimSaysWhatLimits(t *testing.T) {
	for args, want := range map[string]string{
		"--rate 10M --rtt 10ms --size 4M":           "limited by  the rate of the path\n",
		"--rate 10M --rtt 10ms --loss 5% --size 4M": "limited by  the rate of the path, of which 5 % is lost\n",
		"--rate 10M --rtt 10ms --size 2M -b 4M":     "limited by  the rate asked for\n",
		"--rate 1G --rtt 300ms --size 1M":           "limited by  round trips: ",
	} {
		var out, err bytes.Buffer
		if code := runSim(context.Background(), strings.Fields(args), stdio{out: &out, err: &err}); code != exit.Done {
			t.Errorf("%s: code %d, %s", args, code, err.String())
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: there is no %q in\n%s", args, want, out.String())
		}
	}
}

// TestSimExtrapolates compares a file of which a part is simulated with the
// same file simulated whole.
func TestSimExtrapolates(t *testing.T) {
	predict := func(bound uint64) (p prediction, text string) {
		s, err := parseSim(strings.Fields("--rate 10M --rtt 20ms --size 20M"))
		if err != nil {
			t.Fatal(err)
		}
		s.bound = bound
		var asText, asJSON bytes.Buffer
		for _, s.json = range []bool{false, true} {
			out := &asText
			if s.json {
				out = &asJSON
			}
			if err := s.predict(context.Background(), nil, stdio{out: out}); err != nil {
				t.Fatal(err)
			}
		}
		if err := json.Unmarshal(asJSON.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		return p, asText.String()
	}
	whole, text := predict(maxSimulated)
	if whole.Simulated != 20<<20 || strings.Contains(text, "were simulated") {
		t.Errorf("a small file is not simulated whole: %+v\n%s", whole, text)
	}
	part, text := predict(4 << 20)
	if part.Simulated != 4<<20 || !strings.Contains(text, "4.0 MiB were simulated; the rest goes on") {
		t.Errorf("%+v\n%s", part, text)
	}
	if ratio := part.Seconds / whole.Seconds; ratio < 0.95 || ratio > 1.05 {
		t.Errorf("%.2f s and %.2f s", part.Seconds, whole.Seconds)
	}
}

func TestSimInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, err bytes.Buffer
	code := runSim(ctx, strings.Fields("--rate 10M --rtt 10ms"), stdio{out: &out, err: &err})
	if code != exit.Interrupted || err.String() != "uft: interrupted\n" || out.Len() > 0 {
		t.Errorf("code %d, %q, %q", code, out.String(), err.String())
	}
}

// TestSimMarksTheScenario draws steps as marks.
func TestSimMarksTheScenario(t *testing.T) {
	folder := t.TempDir()
	scenario, picture := filepath.Join(folder, "s"), filepath.Join(folder, "p.svg")
	if err := os.WriteFile(scenario, []byte("1s: rate=5M\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	args := []string{"--rate", "10M", "--rtt", "10ms", "--size", "2M", "--scenario", scenario, "--plot", picture}
	if code := runSim(context.Background(), args, stdio{out: &out, err: &stderr}); code != exit.Done {
		t.Fatalf("code %d, %s", code, stderr.String())
	}
	file, err := os.ReadFile(picture)
	if err != nil || !bytes.Contains(file, []byte("rate=5M")) {
		t.Errorf("the step is not in the picture (%v)", err)
	}
}
