package uft

import (
	"fmt"
	"slices"

	"example.com/uft/transport"
)

// UsageError is a command line that cannot be understood or makes no sense. Its
// text says what is wrong and, where it is not plain, what to write instead.
type UsageError struct {
	err error
}

// Error returns the text.
func (e *UsageError) Error() string { return e.err.Error() }

// Unwrap returns the error of the value at fault, if there is one.
func (e *UsageError) Unwrap() error { return e.err }

// usageErrorf returns a UsageError with a text as of fmt.Errorf.
func usageErrorf(format string, args ...any) error {
	return &UsageError{err: fmt.Errorf(format, args...)}
}

// Parse reads the arguments of the program, without its name. Every error is a
// UsageError.
//
// A first word with neither -t nor -r anywhere is a command (version, hash,
// doctor, help), which is decided before the options are parsed: with -t or -r
// it is the host, whatever it is called.
func Parse(args []string) (Command, error) {
	c := Command{
		Port:        DefaultPort,
		Timeout:     DefaultTimeout,
		IdleTimeout: DefaultIdleTimeout,
	}
	var g given
	list := options(&c, &g)
	flags := flagSet(list)
	tokens := scan(flags, args)
	isClient := has(tokens, "transmit") || has(tokens, "request")
	first := slices.IndexFunc(tokens, token.isWord)
	switch {
	case first >= 0 && !isClient && tokens[first].text == doctorWord:
		return parseDoctor(args) // it has options and a help of its own
	case has(tokens, "help"):
		return Command{Action: Help}, nil
	case first >= 0 && !isClient:
		return parseWord(tokens, first)
	}
	if err := checkValues(flags, tokens); err != nil {
		return Command{}, err
	}
	if err := flags.Parse(args); err != nil {
		return Command{}, describe(err)
	}
	c.Carrier = g.carrier()
	isServer := c.Accept || c.Serve
	switch {
	case g.udp && g.tcp:
		return Command{}, usageErrorf("--udp and --tcp each forbid the other: without both, UDP is tried and TCP where that does not work")
	case isClient && isServer:
		return Command{}, usageErrorf("-a and -s start a server, -t and -r are for a client: choose one of the two")
	case isServer:
		c.Action = Serve
		return checked(c, server, checkPlace(flags, list, server))
	case len(g.transmit) > 0 && len(g.request) > 0:
		return Command{}, usageErrorf("-t sends and -r requests: choose one of the two")
	case len(g.transmit) > 0:
		c.Action = Send
		return checked(c, sender, checkPlace(flags, list, sender), c.placeWords("-t", g.transmit, flags.Args()))
	case len(g.request) > 0:
		c.Action = Fetch
		return checked(c, receiver, checkPlace(flags, list, receiver), c.placeWords("-r", g.request, flags.Args()))
	default:
		return Command{}, usageErrorf("nothing to do: write uft HOST -t FILE to send, uft HOST -r NAME to request, " +
			"uft -a or uft -s to be a server")
	}
}

// parseWord reads a command line whose first word, at tokens[first], is not a
// host.
func parseWord(tokens []token, first int) (Command, error) {
	word := tokens[first].text
	c, known := map[string]Command{
		"help":    {Action: Help},
		"version": {Action: Version},
		"hash":    {Action: Hash},
	}[word]
	switch {
	case !known && (has(tokens, "accept") || has(tokens, "serve")):
		return Command{}, usageErrorf("a server (-a, -s) takes no host and no files, but there is %q; "+
			"its folder is named with -d", word)
	case !known:
		return Command{}, usageErrorf("there is no command %q; if it is a host: did you forget -t FILE or -r NAME?", word)
	}
	for i, t := range tokens {
		switch {
		case i == first:
		case !t.isWord():
			return Command{}, usageErrorf("uft %s takes no options, but there is %s", word, t.text)
		default:
			c.Files = append(c.Files, t.text)
		}
	}
	switch {
	case c.Action == Hash && len(c.Files) == 0:
		return Command{}, usageErrorf("uft hash needs a file: uft hash FILE...")
	case c.Action == Hash:
		return c, checkStdin(c.Files)
	case len(c.Files) > 0:
		return Command{}, usageErrorf("uft %s takes nothing after it, but there is %q", word, c.Files[0])
	}
	return c, nil
}

// placeWords sorts out host and files: the value of the option comes first
// among the files, the first other word is the host.
func (c *Command) placeWords(option string, values, words []string) error {
	if len(values) > 1 {
		return usageErrorf("%s is there twice: further files are written without it, as in uft HOST %s %s %s",
			option, option, values[0], values[1])
	}
	if len(words) == 0 {
		return usageErrorf("no host: write uft HOST %s %s", option, values[0])
	}
	host, err := parseHost(words[0])
	if err != nil {
		return usageErrorf("host %q: %w", words[0], err)
	}
	c.Host = host
	c.Files = append(values, words[1:]...)
	return nil
}

// checked returns c if there are no errors and its values go together, with
// the defaults that depend on others filled in.
func checked(c Command, about role, errs ...error) (Command, error) {
	for _, err := range append(errs, c.check(about)) {
		if err != nil {
			return Command{}, err
		}
	}
	if about != sender && c.Output == "" && c.Dir == "" {
		c.Dir = "."
	}
	if c.Action == Send && slices.Contains(c.Files, Stdio) && c.StdinName == "" {
		c.StdinName = DefaultStdinName
	}
	if about == server {
		c.Timeout = 0 // a server makes no first contact
	}
	return c, nil
}

var errRateAndBackground = usageErrorf("-b sends at its rate whatever others need, --mode background yields to them: choose one of the two")

// check returns an error if values that are right by themselves contradict each
// other.
func (c *Command) check(about role) error {
	switch {
	case c.Carrier == transport.TCP && c.Loss > 0:
		return usageErrorf("-l simulates the loss of datagrams, which needs UDP: TCP would repeat what is lost; leave out --tcp")
	case c.Carrier == transport.TCP && c.BlockSize != 0:
		return usageErrorf("--block-size is about datagrams, which needs UDP: TCP cuts them as it likes; leave out --tcp")
	case c.Background && c.Bitrate > 0:
		return errRateAndBackground
	case c.HTTP != "" && !c.Serve:
		return usageErrorf("--http shows the folder to be read: that needs -s")
	case c.Quiet && c.Verbose:
		return usageErrorf("-q and -v contradict each other: choose one of the two")
	case about != server && c.Port == 0:
		return usageErrorf("-p 0 lets a server choose a port; a client must know the server's: 1 to 65535")
	case c.Output == Stdio && c.JSON:
		return usageErrorf("-o - and --json both write to standard output: choose one of the two")
	case c.Output != "" && len(c.Files) > 1:
		return usageErrorf("-o names a single file, but %d are requested; -d names a folder for them", len(c.Files))
	case c.Output != "" && c.Dir != "":
		return usageErrorf("-o and -d both say where the file goes: choose one of the two")
	case c.StdinName != "" && !slices.Contains(c.Files, Stdio):
		return usageErrorf("--name names standard input, which is not sent here; write -t - to send it")
	case about == receiver && slices.Contains(c.Files, Stdio):
		return usageErrorf("-r needs the name of a file at the server; - is standard output only with -o")
	case slices.Contains(c.Files, ""):
		return usageErrorf("a file name is empty")
	}
	return checkStdin(c.Files)
}

// checkStdin returns an error if standard input is to be read more than once.
func checkStdin(files []string) error {
	first := slices.Index(files, Stdio)
	if first >= 0 && slices.Contains(files[first+1:], Stdio) {
		return usageErrorf("standard input (-) can be read only once")
	}
	return nil
}

// has reports whether an option is among the tokens.
func has(tokens []token, name string) bool {
	return slices.ContainsFunc(tokens, func(t token) bool { return t.option == name })
}
