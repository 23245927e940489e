package uft

import (
	"context"
	"errors"

	"example.com/uft/internal/identity"
)

// The exit codes of the program.
const (
	ExitDone        = 0   // done and verified; also an idle server that was stopped
	ExitOther       = 1   // any other reason, such as a port in use
	ExitUsage       = 2   // the command line is wrong
	ExitSource      = 3   // the source cannot be opened, here or there
	ExitRefused     = 4   // the other side refused
	ExitUnreachable = 5   // no answer, or the connection was lost
	ExitIntegrity   = 6   // the contents are not what was sent, or changed meanwhile
	ExitDestination = 7   // the destination's disk failed or is full
	ExitUnknown     = 8   // everything was sent but no confirmation came
	ExitIdentity    = 9   // the server is not who it was, or not who was asked for
	ExitInterrupted = 130 // a running transfer was interrupted
)

// failure is an error that knows its exit code.
type failure struct {
	code int
	err  error
}

// fail attaches an exit code to err. It returns nil for nil.
func fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: code, err: err}
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// Code returns the exit code that an error stands for. The code that this
// package attached itself comes first; then what the layers below say.
func Code(err error) int {
	var known *failure
	if errors.As(err, &known) {
		return known.code
	}
	var usage *UsageError
	var changed *identity.ChangedError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &changed):
		return ExitIdentity
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	default:
		return ExitOther
	}
}

// tally is the outcome of work on several files: the work goes on after a
// failure, and the program ends with the code of the first one. The zero tally
// is success.
type tally struct {
	code int
}

// add takes in the outcome of one more file.
func (t *tally) add(err error) {
	if t.code == ExitDone {
		t.code = Code(err)
	}
}
