package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// usage is what one end cost: the rusage that wait4 gives for a process, which
// holds that of all children it has waited for. So the processor time is that
// of the tree, the memory that of the largest single process in it.
type usage struct {
	cpu    time.Duration
	memory int64 // peak resident set in bytes, see [process.wait]
}

// A process is one end of a measurement while it runs.
type process struct {
	name   string
	cmd    *exec.Cmd
	output *transcript
	ended  chan struct{} // closed when it has ended
	err    error         // of the end, valid after ended
}

// start runs a command at one end of a network, as prefix says. The process
// gets a group of its own, so that its children can be ended with it.
func start(r *rig, prefix []string, args ...string) (*process, error) {
	all := append(append([]string{}, prefix...), args...)
	p := &process{
		name: filepath.Base(args[0]), output: &transcript{}, ended: make(chan struct{}),
		cmd: exec.Command(all[0], all[1:]...),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+r.state, "HOME="+r.state)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 2 * time.Second // for output that a left-over child holds open
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// wait waits for the end and returns what it cost. A context that ends first
// ends the process. Linux counts the memory of the program that started a
// process, here the bench with some 10 MiB, into its peak; so no peak is below that.
func (p *process) wait(ctx context.Context) (usage, error) {
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
		return p.usage(), ctx.Err()
	}
	if p.err != nil {
		return p.usage(), fmt.Errorf("%s: %w: %s", p.name, p.err, p.output.tail())
	}
	return p.usage(), nil
}

// stop asks a server to end, once its children are done, and returns what it
// cost. The status with which it ends is its own business.
func (p *process) stop(signal syscall.Signal) usage {
	for range 100 {
		if !p.hasChildren() {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.kill()
	}
	return p.usage()
}

// kill ends the process and its children at once.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// hasChildren asks /proc; where it does not tell, there are none.
func (p *process) hasChildren() bool {
	pid := strconv.Itoa(p.cmd.Process.Pid)
	out, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	return err == nil && len(bytes.TrimSpace(out)) > 0
}

// usage returns the cost of a process that has ended.
func (p *process) usage() usage {
	if p.cmd.ProcessState == nil {
		return usage{}
	}
	u := usage{cpu: p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()}
	if rusage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.memory = rusage.Maxrss << 10
	}
	return u
}

// listens waits until something listens on the port in the namespace of the
// process. The kernel's tables are asked: a connection to try would be one
// that the server serves.
func (p *process) listens(ctx context.Context, protocol string, port int) error {
	suffix := fmt.Sprintf(":%04X", port)
	return p.until(ctx, func() bool {
		for _, table := range []string{protocol, protocol + "6"} {
			out, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.cmd.Process.Pid, table))
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(out)) {
				if f := strings.Fields(line); len(f) > 1 && strings.HasSuffix(f[1], suffix) {
					return true
				}
			}
		}
		return false
	})
}

// until asks every few milliseconds, for ten seconds, while the process lives.
func (p *process) until(ctx context.Context, ready func() bool) error {
	deadline := time.After(10 * time.Second)
	for {
		if ready() {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-p.ended:
			if ready() {
				return nil
			}
			return fmt.Errorf("%s ended before it was ready: %v: %s", p.name, p.err, p.output.tail())
		case <-deadline:
			return errors.New(p.name + " was not ready within 10 s: " + p.output.tail())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A transcript keeps the beginning of what a program prints.
type transcript struct {
	mu   sync.Mutex
	text []byte
}

// transcriptLimit is in bytes; a program that prints a progress line for ever
// must not fill the memory of the bench.
const transcriptLimit = 256 << 10

// Write implements io.Writer.
func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := transcriptLimit - len(t.text); room > 0 {
		t.text = append(t.text, b[:min(len(b), room)]...)
	}
	return len(b), nil
}

// String returns what was printed so far.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// tail returns the last words, on one line, for an error message.
func (t *transcript) tail() string {
	words := strings.Join(strings.Fields(t.String()), " ")
	return words[max(0, len(words)-300):]
}
