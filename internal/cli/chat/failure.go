package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/identity"
	"example.com/uft/transport"
)

// A failure is an error that knows its exit code.
type failure struct {
	code int
	err  error
}

// failf returns a failure with a text as of fmt.Errorf.
func failf(code int, format string, args ...any) error {
	return &failure{code: code, err: fmt.Errorf(format, args...)}
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// code returns the exit code that an error stands for.
func code(err error) int {
	var known *failure
	var changed *identity.ChangedError
	switch {
	case err == nil:
		return exit.Done
	case errors.As(err, &known):
		return known.code
	case errors.As(err, &changed):
		return exit.Identity
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exit.Interrupted
	}
	return exit.Other
}

// listenError explains why a port cannot be listened on.
func listenError(c *Command, err error) error {
	return failf(exit.Other, "cannot listen on port %d: %w; choose another one, or any free one with 0", c.Port, cause(err))
}

// dialError explains why there is no connection to the server of a command.
func dialError(ctx context.Context, c *Command, err error) error {
	var lookup *net.DNSError
	var refused *transport.IdentityError
	var silence *transport.TimeoutError
	server := fmt.Sprintf("%s port %d", c.Host, c.Port)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return failf(exit.Unreachable, "there is no host %s", c.Host)
	case errors.As(err, &lookup):
		return failf(exit.Unreachable, "cannot look up the host %s: %s", c.Host, lookup.Err)
	case errors.As(err, &refused):
		return failf(exit.Identity, "%w", refused.Err)
	case errors.As(err, &silence):
		return failf(exit.Unreachable, "%s: no answer within %v; does chat --listen run there, and do firewalls let it through?", server, silence.After)
	default:
		return failf(exit.Unreachable, "%s: %w", server, cause(err))
	}
}

// connectionEnd says what the end of a connection means, as its reader found
// it. Where the other side has ended it in good order, lost is nil.
func connectionEnd(err error) (reason string, lost error) {
	var closed *transport.CloseError
	switch {
	case errors.Is(err, io.EOF):
		return "", nil
	case errors.As(err, &closed) && closed.Remote && closed.Application && closed.Code == codeEnd:
		return closed.Reason, nil
	case errors.As(err, &closed) && closed.Remote && closed.Application:
		return closed.Reason, errors.New(closed.Reason)
	}
	err = cause(err)
	return err.Error(), err
}

// cause returns what went wrong with a socket without the names of calls and
// packages, which mean nothing to a user.
func cause(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	if text, ok := strings.CutPrefix(err.Error(), "transport: "); ok {
		return errors.New(text)
	}
	return err
}

// isRefused reports whether err says that nobody listens at the port, which a
// datagram is told by ICMP. Windows calls it WSAECONNRESET (10054).
func isRefused(err error) bool {
	const windowsReset = syscall.Errno(10054)
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsReset)
}

// isTooLong reports whether err says that a datagram cannot be that long.
// Windows calls it WSAEMSGSIZE (10040).
func isTooLong(err error) bool {
	const windowsSize = syscall.Errno(10040)
	return errors.Is(err, syscall.EMSGSIZE) || errors.Is(err, windowsSize)
}
