package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"example.com/uft/transport"
)

func TestEcho(t *testing.T) {
	address, fingerprint := serving(t)
	for _, size := range []int{0, 1, 5 << 20} {
		sent := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(sent)
		var got bytes.Buffer
		err := run(t.Context(), []string{"send", address, fingerprint}, bytes.NewReader(sent), &got, io.Discard)
		if err != nil || !bytes.Equal(got.Bytes(), sent) {
			t.Errorf("%d of %d bytes came back, %v", got.Len(), size, err)
		}
	}
}

// TestInputThatFails has to fail: a part is not to pass for the whole.
func TestInputThatFails(t *testing.T) {
	address, fingerprint := serving(t)
	cause := errors.New("bad disk")
	input := io.MultiReader(strings.NewReader("some"), &failing{cause})
	err := run(t.Context(), []string{"send", address, fingerprint}, input, io.Discard, io.Discard)
	if !errors.Is(err, cause) {
		t.Errorf("the client ended with %v, want %v", err, cause)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestCancel ends a client whose input does not.
func TestCancel(t *testing.T) {
	address, fingerprint := serving(t)
	ctx, cancel := context.WithCancel(t.Context())
	input, typing := io.Pipe()
	defer typing.Close()
	echoed, output := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"send", address, fingerprint}, input, output, io.Discard) }()
	fmt.Fprint(typing, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(echoed, got); err != nil || string(got) != "hello" {
		t.Errorf("%q came back, %v", got, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, transport.ErrClosed) {
		t.Errorf("the client ended with %v", err)
	}
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
	err := run(t.Context(), []string{"send", address, "another"}, strings.NewReader("x"), io.Discard, io.Discard)
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
