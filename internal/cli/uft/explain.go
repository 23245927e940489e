package uft

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"example.com/uft/internal/identity"
	"example.com/uft/transfer"
	"example.com/uft/transport"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/outcome"
)

// The codes of docs/protocol.md §12.2 for which the user can do something.
const (
	codeExists    = 3
	codeHidden    = 5
	codeNotServed = 9
)

// explain returns an error with the line that tells the user of err: what, where,
// and what to do where that is not plain. peer names the other side.
func explain(err error, action Action, peer string) error {
	var changed *identity.ChangedError
	if errors.As(err, &changed) {
		return fail(exit.Identity, changed) // says all, and nothing else matters
	}
	var failed *transfer.Error
	if errors.As(err, &failed) {
		return fail(Code(err), errors.New(failed.Describe(peer)+advice(failed, action)))
	}
	return err
}

// advice returns what the user of a client can do about a refusal.
func advice(e *transfer.Error, action Action) string {
	switch {
	case action == Fetch && !e.Remote && e.Code == codeExists:
		return "; --overwrite replaces it"
	case action == Fetch && !e.Remote && e.Code == codeHidden:
		return "; --hidden allows it"
	case action == Send && e.Remote && e.Code == codeExists:
		return "; only a server with --overwrite replaces it"
	case action != Serve && e.Remote && e.Code == codeHidden:
		return "; only a server with --hidden takes part in this"
	case action == Send && e.Remote && e.Code == codeNotServed:
		return "; it was started without -a"
	case action == Fetch && e.Remote && e.Code == codeNotServed:
		return "; it was started without -s"
	}
	return ""
}

// dialError explains why there is no connection to the server of a command: no
// file is to blame, so none is named.
func dialError(c Command, err error) error {
	server := fmt.Sprintf("%s port %d", c.Host, c.Port)
	var lookup *net.DNSError
	var identity *transport.IdentityError
	var silence *transport.TimeoutError
	code := outcome.ForKind(transfer.KindOf(err))
	switch {
	case code == exit.Interrupted:
		return fail(code, errors.New("interrupted"))
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fail(exit.Unreachable, fmt.Errorf("there is no host %s", c.Host))
	case errors.As(err, &lookup):
		return fail(exit.Unreachable, fmt.Errorf("cannot look up the host %s: %s", c.Host, lookup.Err))
	case errors.As(err, &identity):
		return fail(code, identity.Err)
	case errors.As(err, &silence) && silence.SendError != nil:
		return fail(code, fmt.Errorf("%s: cannot be reached: %w", server, cause(silence.SendError)))
	case errors.As(err, &silence):
		return fail(code, fmt.Errorf("%s: no answer within %v; does uft run there, and do firewalls let %s through?", server, silence.After, strings.Replace(carriers(c, carrierOf(c)), "and", "or", 1)))
	default:
		return fail(code, fmt.Errorf("%s: %s", server, plain(err)))
	}
}

// neverConnected reports whether an error means that there was no connection at
// all. A client that remembers the server sends before it knows that.
func neverConnected(err error) bool {
	var silence *transport.TimeoutError
	var closed *transport.ClosedPortError
	var version *transport.VersionError
	var refused *transport.IdentityError
	return errors.As(err, &silence) && silence.Handshake || errors.As(err, &closed) && closed.Handshake ||
		errors.As(err, &version) || errors.As(err, &refused)
}

// cause returns what the operating system said of a socket, without the names
// of its calls.
func cause(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}

// sourceError explains why a file cannot be sent.
func sourceError(path string, err error) error {
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return fail(exit.Source, fmt.Errorf("cannot send %q: it is a folder; send it as an archive: tar c FOLDER | uft HOST -t - --name FOLDER.tar", path))
	}
	return err
}

// plain returns the text of an error without the name of the package that
// found it, which means nothing to a user.
func plain(err error) string {
	text := strings.TrimPrefix(err.Error(), "transport: ")
	return strings.TrimPrefix(text, "identity: ")
}
