package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reportPath is where --write puts the report, from the root of the repository.
const reportPath = "docs/measurements/clean-path.md"

// options are the command line.
type options struct {
	root     string // the repository
	cases    []string
	networks []string
	only     []string // names of subjects, all if empty
	size     int64    // bytes of the file, whole MiB
	rounds   int
	limit    time.Duration // for one transfer
	dir      string        // a tmpfs that exists already
	output   string
	install  bool
	memory   []int64 // bytes of the sources of the case memory
	samples  int     // of the case small
	count    int     // files of the case many
}

// parseOptions reads the command line.
func parseOptions(args []string) (options, error) {
	o := options{size: 2 << 30, memory: []int64{2 << 30, 20 << 30}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	what := flags.String("case", "files", "what to measure, with commas: "+strings.Join(caseOrder, ", ")+", or all")
	nets := flags.String("network", "loopback,veth", "where: loopback, veth (root and the program ip)")
	only := flags.String("only", "", "only these subjects of the case files, with commas: "+strings.Join(subjectNames(), ", "))
	flags.Func("size", "size of the file, whole MiB, such as 256M (default 2G)", func(s string) error { return setSize(&o.size, s) })
	flags.Func("memory-sizes", "sizes of the sparse sources of the case memory (default 2G,20G)", func(s string) error {
		o.memory = nil
		for part := range strings.SplitSeq(s, ",") {
			var n int64
			if err := setSize(&n, part); err != nil {
				return err
			}
			o.memory = append(o.memory, n)
		}
		return nil
	})
	o.rounds = 3
	settle := o.common(flags, reportPath)
	flags.IntVar(&o.samples, "samples", 20, "transfers of each kind in the case small")
	flags.IntVar(&o.count, "count", 1000, "files in the case many")
	flags.DurationVar(&o.limit, "limit", time.Minute, "time limit of one transfer")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.size <= 0 || o.size%(1<<20) != 0 || o.samples < 1 || o.count < 1 {
		return o, errors.New("--size takes whole MiB, --samples and --count at least 1")
	}
	o.cases, o.networks, o.only = list(*what), list(*nets), list(*only)
	if slices.Contains(o.only, "uft") {
		o.only = append(o.only, uftSend.name, uftFetch.name)
	}
	if slices.Contains(o.cases, "all") {
		o.cases = caseOrder
	}
	if err := known("--case", o.cases, caseOrder); err != nil {
		return o, err
	}
	if err := known("--network", o.networks, []string{"loopback", "veth"}); err != nil {
		return o, err
	}
	if err := known("--only", o.only, append(subjectNames(), "uft")); err != nil {
		return o, err
	}
	return o, settle()
}

// common defines the options that the race has too. The function that it
// returns completes them, once the command line is read; report is where
// --write puts the report, from the root of the repository.
func (o *options) common(flags *flag.FlagSet, report string) (settle func() error) {
	flags.IntVar(&o.rounds, "rounds", o.rounds, "rounds; the table has medians")
	flags.StringVar(&o.dir, "dir", "", "folder on a tmpfs with room for three times the size (default /dev/shm, or a tmpfs of our own)")
	flags.StringVar(&o.root, "root", "", "root of the repository, with bin/ (default: found from the current folder)")
	flags.StringVar(&o.output, "o", "", "write the report to this file")
	write := flags.Bool("write", false, "write the report to "+report)
	flags.BoolVar(&o.install, "install", false, "first install the Debian packages of the peers with apt-get")
	return func() (err error) {
		if flags.NArg() > 0 {
			return fmt.Errorf("%q is not an option", flags.Arg(0))
		}
		if o.rounds < 1 {
			return errors.New("--rounds takes at least 1")
		}
		if o.root == "" {
			if o.root, err = findRoot(); err != nil {
				return err
			}
		}
		if *write && o.output == "" {
			o.output = filepath.Join(o.root, filepath.FromSlash(report))
		}
		return nil
	}
}

// findRoot looks for the repository, upwards from the current folder.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "uft")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the repository is not above the current folder: name it with --root")
		}
		dir = parent
	}
}

// list splits at commas; nothing is an empty list.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// known refuses words that are none of the choices.
func known(option string, words, choices []string) error {
	for _, word := range words {
		if !slices.Contains(choices, word) {
			return fmt.Errorf("%s: %q is none of %s", option, word, strings.Join(choices, ", "))
		}
	}
	return nil
}

// setSize reads a number of bytes with K, M or G for powers of 1024.
func setSize(size *int64, s string) error {
	digits := strings.TrimRight(s, "KMGiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return err
	}
	shift, ok := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30}[strings.TrimSuffix(s[len(digits):], "iB")]
	if !ok || n < 0 || n > 1<<40>>shift {
		return fmt.Errorf("%q is not a size such as 256M or 2G", s)
	}
	*size = n << shift
	return nil
}

// sizeText is the reverse of setSize, for people.
func sizeText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d KiB", n>>10)
	}
}
