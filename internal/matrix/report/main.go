// Command report runs the scenarios of package matrix in the simulator and
// prints the table.
//
//	go run ./internal/matrix/report                      the whole matrix
//	go run ./internal/matrix/report -write FILE          and writes it there
//	go run ./internal/matrix/report -only 'first contact'
//	go run ./internal/matrix/report -only '600ms|20%' -seeds 20 -seed 100
//
// The figures come from virtual time and the seed alone: the same seed gives
// the same table on every machine.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"

	"example.com/uft/internal/matrix"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// options are what the command line asks for.
type options struct {
	only  *regexp.Regexp
	first uint64
	seeds int
	write string
}

func run() error {
	var o options
	only := flag.String("only", "", "run only scenarios whose group or name matches this regular expression")
	flag.Uint64Var(&o.first, "seed", 1, "the first seed")
	flag.IntVar(&o.seeds, "seeds", 0, "runs of each scenario; 0: as many as each asks for")
	flag.StringVar(&o.write, "write", "", "write the table into this file as well")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	scenarios := slices.DeleteFunc(matrix.All(), func(s matrix.Scenario) bool {
		return !o.only.MatchString(s.Name) && !o.only.MatchString(s.Group)
	})
	if len(scenarios) == 0 {
		return fmt.Errorf("no scenario matches %q", *only)
	}
	outcomes := runAll(scenarios, o)
	text := document(outcomes, o)
	fmt.Print(text)
	if o.write != "" {
		return os.WriteFile(o.write, []byte(text), 0o644)
	}
	return nil
}

// runAll runs the scenarios, as many at a time as there are processors.
func runAll(scenarios []matrix.Scenario, o options) []matrix.Outcome {
	outcomes := make([]matrix.Outcome, len(scenarios))
	next := make(chan int)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range next {
				s := scenarios[i]
				if o.seeds > 0 {
					s.Seeds = o.seeds
				}
				start := time.Now()
				outcomes[i] = s.Run(o.first)
				fmt.Fprintf(os.Stderr, "%3d/%d  %5.1fs  %s\n", i+1, len(scenarios), time.Since(start).Seconds(), s.Name)
				if err := outcomes[i].Err; err != nil {
					fmt.Fprintf(os.Stderr, "         %v\n", err)
				}
			}
		})
	}
	for i := range scenarios {
		next <- i
	}
	close(next)
	group.Wait()
	return outcomes
}

// document is the table with what says where it comes from.
func document(outcomes []matrix.Outcome, o options) string {
	command := "go run ./internal/matrix/report"
	if text := o.only.String(); text != "" {
		command += fmt.Sprintf(" -only %q", text)
	}
	if o.seeds > 0 {
		command += fmt.Sprintf(" -seeds %d", o.seeds)
	}
	command += fmt.Sprintf(" -seed %d", o.first)
	return "# Links\n\n" +
		"What the transport does on links of every kind, in the simulator: virtual time, no real network, nothing of this\n" +
		"or any machine. Made by `" + command + "` (`make sim`); the same seed gives the same file. The scenarios and\n" +
		"their lines stand in `internal/matrix`.\n\n" +
		"A link is named by its rate, round trip, and loss each way; its queue holds one bandwidth-delay product (BDP), and 2 ms,\n" +
		"where nothing else is said. Score is ideal ÷ taken, from the first datagram until the sender knows that all has\n" +
		"arrived; ideal is 2 RTT + file bits ÷ (rate × (1 − loss) × 1024/1092). Sent × are the file bytes sent ÷ those of\n" +
		"the file; redundant is what of that is beyond the loss of the path; own loss is what the queue dropped; start-up\n" +
		"lasts until the path is 80 % full over a round trip.\n\n" +
		matrix.Legend + "\n\n" + matrix.Summary(outcomes) + "\n" + matrix.Text(outcomes)
}
