package duplex

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/outcome"
	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/store"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// failure is why the program ends without success: one line in the language of
// the user, and the exit code.
type failure struct {
	code int
	text string
}

// Error returns the line.
func (f *failure) Error() string { return f.text }

// failf returns a failure with a text as of fmt.Sprintf.
func failf(code int, format string, values ...any) *failure {
	return &failure{code: code, text: fmt.Sprintf(format, values...)}
}

// socketFailure explains why there is no socket on a local port.
func (t *texts) socketFailure(err error, port string) *failure {
	const windowsAddressInUse = syscall.Errno(10048) // WSAEADDRINUSE
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse) {
		return failf(exit.Other, t.portInUse, port)
	}
	return failf(exit.Other, t.noSocket, cause(err))
}

// dialFailure explains why there is no connection to a server after some time.
func (t *texts) dialFailure(err error, a *arguments, waited time.Duration) *failure {
	server := net.JoinHostPort(a.host, fmt.Sprint(a.port))
	var name *net.DNSError
	var silence *transport.TimeoutError
	var closed *transport.ClosedPortError
	var socket *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return failf(exit.Interrupted, "%s", t.interrupted)
	case errors.As(err, &name):
		return failf(exit.Unreachable, t.unknownHost, a.host)
	case errors.As(err, &silence) && silence.SendError != nil:
		return failf(exit.Unreachable, t.unreachable, server, cause(silence.SendError))
	case errors.As(err, &silence), errors.As(err, &closed):
		return failf(exit.Unreachable, t.noAnswer, server, term.Duration(waited))
	case errors.As(err, &socket) && socket.Op == "listen":
		return t.socketFailure(err, fmt.Sprint(a.localPort))
	default:
		return failf(exit.Unreachable, t.unreachable, server, cause(err))
	}
}

// transferFailure explains what became of a file, which the user calls by this
// name, or of both files where it is empty. mode is what this side is to do.
func (t *texts) transferFailure(err error, name, mode string) *failure {
	code := outcome.ForKind(transfer.KindOf(err))
	var known *transfer.Error
	if !errors.As(err, &known) || known.Kind == transfer.KindConnection {
		return &failure{code: code, text: t.connectionText(err)}
	}
	if known.Code == codeMode {
		return failf(code, t.mismatch, mode, t.opposite(mode))
	}
	var text string
	switch known.Kind {
	case transfer.KindInterrupted:
		return &failure{code: code, text: t.interrupted}
	case transfer.KindUnknown:
		return failf(code, t.unknown, name)
	case transfer.KindSource:
		text = fmt.Sprintf(t.source, name, t.reason(known))
	case transfer.KindDestination:
		text = fmt.Sprintf(t.destination, name, t.reason(known))
	case transfer.KindIntegrity:
		text = fmt.Sprintf(t.integrity, name, t.reason(known))
	case transfer.KindRefused:
		text = fmt.Sprintf(t.refused, name, t.reason(known))
	default:
		text = fmt.Sprintf(t.failed, name, t.reason(known))
	}
	if known.Remote {
		text = fmt.Sprintf(t.otherSide, text)
	}
	return &failure{code: code, text: text}
}

// opposite returns the other one of the two modes.
func (t *texts) opposite(mode string) string {
	if mode == t.oneWay {
		return t.bothWays
	}
	return t.oneWay
}

// connectionText explains the end of a connection.
func (t *texts) connectionText(err error) string {
	var silence *transport.TimeoutError
	var reset *transport.ResetError
	var gone *transport.ClosedPortError
	var closed *transport.CloseError
	switch {
	case errors.Is(err, context.Canceled):
		return t.interrupted
	case errors.Is(err, context.DeadlineExceeded):
		return t.mute
	case errors.As(err, &silence):
		return fmt.Sprintf(t.silence, term.Duration(silence.After))
	case errors.As(err, &reset), errors.As(err, &gone):
		return t.restarted
	case errors.As(err, &closed) && closed.Application && closed.Remote && closed.Code == codeNone:
		return t.left
	case errors.As(err, &closed) && closed.Application && closed.Remote && closed.Code < uint64(len(t.reasons)):
		return fmt.Sprintf(t.otherSide, t.reasons[closed.Code])
	default:
		return fmt.Sprintf(t.lost, cause(err))
	}
}

// reason returns why, in the language of the user where that is known. The
// words of the peer are in its own language, and count only where its code
// says nothing.
func (t *texts) reason(e *transfer.Error) string {
	switch {
	case !e.Remote && e.Err != nil:
		return t.fileReason(e.Err)
	case e.Code != codeNone && e.Code != codeInternal && e.Code < uint64(len(t.reasons)):
		return t.reasons[e.Code]
	case e.Text != "":
		return term.Escape(e.Text)
	default:
		return t.reasons[codeInternal]
	}
}

// fileReason explains an error at a file of this machine.
func (t *texts) fileReason(err error) string {
	for _, known := range []struct {
		err  error
		code int
	}{
		{store.ErrNotFound, codeNotFound},
		{store.ErrPermission, codePermission},
		{store.ErrNotRegular, codeNotRegular},
		{store.ErrBadName, codeBadName},
		{store.ErrTooLarge, codeTooLarge},
		{store.ErrNoSpace, codeNoSpace},
		{store.ErrChanged, codeSourceChanged},
		{syscall.ENOTDIR, codeNotFound},
	} {
		if errors.Is(err, known.err) {
			return t.reasons[known.code]
		}
	}
	var file *store.Error
	if errors.As(err, &file) && file.Err != nil {
		return cause(file.Err) // without the name, which is said already
	}
	return cause(err)
}

// cause returns the text of an error without the name of a package of ours.
func cause(err error) string {
	return strings.TrimPrefix(err.Error(), "transport: ")
}
