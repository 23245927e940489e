package uft

import (
	"unicode/utf8"

	"github.com/spf13/pflag"

	"example.com/uft/internal/identity"
	"example.com/uft/transport"
)

// role is a set of things that a command line can be about.
type role int

const (
	server   role = 1 << iota // -a, -s
	sender                    // -t
	receiver                  // -r

	client   = sender | receiver
	anywhere = server | client
)

// String names the options that make up the role.
func (r role) String() string {
	switch r {
	case server:
		return "a server (-a, -s)"
	case sender:
		return "sending (-t)"
	case receiver:
		return "requesting (-r)"
	case client:
		return "a client (-t, -r)"
	case server | receiver:
		return "the side that writes or serves (-r, or the server)"
	default:
		return "uft"
	}
}

// option is one option: its names, where it makes sense, and either a switch to
// turn on or a function that takes its value.
type option struct {
	name, shorthand string
	where           role
	toggle          *bool
	take            func(value string) error
}

// given collects what the options -t and -r say until it is known which other
// words go with them.
type given struct {
	transmit, request []string
	udp, tcp          bool
	help              bool
}

// carrier returns what --udp and --tcp say.
func (g *given) carrier() transport.Carrier {
	switch {
	case g.udp:
		return transport.UDP
	case g.tcp:
		return transport.TCP
	}
	return transport.AnyCarrier
}

// options returns all options. Parsing them fills c and g.
func options(c *Command, g *given) []option {
	return []option{
		{name: "accept", shorthand: "a", where: server, toggle: &c.Accept},
		{name: "serve", shorthand: "s", where: server, toggle: &c.Serve},
		{name: "transmit", shorthand: "t", where: sender, take: appendTo(&g.transmit)},
		{name: "request", shorthand: "r", where: receiver, take: appendTo(&g.request)},

		{name: "port", shorthand: "p", where: anywhere, take: into(&c.Port, parsePort)},
		{name: "loss", shorthand: "l", where: anywhere, take: into(&c.Loss, parseLoss)},
		{name: "bitrate", shorthand: "b", where: client, take: into(&c.Bitrate, parseBitrate)},
		{name: "mode", where: client, take: into(&c.Background, parseMode)},
		{name: "seed", where: anywhere, take: func(value string) error {
			c.Seeded = true
			return into(&c.Seed, parseSeed)(value)
		}},

		{name: "block-size", where: anywhere, take: into(&c.BlockSize, parseBlockSize)},
		{name: "udp", where: anywhere, toggle: &g.udp},
		{name: "tcp", where: anywhere, toggle: &g.tcp},

		{name: "dir", shorthand: "d", where: server | receiver, take: into(&c.Dir, parsePath)},
		{name: "output", shorthand: "o", where: receiver, take: into(&c.Output, parsePath)},
		{name: "name", where: sender, take: into(&c.StdinName, parsePath)},
		{name: "overwrite", where: server | receiver, toggle: &c.Overwrite},
		{name: "hidden", where: server | receiver, toggle: &c.Hidden},
		{name: "max-size", where: server | receiver, take: into(&c.MaxSize, parseSize)},

		{name: "key", where: server, take: into(&c.Key, parsePath)},
		{name: "http", where: server, take: into(&c.HTTP, parseAddress)},
		{name: "fingerprint", where: client, take: into(&c.Fingerprint, identity.ParseFingerprint)},
		{name: "known-hosts", where: client, take: into(&c.KnownHosts, parsePath)},
		{name: "timeout", where: client, take: into(&c.Timeout, parseTimeout)},
		{name: "idle-timeout", where: anywhere, take: into(&c.IdleTimeout, parseTimeout)},

		{name: "trace", where: anywhere, take: into(&c.Trace, parsePath)},
		{name: "json", where: anywhere, toggle: &c.JSON},
		{name: "quiet", shorthand: "q", where: anywhere, toggle: &c.Quiet},
		{name: "verbose", shorthand: "v", where: anywhere, toggle: &c.Verbose},
		{name: "help", shorthand: "h", where: anywhere, toggle: &g.help},
	}
}

// flagSet makes the options known to the flag library, which finds them before,
// between and after the other words. The texts of the help are not there: they
// are written by hand, in help.go.
func flagSet(list []option) *pflag.FlagSet {
	flags := pflag.NewFlagSet("uft", pflag.ContinueOnError)
	flags.SetInterspersed(true)
	flags.Usage = func() {}
	for _, o := range list {
		if o.toggle != nil {
			flags.BoolVarP(o.toggle, o.name, o.shorthand, false, "")
		} else {
			flags.FuncP(o.name, o.shorthand, "", o.take)
		}
	}
	return flags
}

// spelling returns the option as help and errors write it: "-p, --port".
func spelling(name, shorthand string) string {
	if shorthand == "" {
		return "--" + name
	}
	return "-" + shorthand + ", --" + name
}

// into returns a function that parses a value into target.
func into[T any](target *T, parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		parsed, err := parse(value)
		if err != nil {
			return err
		}
		*target = parsed
		return nil
	}
}

// appendTo returns a function that appends a path to target.
func appendTo(target *[]string) func(string) error {
	return func(value string) error {
		path, err := parsePath(value)
		if err != nil {
			return err
		}
		*target = append(*target, path)
		return nil
	}
}

// checkPlace returns an error for the first option, in the order of names, that
// was given but does not belong to what the command line is about.
func checkPlace(flags *pflag.FlagSet, list []option, about role) error {
	for _, o := range list {
		if flags.Changed(o.name) && o.where&about == 0 {
			return usageErrorf("%s has no meaning for %v: it belongs to %v",
				spelling(o.name, o.shorthand), about, o.where)
		}
	}
	return nil
}

// describe turns an error of the flag library into a clear line.
func describe(err error) error {
	switch e := err.(type) { // the library returns them bare
	case *pflag.InvalidValueError:
		if !takesValue(e.GetFlag()) {
			return usageErrorf("%s takes no value, but there is %q", spelling(e.GetFlag().Name, e.GetFlag().Shorthand), e.GetValue())
		}
		return usageErrorf("%s %q: %w", spelling(e.GetFlag().Name, e.GetFlag().Shorthand), e.GetValue(), e.Unwrap())
	case *pflag.ValueRequiredError:
		return usageErrorf("%s needs a value after it", spelling(e.GetFlag().Name, e.GetFlag().Shorthand))
	case *pflag.NotExistError:
		if group := e.GetSpecifiedShortnames(); group != "" {
			// The library reads the letters byte by byte.
			_, size := utf8.DecodeRuneInString(group)
			return usageErrorf("there is no option -%s", group[:size])
		}
		return usageErrorf("there is no option --%s", e.GetSpecifiedName())
	default:
		return usageErrorf("%w", err)
	}
}
