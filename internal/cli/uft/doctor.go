package uft

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/doctor"
)

// DefaultDoctorTimeout is how long `uft doctor` waits for the answers of a
// server. All ways to it are tried at once, so one that is blocked costs as
// much.
const DefaultDoctorTimeout = 3 * time.Second

// doctorWord is the command that examines the machine.
const doctorWord = "doctor"

// doctorHelp is what `uft doctor -h` prints.
const doctorHelp = `uft doctor examines this machine, and the way to a server if one is named.

  uft doctor                      what here makes transfers slow, and the fix
  uft doctor -d /srv/files        measure the disk of that folder
  uft doctor HOST                 also: does HOST answer, by UDP, by TCP, by
                                  IPv4 and IPv6, how far away, who is it, and
                                  how large a datagram gets through to it

It takes about 3 seconds, writes at most 256 MiB and removes it, and changes
nothing; a server's key is looked at and not remembered.

  -d, --dir DIR             the folder whose disk is measured (default: the
                            current one)
  -p, --port PORT           port of HOST (default 5855)
      --timeout TIME        wait this long for HOST (default 3s)
      --fingerprint SHA256:...  HOST must have this identity
      --known-hosts FILE    list of known servers
      --key FILE            key of the server here
      --json                print one JSON object, for scripts
  -h, --help                print this help

Exit codes: 0 nothing to fix, 1 something to fix, 2 usage, 5 HOST does not
answer, 9 HOST is not who it was, 130 interrupted.
`

// doctorOptions returns the options of `uft doctor`. Parsing them fills c.
func doctorOptions(c *Command) []option {
	var all []option
	for _, o := range options(c, &given{}) {
		switch o.name {
		case "dir", "port", "timeout", "fingerprint", "known-hosts", "key", "help":
			all = append(all, o)
		}
	}
	return append(all, option{name: "json", toggle: &c.JSON})
}

// parseDoctor reads the command line of `uft doctor`.
func parseDoctor(args []string) (Command, error) {
	c := Command{Action: Doctor, Port: DefaultPort, Timeout: DefaultDoctorTimeout, Dir: "."}
	flags := flagSet(doctorOptions(&c))
	tokens := scan(flags, args)
	if has(tokens, "help") {
		return Command{Action: DoctorHelp}, nil
	}
	if has(tokens, unknown) {
		for _, t := range tokens {
			if t.option == unknown {
				return Command{}, usageErrorf("uft doctor has no option %s", t.text)
			}
		}
	}
	if err := checkValues(flags, tokens); err != nil {
		return Command{}, err
	}
	if err := flags.Parse(args); err != nil {
		return Command{}, describe(err)
	}
	words := flags.Args()[1:]
	switch {
	case len(words) > 1:
		return Command{}, usageErrorf("uft doctor examines the way to one host, but there is also %q", words[1])
	case len(words) == 0 && (flags.Changed("port") || flags.Changed("timeout") || flags.Changed("fingerprint")):
		return Command{}, usageErrorf("-p, --timeout and --fingerprint are about a host: uft doctor HOST")
	case c.Port == 0:
		return Command{}, usageErrorf("-p 0 lets a server choose a port; a client must know the server's: 1 to 65535")
	case len(words) == 1:
		host, err := parseHost(words[0])
		if err != nil {
			return Command{}, usageErrorf("host %q: %w", words[0], err)
		}
		c.Host = host
	}
	return c, nil
}

// runDoctor examines the machine, prints what it finds, and returns the exit
// code.
func runDoctor(ctx context.Context, c Command, std stdio) int {
	table := findingTable{w: std.out, style: term.StyleFor(std.out, os.Getenv)}
	tell := table.print
	if c.JSON {
		tell = func(doctor.Finding) {}
	}
	report := doctor.Run(ctx, doctor.Options{
		Dir: c.Dir, Key: c.Key, KnownHosts: c.KnownHosts,
		Host: c.Host, Port: c.Port, Fingerprint: c.Fingerprint, Timeout: c.Timeout,
	}, tell)
	if ctx.Err() != nil {
		std.report(fail(exit.Interrupted, fmt.Errorf("interrupted")))
		return exit.Interrupted
	}
	var err error
	if c.JSON {
		err = printJSON(std.out, &report)
	} else {
		err = table.finish(&report)
	}
	if err != nil {
		std.report(err)
		return exit.Other
	}
	return doctorCode(&report)
}

// doctorCode returns the exit code of a report: the worst comes first.
func doctorCode(r *doctor.Report) int {
	switch {
	case r.IdentityChanged:
		return exit.Identity
	case r.Silent:
		return exit.Unreachable
	case r.Faults() > 0:
		return exit.Other
	}
	return exit.Done
}

// printJSON prints a report as one object.
func printJSON(w io.Writer, r *doctor.Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		*doctor.Report
		Faults   int `json:"faults"`
		ExitCode int `json:"exit_code"`
	}{r, r.Faults(), doctorCode(r)})
}
