package medium

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"example.com/uft/internal/link"
	"example.com/uft/internal/medium"
)

// options is what a command line asks for.
type options struct {
	config  medium.Config
	verbose bool
}

// words are the flags that are also words of a link specification; link.Set
// reads their values.
var words = [...]string{"loss", "burst", "delay", "jitter", "reorder", "duplicate", "corrupt", "rate", "queue"}

// parse reads the command line. Its error is one line that names the flag; it
// is pflag.ErrHelp where help is asked for.
func parse(args []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("medium", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.StringVar(&o.config.Listen, "listen", "", "")
	flags.StringVar(&o.config.To, "to", "", "")
	flags.StringVar(&o.config.From, "from", "", "")
	for _, word := range words {
		flags.String(word, "", "")
	}
	blackouts := flags.StringArray("blackout", nil, "")
	up := flags.String("up", "", "")
	down := flags.String("down", "", "")
	seed := flags.String("seed", "", "")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("%q is not a flag; addresses are given with --listen and --to", flags.Arg(0))
	}
	if err := checkAddresses(flags); err != nil {
		return options{}, err
	}
	common, err := commonLink(flags, *blackouts)
	if err != nil {
		return options{}, err
	}
	if o.config.Up, err = directionLink("up", common, *up); err != nil {
		return options{}, err
	}
	if o.config.Down, err = directionLink("down", common, *down); err != nil {
		return options{}, err
	}
	if err := checkEffect(flags, o.config); err != nil {
		return options{}, err
	}
	o.config.Seed, err = parseSeed(flags, *seed)
	return o, err
}

// checkAddresses checks the form of the addresses; whether they exist is seen
// when they are used.
func checkAddresses(flags *pflag.FlagSet) error {
	for _, address := range [...]struct {
		flag, missing string
		target        bool // something is sent there: a host and a port are needed
	}{
		{"listen", "say where clients send to, for example --listen 127.0.0.1:9000", false},
		{"to", "say where the server is, for example --to 127.0.0.1:5000", true},
		{"from", "", true},
	} {
		value, _ := flags.GetString(address.flag)
		if value == "" && address.flag == "from" && !flags.Changed("from") {
			continue
		}
		if value == "" && address.missing != "" {
			return fmt.Errorf("--%s is missing: %s", address.flag, address.missing)
		}
		host, port, err := net.SplitHostPort(value)
		if err != nil {
			return fmt.Errorf("--%s %q: write host:port, for example 127.0.0.1:9000 or [::1]:9000", address.flag, value)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return fmt.Errorf("--%s %q: the port %q is not a number from 0 to 65535", address.flag, value, port)
		}
		if address.target && (host == "" || number == 0) {
			return fmt.Errorf("--%s %q: name a host, and a port above 0, for example 127.0.0.1:9000", address.flag, value)
		}
	}
	return nil
}

// commonLink returns what the flags ask for in both directions.
func commonLink(flags *pflag.FlagSet, blackouts []string) (link.Config, error) {
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
func checkEffect(flags *pflag.FlagSet, c medium.Config) error {
	if flags.Changed("burst") && c.Up.Loss == 0 && c.Down.Loss == 0 {
		return errors.New("--burst does nothing without a loss; give --loss too, for example --loss 0.05")
	}
	if flags.Changed("queue") && c.Up.Rate == 0 && c.Down.Rate == 0 {
		return errors.New("--queue does nothing without a rate; give --rate too, for example --rate 10M")
	}
	return nil
}

// parseSeed returns the seed asked for, or a random one, short enough to be
// typed again.
func parseSeed(flags *pflag.FlagSet, value string) (uint64, error) {
	if !flags.Changed("seed") {
		return rand.Uint64N(math.MaxUint32), nil
	}
	seed, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("--seed %q: write a whole number from 0 to %d", value, uint64(math.MaxUint64))
	}
	return seed, nil
}
