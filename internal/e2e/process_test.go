package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for which the test names no other bound. It is
// far above what anything takes, so that only a hang meets it.
const patience = 90 * time.Second

// A process is a program that was started on a host.
type process struct {
	t       *testing.T
	line    string // the command, for messages
	command *exec.Cmd
	began   time.Time

	stdout bytes.Buffer  // complete after ended
	ended  chan struct{} // closed when the process is gone
	took   time.Duration // valid after ended

	mu     sync.Mutex
	said   []byte        // standard error so far
	spoken chan struct{} // closed, and replaced, when more is said
}

// start starts a program. It is killed at the end of the test if it still runs,
// and what it said is shown if the test failed.
func (h *host) start(name string, args ...string) *process {
	h.t.Helper()
	words := append(append([]string{}, h.prefix...), program(name))
	words = append(words, args...)
	p := &process{
		t: h.t, line: name + " " + strings.Join(args, " "),
		command: exec.Command(words[0], words[1:]...),
		ended:   make(chan struct{}), spoken: make(chan struct{}),
	}
	p.command.Dir, p.command.Env = h.dir, h.env
	p.command.Stdout, p.command.Stderr = &p.stdout, p
	p.began = time.Now()
	if err := p.command.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait() // the exit code tells
		p.took = time.Since(p.began)
		close(p.ended)
	}()
	h.t.Cleanup(func() {
		p.kill()
		if h.t.Failed() {
			h.t.Logf("$ %s\n%s(exit code %d, %v)", p.line, p.words(), p.command.ProcessState.ExitCode(), p.took.Round(time.Millisecond))
		}
	})
	return p
}

// Write takes what the program writes to its standard error.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, text...)
	close(p.spoken)
	p.spoken = make(chan struct{})
	return len(text), nil
}

// words returns what the program said on its standard error so far.
func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.said)
}

// waitFor waits until the program says something, and returns what matched.
func (p *process) waitFor(pattern string) []string {
	p.t.Helper()
	wanted := regexp.MustCompile(pattern)
	limit := time.After(patience)
	for {
		p.mu.Lock()
		match, more := wanted.FindStringSubmatch(string(p.said)), p.spoken
		p.mu.Unlock()
		if match != nil {
			return match
		}
		select {
		case <-more:
		case <-p.ended:
			if match = wanted.FindStringSubmatch(p.words()); match == nil {
				p.t.Fatalf("%s ended and did not say %q", p.line, pattern)
			}
			return match
		case <-limit:
			p.t.Fatalf("%s did not say %q within %v", p.line, pattern, patience)
		}
	}
}

// port waits until the program listens, and returns its port.
func (p *process) port() string {
	p.t.Helper()
	return p.waitFor(`listening on \S*:(\d+)`)[1]
}

// wait waits for the end of the program, at most for limit, and returns the
// exit code.
func (p *process) wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.t.Fatalf("%s still runs after %v", p.line, time.Since(p.began).Round(time.Millisecond))
	}
	return p.command.ProcessState.ExitCode()
}

// mustEnd waits for the end of the program, and fails the test unless it ends
// in time with the exit code.
func (p *process) mustEnd(code int, limit time.Duration) *process {
	p.t.Helper()
	if got := p.wait(limit); got != code {
		p.t.Errorf("%s ended with %d, want %d:\n%s", p.line, got, code, p.words())
	}
	return p
}

// mustRun fails the test if the program has ended.
func (p *process) mustRun() {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("%s ended with %d", p.line, p.command.ProcessState.ExitCode())
	default:
	}
}

// mustStop asks a server to end, and wants it to say that nothing was wrong.
func (p *process) mustStop() {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("%s cannot be stopped: %v", p.line, err)
	}
	p.mustEnd(0, 20*time.Second)
}

// kill ends the program without asking it, and returns when it is gone.
func (p *process) kill() {
	if err := p.command.Process.Kill(); err != nil && errors.Is(err, syscall.EPERM) {
		p.t.Errorf("%s cannot be killed: %v", p.line, err)
		return
	}
	<-p.ended
}

// run runs a program to its end, and fails the test unless that is success
// within the limit.
func (h *host) run(limit time.Duration, name string, args ...string) *process {
	h.t.Helper()
	return h.start(name, args...).mustEnd(0, limit)
}
