package transport

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"time"

	"example.com/uft/internal/core"
)

// ErrClosed is the error of calls on something that this side has closed. It
// wraps net.ErrClosed.
var ErrClosed = fmt.Errorf("transport: %w", net.ErrClosed)

// A CloseError says that a connection was closed, by whom and why.
type CloseError struct {
	// Remote: the peer closed it. Otherwise this side did.
	Remote bool
	// Application: the program asked for it, and Code is the program's.
	// Otherwise one end found the other to violate the protocol, or could not
	// go on, and Code is one of docs/protocol.md §12.
	Application bool
	Code        uint64
	Reason      string
	cause       error
}

// Error says who closed the connection, with what code and for what reason.
func (e *CloseError) Error() string {
	side := "this side"
	if e.Remote {
		side = "the peer"
	}
	kind := "error "
	if e.Application {
		kind = "code "
	}
	text := fmt.Sprintf("transport: connection closed by %s (%s%d)", side, kind, e.Code)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Is reports whether target is ErrClosed and this side's program closed the
// connection.
func (e *CloseError) Is(target error) bool {
	return (target == ErrClosed || target == net.ErrClosed) && e.Application && !e.Remote
}

// Unwrap returns the cause within the protocol.
func (e *CloseError) Unwrap() error { return e.cause }

// A TimeoutError says that the peer was silent for too long. It is a net.Error.
type TimeoutError struct {
	// Handshake: the peer never gave an answer that completed the handshake.
	Handshake bool
	After     time.Duration
	// SendError is the latest error of the socket when sending, nil if there
	// was none: it may say why there was no answer.
	SendError error
}

// Error says how long the silence was.
func (e *TimeoutError) Error() string {
	if !e.Handshake {
		return fmt.Sprintf("transport: nothing heard from the peer for %v", e.After)
	}
	text := fmt.Sprintf("transport: no answer from the server within %v", e.After)
	if e.SendError != nil {
		text += fmt.Sprintf(" (sending failed: %v)", e.SendError)
	}
	return text
}

// Unwrap returns the error of the socket, if there was one.
func (e *TimeoutError) Unwrap() error { return e.SendError }

// Timeout returns true.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary returns false: the connection is over.
func (e *TimeoutError) Temporary() bool { return false }

// A ResetError says that the peer does not know the connection any more: most
// likely its program was restarted.
type ResetError struct{}

// Error says what happened.
func (e *ResetError) Error() string {
	return "transport: the peer does not know this connection any more (restarted?)"
}

// A VersionError says that the server speaks no version of the protocol that
// this side does.
type VersionError struct{ Versions []uint32 }

// Error names the versions that the server offers.
func (e *VersionError) Error() string {
	return fmt.Sprintf("transport: the server speaks the protocol versions %#x only", e.Versions)
}

// An IdentityError says that Config.VerifyServer refused the server.
type IdentityError struct {
	Key ed25519.PublicKey
	Err error // of VerifyServer
}

// Error gives the reason of VerifyServer.
func (e *IdentityError) Error() string { return fmt.Sprintf("transport: server refused: %v", e.Err) }

// Unwrap returns the error of VerifyServer.
func (e *IdentityError) Unwrap() error { return e.Err }

// A StreamError says that one direction of a stream, or a transfer, was broken
// off.
type StreamError struct {
	Bulk   bool // a bulk transfer
	ID     uint64
	Code   uint64 // of the program that broke it off
	Remote bool   // that program was the peer's
}

// Error says what was broken off, by whom and with what code.
func (e *StreamError) Error() string {
	what, side := "stream", "this side"
	if e.Bulk {
		what = "transfer"
	}
	if e.Remote {
		side = "the peer"
	}
	return fmt.Sprintf("transport: %s %d broken off by %s (code %d)", what, e.ID, side, e.Code)
}

// convertError turns the error by which the core ended a connection into one
// of this package. sendError is the latest error of the socket.
func convertError(err, sendError error) error {
	var (
		application *core.ApplicationError
		peer        *core.PeerError
		local       *core.LocalError
		timeout     *core.TimeoutError
		reset       *core.ResetError
		version     *core.VersionError
		closedPort  *ClosedPortError
		identity    *IdentityError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &identity):
		return identity
	case errors.As(err, &application):
		return &CloseError{Remote: !application.Local, Application: true, Code: application.Code, Reason: application.Reason, cause: err}
	case errors.As(err, &peer):
		return &CloseError{Remote: true, Code: uint64(peer.Code), Reason: reasonOf(peer.Code, peer.Reason), cause: err}
	case errors.As(err, &local):
		return &CloseError{Code: uint64(local.Code), Reason: reasonOf(local.Code, local.Reason), cause: err}
	case errors.As(err, &timeout):
		return &TimeoutError{Handshake: timeout.Handshake, After: timeout.After, SendError: sendError}
	case errors.As(err, &reset):
		return &ResetError{}
	case errors.As(err, &closedPort):
		return closedPort
	case errors.As(err, &version):
		return &VersionError{Versions: version.Versions}
	default:
		return fmt.Errorf("transport: %w", err)
	}
}

// reasonOf joins the name of a code of the protocol and the reason given.
func reasonOf(code fmt.Stringer, reason string) string {
	if reason == "" {
		return code.String()
	}
	return code.String() + ": " + reason
}

// convertStreamError does the same for an error of one stream.
func convertStreamError(err error, id uint64) error {
	var broken *core.StreamError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &broken):
		return &StreamError{ID: id, Code: broken.Code, Remote: true}
	case errors.Is(err, core.ErrFinished), errors.Is(err, core.ErrNoStream):
		return ErrClosed
	default:
		return convertError(err, nil)
	}
}
