package uft

import (
	"context"
	"errors"

	"example.com/uft/internal/identity"
	"example.com/uft/transfer"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/outcome"
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
	var failed *transfer.Error
	switch {
	case err == nil:
		return exit.Done
	case errors.As(err, &usage):
		return exit.Usage
	case errors.As(err, &changed):
		return exit.Identity
	case errors.Is(err, context.Canceled):
		return exit.Interrupted
	case errors.As(err, &failed):
		return outcome.ForKind(failed.Kind)
	default:
		return exit.Other
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
	if t.code == exit.Done {
		t.code = Code(err)
	}
}
