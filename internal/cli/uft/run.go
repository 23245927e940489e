package uft

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
	"example.com/uft/transport"
)

// stdio is the standard input and outputs of the program: data goes to out,
// everything said to people goes to err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	trace    func(transport.TraceEvent) // nil: nobody wants to know
}

// Run is the program: it carries out the arguments (without the name of the
// program) and returns the exit code. The end of ctx is the user's wish to
// stop.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	std := stdio{in: stdin, out: stdout, err: stderr}
	if arguments, asked := simArguments(args); asked {
		return runSim(ctx, arguments, std)
	}
	if arguments, asked := plotArguments(args); asked {
		return runPlot(arguments, std)
	}
	command, err := Parse(args)
	if err != nil {
		std.report(fmt.Errorf("%w; see uft --help", err))
		return Code(err)
	}
	std, end, err := traced(command, args, std)
	if err != nil {
		std.report(err)
		return Code(err)
	}
	defer end()
	switch command.Action {
	case Help:
		_, err = io.WriteString(stdout, helpText)
	case DoctorHelp:
		_, err = io.WriteString(stdout, doctorHelp)
	case Doctor:
		return runDoctor(ctx, command, std)
	case Version:
		info, _ := debug.ReadBuildInfo()
		_, err = fmt.Fprintln(stdout, version(info))
	case Hash:
		return runHash(ctx, command.Files, std)
	case Serve:
		err = runServer(ctx, command, std)
	case Send:
		return runSend(ctx, command, std)
	case Fetch:
		return runFetch(ctx, command, std)
	}
	if err != nil {
		std.report(err)
	}
	return Code(err)
}

// report says on one line what went wrong. An identity that changed is made
// loud where the terminal can be.
func (s stdio) report(err error) {
	text := "uft: " + term.Escape(plain(err))
	if Code(err) == exit.Identity {
		text = term.StyleFor(s.err, os.Getenv).Alarm(text)
	}
	fmt.Fprintln(s.err, text)
}
