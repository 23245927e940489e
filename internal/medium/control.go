package medium

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of a control socket.
const (
	maxRequest     = 64 << 10
	maxAnswer      = 1 << 20
	controlTimeout = 5 * time.Second
	acceptPause    = 50 * time.Millisecond
)

// The first line of an answer says how it went.
const (
	answerDone    = "done"
	answerRefused = "refused"
)

// A Control is a Unix socket at which a running program takes requests of one
// line, one for each connection, and answers with text.
type Control struct {
	path     string
	listener net.Listener
	tasks    sync.WaitGroup
}

// ListenControl makes the socket, which only its owner may use, and has handle
// answer what is asked there, from several goroutines, until Close. A socket
// that a program left behind is replaced; one that is in use is not.
func ListenControl(path string, handle func(request string) (answer string, err error)) (*Control, error) {
	listener, err := listenPrivate(path)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		if err = os.Remove(path); err == nil {
			listener, err = listenPrivate(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, reasonOf(err))
	}
	c := &Control{path: path, listener: listener}
	c.tasks.Go(func() { c.serve(handle) })
	return c, nil
}

// abandoned reports whether path is a socket at which nobody listens.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// reasonOf returns the cause alone: the rest of an OpError repeats the path.
func reasonOf(err error) error {
	if operation := (*net.OpError)(nil); errors.As(err, &operation) {
		return operation.Err
	}
	return err
}

func (c *Control) serve(handle func(string) (string, error)) {
	for {
		conn, err := c.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(acceptPause) // no descriptors, most likely: soon there are some
			continue
		}
		c.tasks.Go(func() {
			defer conn.Close()
			answer(conn, handle)
		})
	}
}

// answer reads a request and writes what came of it. An asker who is too slow
// or writes too much is left alone.
func answer(conn net.Conn, handle func(string) (string, error)) {
	if conn.SetDeadline(time.Now().Add(controlTimeout)) != nil {
		return
	}
	request, err := bufio.NewReader(io.LimitReader(conn, maxRequest)).ReadString('\n')
	if err != nil {
		return
	}
	outcome := answerDone
	text, err := handle(strings.TrimSpace(request))
	if err != nil {
		outcome, text = answerRefused, err.Error()
	}
	// An asker who has gone does not want to know.
	_, _ = fmt.Fprintf(conn, "%s\n%s", outcome, text)
}

// Close ends the socket, after the requests that were under way.
func (c *Control) Close() error {
	err := c.listener.Close()
	c.tasks.Wait()
	return err
}

// Ask sends a request to a control socket and returns the answer. The error of
// a request that was refused is a *RefusedError.
func Ask(ctx context.Context, path, request string) (answer string, err error) {
	if strings.ContainsAny(request, "\r\n") || len(request) >= maxRequest {
		return "", &RefusedError{fmt.Sprintf("a request is one line of at most %d bytes", maxRequest)}
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return "", fmt.Errorf("control socket %s: %w", path, reasonOf(err))
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(controlTimeout)); err != nil {
		return "", fmt.Errorf("control socket %s: %w", path, err)
	}
	if _, err := fmt.Fprintf(conn, "%s\n", request); err != nil {
		return "", fmt.Errorf("control socket %s: %w", path, reasonOf(err))
	}
	all, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("control socket %s: %w", path, reasonOf(err))
	}
	outcome, text, _ := strings.Cut(string(all), "\n")
	switch outcome {
	case answerDone:
		return text, nil
	case answerRefused:
		return "", &RefusedError{text}
	}
	return "", fmt.Errorf("control socket %s: what answers there is no medium program", path)
}

// A RefusedError is the answer to a request that makes no sense.
type RefusedError struct{ reason string }

func (e *RefusedError) Error() string { return e.reason }
