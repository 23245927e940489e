package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// TestKindOfFailures: the same code means different things, by whose disk it is
// about.
func TestKindOfFailures(t *testing.T) {
	for _, test := range []struct {
		code            xfer.Code
		source, written Kind // said by the side that has the file, and by the side that writes it
	}{
		{xfer.CodeNotFound, KindSource, KindDestination},
		{xfer.CodePermission, KindSource, KindDestination},
		{xfer.CodeExists, KindRefused, KindRefused},
		{xfer.CodeBadName, KindRefused, KindRefused},
		{xfer.CodeHidden, KindSource, KindRefused},
		{xfer.CodeTooLarge, KindRefused, KindRefused},
		{xfer.CodeNoSpace, KindSource, KindDestination},
		{xfer.CodeNotRegular, KindSource, KindRefused},
		{xfer.CodeNotServed, KindRefused, KindRefused},
		{xfer.CodeIntegrity, KindIntegrity, KindIntegrity},
		{xfer.CodeSourceChanged, KindIntegrity, KindIntegrity},
		{xfer.CodeDisk, KindSource, KindDestination},
		{xfer.CodeCancelled, KindConnection, KindConnection},
		{xfer.CodeBusy, KindRefused, KindRefused},
		{xfer.CodeProtocol, KindOther, KindOther},
		{99, KindOther, KindOther},
	} {
		remote := &xfer.Failure{Code: test.code, Remote: true}
		if got := failureError("a", remote, false, nil).Kind; got != test.source {
			t.Errorf("%v of the source is %v, want %v", test.code, got, test.source)
		}
		if got := failureError("a", remote, true, nil).Kind; got != test.written {
			t.Errorf("%v of the receiver is %v, want %v", test.code, got, test.written)
		}
		if test.code == xfer.CodeCancelled {
			continue // by this side's user, that is an interruption
		}
		local := &xfer.Failure{Code: test.code, Text: "why"}
		if got := failureError("a", local, true, nil).Kind; got != test.source {
			t.Errorf("%v here, as the source, is %v, want %v", test.code, got, test.source)
		}
		if got := failureError("a", local, false, nil).Kind; got != test.written {
			t.Errorf("%v here, as the receiver, is %v, want %v", test.code, got, test.written)
		}
	}
}

func TestKindOfConnections(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Kind
	}{
		{&transport.TimeoutError{}, KindConnection},
		{&transport.ResetError{}, KindConnection},
		{&transport.IdentityError{Err: errors.New("changed")}, KindIdentity},
		{context.Canceled, KindInterrupted},
		{&transport.CloseError{Remote: true, Application: true}, KindConnection},
		{&transport.CloseError{Remote: true, Application: true, Code: uint64(xfer.CodeMode)}, KindRefused},
		{&transport.CloseError{Remote: true, Application: true, Code: uint64(xfer.CodeProtocol)}, KindOther},
		// Code 10 of the connection itself is another one.
		{&transport.CloseError{Remote: true, Code: uint64(xfer.CodeMode)}, KindConnection},
		{&xfer.ProtocolError{Code: xfer.CodeMode}, KindRefused},
		{&xfer.ProtocolError{Code: xfer.CodeProtocol}, KindOther},
	} {
		for _, err := range []error{test.err, fmt.Errorf("wrapped: %w", test.err), connectionError("a", test.err)} {
			if got := KindOf(err); got != test.want {
				t.Errorf("%v is %v, want %v", err, got, test.want)
			}
		}
	}
}

// TestCodesOfErrors: what goes wrong at a file, as the peer is told.
func TestCodesOfErrors(t *testing.T) {
	for _, test := range []struct {
		kind         error
		source, sink xfer.Code
	}{
		{store.ErrBadName, xfer.CodeBadName, xfer.CodeBadName},
		{store.ErrHidden, xfer.CodeHidden, xfer.CodeHidden},
		{store.ErrExists, xfer.CodeDisk, xfer.CodeExists},
		{store.ErrNotRegular, xfer.CodeNotRegular, xfer.CodeNotRegular},
		{store.ErrTooLarge, xfer.CodeDisk, xfer.CodeTooLarge},
		{store.ErrNoSpace, xfer.CodeDisk, xfer.CodeNoSpace},
		{store.ErrNotFound, xfer.CodeNotFound, xfer.CodeDisk},
		{store.ErrPermission, xfer.CodePermission, xfer.CodeDisk},
		{store.ErrOutside, xfer.CodePermission, xfer.CodeNotRegular},
		{store.ErrChanged, xfer.CodeSourceChanged, xfer.CodeDisk},
		{store.ErrDisk, xfer.CodeDisk, xfer.CodeDisk},
	} {
		err := &store.Error{Op: "open", Name: "a", Kind: test.kind}
		if got := sourceCode(err); got != test.source {
			t.Errorf("%v at the source is %v, want %v", err, got, test.source)
		}
		if got := sinkCode(err); got != test.sink {
			t.Errorf("%v at the destination is %v, want %v", err, got, test.sink)
		}
		if text := reasonText(err); text != test.kind.Error() {
			t.Errorf("the peer is told %q", text)
		}
	}
	if text := reasonText(fmt.Errorf("signal: %w", context.Canceled)); text != "interrupted" {
		t.Errorf("the peer is told %q", text)
	}
	if text := reasonText(&fs.PathError{Op: "open", Path: "/a/secret", Err: fs.ErrInvalid}); strings.Contains(text, "secret") {
		t.Errorf("the peer is told %q", text)
	}
}

func TestErrorTexts(t *testing.T) {
	for _, test := range []struct {
		err  *Error
		want string
	}{
		{
			&Error{Kind: KindRefused, Name: "a\x1b[1m", Remote: true, Code: uint64(xfer.CodeExists), Text: "no\nway"},
			`a\x1b[1m: the other side says: no\nway (EXISTS)`,
		},
		{&Error{Kind: KindUnknown, Name: "a", Err: errors.New("gone")}, "a: everything was sent, but no confirmation came; sending it again is safe (gone)"},
		{&Error{Kind: KindUnknown, Name: "a", Err: &transport.CloseError{Remote: true, Application: true}}, "a: everything was sent, but no confirmation came; sending it again is safe (the other side gave up)"},
		{&Error{Kind: KindRefused, Name: "a", Remote: true, Code: uint64(xfer.CodeBusy)}, "a: the other side says: BUSY"},
		{&Error{Kind: KindInterrupted, Name: "a", Err: context.Canceled}, "a: interrupted"},
		{&Error{Kind: KindInterrupted, Name: "a", Err: context.DeadlineExceeded}, "a: interrupted (context deadline exceeded)"},
		{&Error{Kind: KindConnection, Name: "a", Err: &transport.TimeoutError{After: 2e9}}, "a: nothing heard from the peer for 2s"},
		{&Error{Kind: KindConnection, Name: "a", Err: transport.ErrClosed}, "a: the connection was closed"},
		{&Error{Kind: KindSource, Name: "a", Err: &store.Error{Op: "open", Name: "a", Kind: store.ErrNotFound}}, `cannot open "a": no such file`},
		{&Error{Kind: KindConnection, Err: errors.New("gone")}, "gone"},
		{&Error{Kind: KindOther, Name: "a"}, "a: other"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestRates(t *testing.T) {
	r := Result{Bytes: 1000, Gross: 2000, Elapsed: 2e9}
	if r.Goodput() != 4000 || r.GrossRate() != 8000 {
		t.Errorf("%v and %v bit/s", r.Goodput(), r.GrossRate())
	}
	if (&Result{Bytes: 1}).Goodput() != 0 {
		t.Error("no time gives a rate")
	}
}
