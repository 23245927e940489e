package medium

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strconv"

	"github.com/spf13/pflag"

	"example.com/uft/internal/medium"
	"example.com/uft/internal/tun"
)

// options is what a command line asks for.
type options struct {
	tun     bool // a tunnel, not a relay
	relay   medium.Config
	tunnel  medium.TunnelConfig
	control string // the path of the control socket
	pcap    string // the path of the capture
	trace   string // the path of the trace
	packets bool   // in which every packet is to be
	verbose bool
}

// words are the flags that are also words of a link specification; link.Set
// reads their values.
var words = [...]string{"loss", "burst", "delay", "jitter", "reorder", "duplicate", "corrupt", "rate", "queue", "police"}

// parse reads the command line. Its error is one line that names the flag; it
// is pflag.ErrHelp where help is asked for.
func parse(args []string) (options, error) {
	var o options
	flags := o.flags()
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	var err error
	if o.tun {
		err = o.parseSides(flags)
	} else {
		err = checkAddresses(flags)
	}
	if err != nil {
		return options{}, err
	}
	if err := o.parseLinks(flags); err != nil {
		return options{}, err
	}
	if o.relay.Scenarios, err = parseScenario(flags); err != nil {
		return options{}, err
	}
	if o.relay.Seed, err = parseSeed(flags); err != nil {
		return options{}, err
	}
	o.tunnel.Up, o.tunnel.Down = o.relay.Up, o.relay.Down
	o.tunnel.Scenarios, o.tunnel.Seed = o.relay.Scenarios, o.relay.Seed
	return o, nil
}

// flags returns the flags of the program; those that are plain text are read
// into o.
func (o *options) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("medium", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.StringVar(&o.relay.Listen, "listen", "", "")
	flags.StringVar(&o.relay.To, "to", "", "")
	flags.StringVar(&o.relay.From, "from", "", "")
	flags.BoolVar(&o.tun, "tun", false, "")
	flags.String("left", "", "")
	flags.String("right", "", "")
	flags.Int("mtu", tun.DefaultMTU, "")
	for _, word := range words {
		flags.String(word, "", "")
	}
	flags.StringArray("blackout", nil, "")
	flags.String("up", "", "")
	flags.String("down", "", "")
	flags.String("cells", "", "")
	flags.String("scenario", "", "")
	flags.String("seed", "", "")
	flags.StringVar(&o.control, "control", "", "")
	flags.StringVar(&o.pcap, "pcap", "", "")
	flags.StringVar(&o.trace, "trace", "", "")
	flags.BoolVar(&o.packets, "trace-packets", false, "")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "")
	return flags
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

// parseSeed returns the seed asked for, or a random one, short enough to be
// typed again.
func parseSeed(flags *pflag.FlagSet) (uint64, error) {
	if !flags.Changed("seed") {
		return rand.Uint64N(math.MaxUint32), nil
	}
	value, _ := flags.GetString("seed")
	seed, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("--seed %q: write a whole number from 0 to %d", value, uint64(math.MaxUint64))
	}
	return seed, nil
}
