// Package chat is the program `chat`: messages between a server and its
// clients, with a connection and without one, by which the difference can be
// seen.
//
// Run is the whole program behind a main of a few lines. Parse turns the
// arguments into a Command. The three modes differ in two places only: how a
// server gets its clients (a door) and how a client talks to its server (a
// talk). Mode own is in own.go, TCP in tcp.go, UDP in udp.go; everything above
// is the same for all: the room of clients and the console of the user.
package chat

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
)

// Run is the program: it carries out the arguments (without the name of the
// program) and returns the exit code. The end of ctx is the user's wish to
// stop.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command, err := Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "chat: %s; see chat --help\n", term.EscapePath(err.Error()))
		return exit.Usage
	}
	if command.Help {
		if _, err := io.WriteString(stdout, helpText); err != nil {
			return exit.Other
		}
		return exit.Done
	}
	c := newConsole(stdin, stdout, stderr)
	if command.Listen {
		err = runServer(ctx, &command, c)
	} else {
		err = runClient(ctx, &command, c)
	}
	c.close()
	if err != nil {
		c.complain(err)
	}
	return code(err)
}

// prompt is what stands before the lines of a side: "client@host:port$ ".
func prompt(side string, c *Command, port uint16) string {
	name := c.Name
	if name == "" {
		name = hostName(os.Hostname())
	}
	return fmt.Sprintf("%s@%s:%d$ ", side, term.Escape(name), port)
}

// hostName is the own host name without its domain.
func hostName(name string, err error) string {
	short, _, _ := strings.Cut(name, ".")
	if err != nil || short == "" {
		return "localhost"
	}
	return short
}
