package uft

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/identity"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// TestDialErrors: each reason for which there is no connection, as the user
// reads it, and its exit code.
func TestDialErrors(t *testing.T) {
	unreachable := &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendmsg", syscall.ENETUNREACH)}
	changed := &identity.ChangedError{Host: "[h]:5", Old: "SHA256:a", Presented: "SHA256:b"}
	for _, test := range []struct {
		err  error
		code int
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}, exit.Unreachable, "there is no host h"},
		{&net.DNSError{Err: "i/o timeout", Name: "h"}, exit.Unreachable, "cannot look up the host h: i/o timeout"},
		{&transport.TimeoutError{Handshake: true, After: 10 * time.Second}, exit.Unreachable, "h port 5: no answer within 10s; does uft run there, and do firewalls let UDP or TCP through?"},
		{&transport.TimeoutError{Handshake: true, After: time.Second, SendError: unreachable}, exit.Unreachable, "h port 5: cannot be reached: " + syscall.ENETUNREACH.Error()},
		{&transport.ClosedPortError{Handshake: true}, exit.Unreachable, "h port 5: nobody listens on this port (connection refused)"},
		{&transport.IdentityError{Err: changed}, exit.Identity, changed.Error()},
		{context.Canceled, exit.Interrupted, "interrupted"},
		{errors.New("transport: no address"), exit.Unreachable, "h port 5: no address"},
	} {
		err := dialError(Command{Host: "h", Port: 5}, test.err)
		if Code(err) != test.code || err.Error() != test.want {
			t.Errorf("got  %d, %v\nwant %d, %s", Code(err), err, test.code, test.want)
		}
	}
}

func TestNeverConnected(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&transport.TimeoutError{Handshake: true}, true},
		{&transport.TimeoutError{}, false},
		{&transport.ClosedPortError{Handshake: true}, true},
		{&transport.ClosedPortError{}, false},
		{&transport.VersionError{}, true},
		{&transport.IdentityError{}, true},
		{&transport.ResetError{}, false},
	} {
		if got := neverConnected(&transfer.Error{Err: test.err}); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
}

// TestExplain: whose word it is, and what the user can do about it.
func TestExplain(t *testing.T) {
	remote := func(kind transfer.Kind, code uint64) *transfer.Error {
		return &transfer.Error{Kind: kind, Name: "f", Remote: true, Code: code, Text: "why"}
	}
	local := func(code uint64) *transfer.Error {
		return &transfer.Error{Kind: transfer.KindRefused, Name: "f", Code: code, Err: errors.New("why")}
	}
	changed := &identity.ChangedError{Host: "[h]:5", Old: "SHA256:a", Presented: "SHA256:b"}
	for _, test := range []struct {
		err    error
		action Action
		code   int
		want   string
	}{
		{remote(transfer.KindSource, 1), Fetch, exit.Source, "f: the peer says: why (NOT_FOUND)"},
		{remote(transfer.KindRefused, codeExists), Send, exit.Refused, "f: the peer says: why (EXISTS); only a server with --overwrite replaces it"},
		{remote(transfer.KindRefused, codeExists), Serve, exit.Refused, "f: the peer says: why (EXISTS)"},
		{local(codeExists), Fetch, exit.Refused, "f: why; --overwrite replaces it"},
		{local(codeExists), Serve, exit.Refused, "f: why"},
		{local(codeHidden), Fetch, exit.Refused, "f: why; --hidden allows it"},
		{remote(transfer.KindSource, codeHidden), Fetch, exit.Source, "f: the peer says: why (HIDDEN); only a server with --hidden takes part in this"},
		{remote(transfer.KindRefused, codeNotServed), Send, exit.Refused, "f: the peer says: why (NOT_SERVED); it was started without -a"},
		{remote(transfer.KindRefused, codeNotServed), Fetch, exit.Refused, "f: the peer says: why (NOT_SERVED); it was started without -s"},
		{&transfer.Error{Kind: transfer.KindIdentity, Name: "f", Err: &transport.IdentityError{Err: changed}}, Send, exit.Identity, changed.Error()},
		{errors.New("any"), Send, exit.Other, "any"},
	} {
		err := explain(test.err, test.action, "the peer")
		if Code(err) != test.code || err.Error() != test.want {
			t.Errorf("got  %d, %v\nwant %d, %s", Code(err), err, test.code, test.want)
		}
	}
}
