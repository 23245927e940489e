package chat

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"example.com/uft/internal/identity"
	"example.com/uft/transport"
)

// maxEcho bounds the answer of --echo, in bytes: it has to fit a datagram.
const maxEcho = 60_000

// given is what the options say before they are understood together.
type given struct {
	listen   string
	tcp, udp bool
}

// flagSet makes the options known to the flag library, which finds them before,
// between and after the other words. Parsing them fills c and g. The texts of
// the help are not there: they are written by hand, in help.go.
func flagSet(c *Command, g *given) *pflag.FlagSet {
	flags := pflag.NewFlagSet("chat", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.StringVarP(&g.listen, "listen", "l", "", "")
	flags.BoolVar(&g.tcp, "tcp", false, "")
	flags.BoolVar(&g.udp, "udp", false, "")
	flags.BoolVarP(&c.Help, "help", "h", false, "")
	flags.Func("carrier", "", into(&c.Carrier, parseCarrier))
	flags.Func("name", "", into(&c.Name, parseName))
	flags.Func("echo", "", into(&c.Echo, parseEcho))
	flags.Func("key", "", into(&c.Key, parsePath))
	flags.Func("fingerprint", "", into(&c.Fingerprint, identity.ParseFingerprint))
	flags.Func("known-hosts", "", into(&c.KnownHosts, parsePath))
	flags.Func("wait", "", into(&c.Wait, parseWait))
	return flags
}

// Parse reads the arguments of the program, without its name. Every error is a
// command line that cannot be understood or makes no sense.
func Parse(args []string) (Command, error) {
	c := Command{Wait: DefaultWait}
	var g given
	flags := flagSet(&c, &g)
	if err := flags.Parse(args); err != nil {
		return Command{}, describe(err)
	}
	if c.Help {
		return Command{Help: true}, nil
	}
	switch {
	case g.tcp && g.udp:
		return Command{}, errors.New("--tcp and --udp contradict each other: choose one of the two")
	case g.tcp:
		c.Mode = TCP
	case g.udp:
		c.Mode = UDP
	}
	c.Listen, c.Echoes = flags.Changed("listen"), flags.Changed("echo")
	var err error
	if c.Listen {
		err = c.listenOn(g.listen, flags.Args())
	} else {
		err = c.connectTo(flags.Args())
	}
	if err == nil {
		err = checkPlace(flags, &c)
	}
	if err != nil {
		return Command{}, err
	}
	return c, nil
}

// listenOn takes what a server is told.
func (c *Command) listenOn(port string, words []string) (err error) {
	if len(words) > 0 {
		return fmt.Errorf("a server takes nothing but its port, but there is %q; a client is chat HOST PORT", words[0])
	}
	c.Wait = 0
	c.Port, err = parsePort(port)
	return err
}

// connectTo takes the words of a client.
func (c *Command) connectTo(words []string) (err error) {
	switch len(words) {
	case 0:
		return errors.New("nothing to do: write chat HOST PORT to talk to a server, chat --listen PORT to be one")
	case 1:
		return fmt.Errorf("no port: write chat %s PORT, or chat --listen PORT to be a server", words[0])
	case 2:
	default:
		return fmt.Errorf("there is %q after host and port; messages are typed, or come from standard input", words[2])
	}
	if c.Host, err = parseHost(words[0]); err != nil {
		return fmt.Errorf("host %q: %w", words[0], err)
	}
	if c.Port, err = parsePort(words[1]); err != nil {
		return err
	}
	if c.Port == 0 {
		return errors.New("port 0 lets a server choose its port; a client must know the server's: 1 to 65535")
	}
	return nil
}

// checkPlace returns an error for an option that was given but means nothing in
// the mode or on the side.
func checkPlace(flags *pflag.FlagSet, c *Command) error {
	side := "a server (--listen)"
	elsewhere := []string{"fingerprint", "known-hosts", "wait"}
	if !c.Listen {
		side = "a client"
		elsewhere = []string{"echo", "key"}
	}
	if c.Mode != Own {
		for _, name := range []string{"carrier", "key", "fingerprint", "known-hosts"} {
			if flags.Changed(name) {
				return fmt.Errorf("--%s has no meaning with --%v, which is neither encrypted nor authenticated", name, c.Mode)
			}
		}
	}
	if i := slices.IndexFunc(elsewhere, flags.Changed); i >= 0 {
		return fmt.Errorf("--%s has no meaning for %s", elsewhere[i], side)
	}
	return nil
}

// describe turns an error of the flag library into a clear line.
func describe(err error) error {
	var invalid *pflag.InvalidValueError
	var needed *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	case errors.As(err, &needed):
		return fmt.Errorf("--%s needs a value after it", needed.GetFlag().Name)
	case errors.As(err, &unknown):
		if group := unknown.GetSpecifiedShortnames(); group != "" {
			_, size := utf8.DecodeRuneInString(group) // the library reads it byte by byte
			return fmt.Errorf("there is no option -%s", group[:size])
		}
		return fmt.Errorf("there is no option --%s", unknown.GetSpecifiedName())
	}
	return err
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

func parsePort(s string) (uint16, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("port %q: a port is a number from 0 to 65535", s)
	}
	return uint16(port), nil
}

func parseCarrier(s string) (transport.Carrier, error) {
	for _, carrier := range []transport.Carrier{transport.AnyCarrier, transport.UDP, transport.TCP} {
		if s == carrier.String() {
			return carrier, nil
		}
	}
	return 0, errors.New("a carrier is any, udp or tcp")
}

func parseName(s string) (string, error) {
	if s == "" || len(s) > 64 || strings.ContainsAny(s, " \t\r\n") {
		return "", errors.New("a name has 1 to 64 bytes and no spaces")
	}
	return s, nil
}

func parseEcho(s string) (string, error) {
	if len(s) > maxEcho || strings.ContainsAny(s, "\r\n") {
		return "", fmt.Errorf("the answer is a single line of at most %d bytes", maxEcho)
	}
	return s, nil
}

func parsePath(s string) (string, error) {
	if s == "" || strings.ContainsRune(s, 0) {
		return "", errors.New("this cannot be the name of a file")
	}
	return s, nil
}

// parseWait reads a span of time; a bare number counts seconds.
func parseWait(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d < 0 {
		return 0, errors.New("a time is a number such as 10s, 1.5m or 500ms")
	}
	return d, nil
}

// parseHost reads a host name or an IP address, which may stand in brackets,
// and returns it as it is dialled.
func parseHost(s string) (string, error) {
	inner, bracketed := strings.CutPrefix(s, "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
		if address, err := netip.ParseAddr(inner); !bracketed || err != nil || !address.Is6() {
			return "", errors.New("brackets hold an IPv6 address, as in [2001:db8::1]")
		}
		return inner, nil
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, nil
	}
	odd := strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("-._", r)
	})
	if s == "" || len(s) > 254 || odd { // RFC 1035 §2.3.4, and a final dot
		return "", errors.New("this is neither a name nor an address; the port is written apart: chat HOST PORT")
	}
	return s, nil
}
