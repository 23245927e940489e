package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"example.com/uft/transport"
)

// calling runs the client and returns what it printed.
func calling(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var stdout strings.Builder
	err := run(t.Context(), append([]string{"call"}, args...), nil, &stdout, io.Discard)
	return stdout.String(), err
}

func TestManyCalls(t *testing.T) {
	address, fingerprint := serving(t)
	args := []string{address, fingerprint, "1m"}
	var want strings.Builder
	for i := range 300 { // more than may be open at once
		args = append(args, fmt.Sprintf("sqrt=%d", i*i))
		fmt.Fprintf(&want, "sqrt=%d is %d\n", i*i, i)
	}
	if got, err := calling(t, args...); err != nil || got != want.String() {
		t.Errorf("error %v, answers:\n%s", err, got)
	}
}

func TestErrorsTravel(t *testing.T) {
	address, fingerprint := serving(t)
	got, err := calling(t, address, fingerprint, "1m", "sqrt=4", "sqrt=-1", "pow=2", "sqrt=two")
	want := `sqrt=4 is 2
sqrt=-1 failed: -1 has no root
pow=2 failed: there is no function "pow"
sqrt=two failed: strconv.ParseFloat: parsing "two": invalid syntax
`
	if err == nil || got != want {
		t.Errorf("error %v, answers:\n%s", err, got)
	}
}

func TestTimeLimit(t *testing.T) {
	address, fingerprint := serving(t)
	got, err := calling(t, address, fingerprint, "1ms", "wait=3600")
	if err == nil || got != "wait=3600 failed: context deadline exceeded\n" {
		t.Errorf("error %v, answers:\n%s", err, got)
	}
}

// TestServerHearsThatACallIsGivenUp keeps the connection, so that the server can
// only know from the stream.
func TestServerHearsThatACallIsGivenUp(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	functions["work"] = func(ctx context.Context, _ float64) (float64, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return 0, ctx.Err()
	}
	defer delete(functions, "work")
	address, _ := serving(t)
	conn, err := transport.Dial(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("changed my mind")
	go func() {
		<-started
		cancel(cause)
	}()
	if _, err := call(ctx, conn, "work=1"); !errors.Is(err, cause) {
		t.Errorf("the call ended with %v, want %v", err, cause)
	}
	<-ended
}

// serving runs the server for the length of the test, and returns its address
// and its fingerprint as it has printed them.
func serving(t *testing.T, args ...string) (address, fingerprint string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	printed, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"serve", "127.0.0.1:0"}, args...), nil, stdout, io.Discard)
		stdout.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	if _, err := fmt.Fscanln(printed, &address, &fingerprint); err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	return address, fingerprint
}

func TestWrongServer(t *testing.T) {
	address, fingerprint := serving(t)
	err := run(t.Context(), []string{"call", address, "another", "1s", "sqrt=1"}, strings.NewReader("x"), io.Discard, io.Discard)
	var refused *transport.IdentityError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), fingerprint) {
		t.Errorf("a server with another key: %v", err)
	}
}

func TestUsage(t *testing.T) {
	var stdout, stderr strings.Builder
	if err := run(t.Context(), []string{"-h"}, nil, &stdout, &stderr); err != nil || stdout.String() != usage {
		t.Errorf("-h prints %q, %v", &stdout, err)
	}
	if err := run(t.Context(), nil, nil, &stdout, &stderr); err == nil || stderr.String() != usage {
		t.Errorf("without arguments: %q, %v", &stderr, err)
	}
}
