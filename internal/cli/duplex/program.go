// Package duplex is the programs `serveur` and `client`, which move one file
// from client to serveur, or two files both ways at the same time, and end.
//
// Their command lines are told apart by the number of arguments alone, and they
// speak French or English as the environment says. RunServer and RunClient are
// the whole programs behind mains of a few lines: server.go and client.go get
// the connection, exchange.go moves the files over it and says what became of
// them. Everything that is said stands in english.go and french.go, and what
// each exit code means in package exit.
package duplex

import (
	"context"
	"fmt"
	"io"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/cli/tracefile"
	"example.com/uft/internal/trace"
	"example.com/uft/transport"
)

// RunServer is the program serveur: it carries out the arguments (without the
// name of the program) and returns the exit code. The end of ctx is the user's
// wish to stop. env looks up environment variables, as os.Getenv does.
func RunServer(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	p := newProgram("serveur", stderr, env)
	a, err := parseServer(args, p.t)
	p.args, p.point = args, "server"
	return p.run(a, err, p.t.serverHelp, stdout, func() int { return p.serve(ctx, &a) })
}

// RunClient is the program client, in the same way.
func RunClient(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	p := newProgram("client", stderr, env)
	a, err := parseClient(args, p.t)
	p.args, p.point = args, "client"
	return p.run(a, err, p.t.clientHelp, stdout, func() int { return p.connect(ctx, &a) })
}

// program is one run of either of the two.
type program struct {
	name   string
	args   []string
	point  string // of a trace: "client" or "server"
	t      *texts
	stderr io.Writer
	mode   term.Mode
	config transport.Config

	patience time.Duration // of a client that hears nothing from the server yet
}

// firstContact is how long a client waits for a first answer.
const firstContact = 10 * time.Second

// idleTimeout is how long the other side may be silent before it is taken for
// dead. It is shorter than in uft, since these programs work for somebody who
// sits in front of both.
const idleTimeout = 30 * time.Second

func newProgram(name string, stderr io.Writer, env func(string) string) *program {
	return &program{
		name: name, t: languageOf(env), stderr: stderr,
		mode:   term.ModeFor(stderr, false, env),
		config: transport.Config{IdleTimeout: idleTimeout}, patience: firstContact,
	}
}

// run deals with arguments that leave nothing to be done, looks at the files,
// and then does the work. It returns the exit code.
func (p *program) run(a arguments, err error, help string, stdout io.Writer, work func() int) int {
	switch {
	case err != nil:
		return p.report(failf(exit.Usage, p.t.usage, err, p.name))
	case a.help:
		if _, err := io.WriteString(stdout, help); err != nil {
			return p.report(&failure{code: exit.Other, text: err.Error()})
		}
		return exit.Done
	}
	if f := p.t.checkFiles(&a); f != nil {
		return p.report(f)
	}
	p.config.Carrier = a.carrier
	if a.trace == "" {
		return work()
	}
	w, err := tracefile.Create(a.trace, p.point, p.name, p.args)
	if err != nil {
		return p.report(failf(exit.Other, p.t.noTrace, err))
	}
	defer p.endTrace(w)
	p.config.Trace = tracefile.To(w)
	return work()
}

// endTrace completes a trace, and says what is not in it.
func (p *program) endTrace(w *trace.Writer) {
	dropped, err := w.Close()
	switch {
	case err != nil:
		p.say(p.t.badTrace, err)
	case dropped > 0:
		p.say(p.t.shortTrace, dropped)
	}
}

// report says why the program ends without success, and returns the exit code.
func (p *program) report(f *failure) int {
	p.say("%s", f.text)
	return f.code
}

// say prints one line. Names and the words of peers are made harmless in it.
func (p *program) say(format string, values ...any) {
	line := term.EscapePath(fmt.Sprintf(format, values...))
	fmt.Fprintf(p.stderr, "%s: %s\n", p.name, line)
}
