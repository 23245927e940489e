package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/uft/transport"
)

// file makes a file of random bytes.
func file(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// sendFile runs the client.
func sendFile(t *testing.T, address, fingerprint, path string) error {
	t.Helper()
	return run(t.Context(), []string{"send", address, fingerprint, path}, nil, io.Discard, io.Discard)
}

func TestCopy(t *testing.T) {
	inbox := t.TempDir()
	address, fingerprint := serving(t, inbox)
	sizes := []int{0, 1, transport.SlabSize, 10<<20 + 1}
	for _, size := range sizes {
		name := fmt.Sprintf("%d bytes", size)
		path, content := file(t, name, size)
		if err := sendFile(t, address, fingerprint, path); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(inbox, name))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: there are %d, %v", name, len(got), err)
		}
	}
	if entries, err := os.ReadDir(inbox); err != nil || len(entries) != len(sizes) {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestNothingIsReplaced(t *testing.T) {
	inbox := t.TempDir()
	address, fingerprint := serving(t, inbox)
	path, _ := file(t, "name", 5<<20)
	old := filepath.Join(inbox, "name")
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sendFile(t, address, fingerprint, path); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a name that is taken: %v", err)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("the file that was there is now %q, %v", got, err)
	}
	if entries, err := os.ReadDir(inbox); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// TestOfferIsRefused has the server refuse bytes that are on their way, and say
// why.
func TestOfferIsRefused(t *testing.T) {
	address, fingerprint := serving(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "large")
	large, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	if err := large.Truncate(maxSize + 1); err != nil {
		t.Skipf("no sparse files: %v", err)
	}
	if err := sendFile(t, address, fingerprint, path); err == nil || !strings.Contains(err.Error(), "not wanted") {
		t.Errorf("a file that is too large: %v", err)
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
	address, fingerprint := serving(t, t.TempDir())
	err := run(t.Context(), []string{"send", address, "another", os.DevNull}, strings.NewReader("x"), io.Discard, io.Discard)
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
