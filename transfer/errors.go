package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// Kind is the broad reason why a transfer failed: what a program's exit code
// tells.
type Kind int

// The kinds.
const (
	KindOther       Kind = iota // anything else
	KindSource                  // the file to be sent cannot be opened or read, here or there
	KindRefused                 // the side that writes, or serves, said no
	KindConnection              // the connection was lost before the end
	KindIntegrity               // the contents are not what was read, or changed while they were read
	KindDestination             // the disk or folder that is written to fails
	KindUnknown                 // everything was sent, and no confirmation came
	KindIdentity                // the server is not the one that it should be
	KindInterrupted             // the context of the call ended
)

var kindNames = [...]string{
	KindOther: "other", KindSource: "source", KindRefused: "refused", KindConnection: "connection",
	KindIntegrity: "integrity", KindDestination: "destination", KindUnknown: "unknown",
	KindIdentity: "identity", KindInterrupted: "interrupted",
}

// String returns the kind as one word.
func (k Kind) String() string {
	if k >= 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", int(k))
}

// An Error says why a transfer failed, and whose word that is.
type Error struct {
	Kind   Kind
	Name   string // of the file; empty where the connection as a whole failed
	Remote bool   // the peer said so; otherwise this side found it
	Code   uint64 // of docs/protocol.md §12.2; 0 where there is none
	Text   string // the peer's words, not escaped
	Err    error  // the cause on this side; may be nil
}

// Error returns one line. What the peer wrote is escaped in it.
func (e *Error) Error() string { return e.Describe("the other side") }

// Describe returns one line in which the other side is called peer, such as
// "the server". What it wrote is escaped.
func (e *Error) Describe(peer string) string {
	var text string
	switch {
	case e.Kind == KindUnknown:
		text = "everything was sent, but no confirmation came; sending it again is safe"
	case e.Kind == KindInterrupted:
		text = "interrupted"
	case e.Remote:
		text = fmt.Sprintf("%s says: %v", peer, xfer.Code(e.Code))
		if e.Text != "" {
			text = fmt.Sprintf("%s says: %s (%v)", peer, escape(e.Text), xfer.Code(e.Code))
		}
		return prefix(e.Name, text)
	case e.Err == nil:
		return prefix(e.Name, e.Kind.String())
	case isStore(e.Err):
		return e.Err.Error() // names the file
	default:
		return prefix(e.Name, causeText(e.Err, peer))
	}
	if e.Err != nil && !errors.Is(e.Err, context.Canceled) {
		text += " (" + causeText(e.Err, peer) + ")"
	}
	return prefix(e.Name, text)
}

// causeText returns what a cause says to people: not in which package it was
// found, nor the numbers of a close that has no more to say than that.
func causeText(err error, peer string) string {
	var closed *transport.CloseError
	switch {
	case errors.As(err, &closed) && closed.Remote && closed.Code == 0:
		return peer + " gave up"
	case errors.Is(err, transport.ErrClosed):
		return "the connection was closed"
	}
	return strings.TrimPrefix(err.Error(), "transport: ")
}

// Unwrap returns the cause on this side.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of this package, or of a connection.
func KindOf(err error) Kind {
	var known *Error
	if errors.As(err, &known) {
		return known.Kind
	}
	return kindOfConnection(err)
}

func isStore(err error) bool {
	var known *store.Error
	return errors.As(err, &known)
}

func prefix(name, text string) string {
	if name == "" {
		return text
	}
	return escape(name) + ": " + text
}

// escape makes a text of the peer harmless on a terminal.
func escape(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// kindOfConnection sorts what ended a connection.
func kindOfConnection(err error) Kind {
	var closed *transport.CloseError
	var identity *transport.IdentityError
	var broken *xfer.ProtocolError
	switch {
	case err == nil:
		return KindOther
	case errors.As(err, &broken):
		if broken.Code == xfer.CodeMode {
			return KindRefused
		}
		return KindOther
	case errors.As(err, &identity):
		return KindIdentity
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return KindInterrupted
	case errors.As(err, &closed) && closed.Application:
		switch code := xfer.Code(closed.Code); code {
		case xfer.CodeMode, xfer.CodeBusy:
			return KindRefused
		case xfer.CodeNotFound:
			return KindSource // an Exchange without the file that it was to send
		case xfer.CodeProtocol, xfer.CodeInternal:
			return KindOther
		}
	}
	return KindConnection
}

// connectionError explains what became of a transfer, or of everything where
// name is empty, when the conversation ended.
func connectionError(name string, err error) *Error {
	e := &Error{Kind: kindOfConnection(err), Name: name, Err: err}
	var closed *transport.CloseError
	var broken *xfer.ProtocolError
	switch {
	case errors.As(err, &broken):
		e.Code = uint64(broken.Code)
	case errors.As(err, &closed) && closed.Application && closed.Code != 0:
		e.Code, e.Remote, e.Text = closed.Code, closed.Remote, closed.Reason
	}
	return e
}

// kindOfCode sorts the code of a transfer that failed. theirs says that the
// side that named the code has the file to be sent, so that its disk and its
// permissions are those of the source.
func kindOfCode(code xfer.Code, theirs bool) Kind {
	switch code {
	case xfer.CodeNotFound, xfer.CodePermission, xfer.CodeDisk, xfer.CodeNoSpace:
		if theirs {
			return KindSource
		}
		return KindDestination
	case xfer.CodeHidden, xfer.CodeNotRegular:
		if theirs {
			return KindSource
		}
		return KindRefused
	case xfer.CodeExists, xfer.CodeBadName, xfer.CodeTooLarge, xfer.CodeNotServed, xfer.CodeMode,
		xfer.CodeUnsupported, xfer.CodeBusy, xfer.CodeRate:
		return KindRefused
	case xfer.CodeIntegrity, xfer.CodeSourceChanged:
		return KindIntegrity
	case xfer.CodeCancelled:
		return KindConnection
	}
	return KindOther
}

// failureError explains a failure. sending says that this side has the file,
// cause is what this side knows beyond the failure.
func failureError(name string, f *xfer.Failure, sending bool, cause error) *Error {
	atSource := sending != f.Remote
	e := &Error{Kind: kindOfCode(f.Code, atSource), Name: name, Remote: f.Remote, Code: uint64(f.Code)}
	switch {
	case f.Remote:
		e.Text = f.Text
	case cause != nil:
		e.Err = cause
	default:
		e.Err = errors.New(f.Text)
	}
	if f.Code == xfer.CodeCancelled && !f.Remote {
		e.Kind = KindInterrupted
	}
	return e
}

// sourceCode is the code for an error at the file that is read.
func sourceCode(err error) xfer.Code {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return xfer.CodeNotFound
	case errors.Is(err, store.ErrPermission), errors.Is(err, store.ErrOutside):
		return xfer.CodePermission
	case errors.Is(err, store.ErrBadName):
		return xfer.CodeBadName
	case errors.Is(err, store.ErrHidden):
		return xfer.CodeHidden
	case errors.Is(err, store.ErrNotRegular):
		return xfer.CodeNotRegular
	case errors.Is(err, store.ErrChanged):
		return xfer.CodeSourceChanged
	}
	return xfer.CodeDisk
}

// sinkCode is the code for an error at the file that is written. A folder that
// cannot be written to is as bad as a disk that cannot.
func sinkCode(err error) xfer.Code {
	switch {
	case errors.Is(err, store.ErrExists):
		return xfer.CodeExists
	case errors.Is(err, store.ErrBadName):
		return xfer.CodeBadName
	case errors.Is(err, store.ErrHidden):
		return xfer.CodeHidden
	case errors.Is(err, store.ErrTooLarge):
		return xfer.CodeTooLarge
	case errors.Is(err, store.ErrNoSpace):
		return xfer.CodeNoSpace
	case errors.Is(err, store.ErrNotRegular), errors.Is(err, store.ErrOutside):
		return xfer.CodeNotRegular
	}
	return xfer.CodeDisk
}

// reasonText returns what a peer is told of an error at a file: the reason, and
// not where the folder is on this machine.
func reasonText(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	var known *store.Error
	if errors.As(err, &known) && known.Kind != nil {
		return known.Kind.Error()
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
