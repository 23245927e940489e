package chat

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/leaktest"
)

// asProgram makes the test binary the program itself, for tests that need a
// process to kill or a terminal of its own.
const asProgram = "CHAT_TEST_RUN_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	// One goroutine of the line editor's library waits for windows that change
	// their size, for as long as the process lives.
	leaktest.Main(m, goleak.IgnoreTopFunction("github.com/ergochat/readline/internal/platform.DefaultOnSizeChanged.func1.1"))
}

// running is a program that runs in the test.
type running struct {
	t        *testing.T
	keyboard *io.PipeWriter
	out, err *consoletest.Console
	ended    chan struct{}
	code     int // once ended is closed
	stop     context.CancelFunc
}

// start runs the program with arguments, and a keyboard that is no terminal.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in, keyboard := io.Pipe()
	r := &running{t: t, keyboard: keyboard, out: consoletest.New(), err: consoletest.New(), ended: make(chan struct{}), stop: cancel}
	go func() {
		r.code = Run(ctx, args, in, r.out, r.err)
		_ = in.Close()
		close(r.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// types types lines.
func (r *running) types(lines ...string) {
	r.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(r.keyboard, line+"\n"); err != nil {
			r.t.Fatalf("typing %q: %v\n%s%s", line, err, r.out, r.err)
		}
	}
}

// waitFor waits until an output holds what fits a regular expression, and
// returns what its last group holds.
func (r *running) waitFor(s *consoletest.Console, expression string) string {
	r.t.Helper()
	pattern := regexp.MustCompile("(?m)" + expression)
	over := false
	for {
		text, changed := s.Text()
		if found := pattern.FindStringSubmatch(text); found != nil {
			return found[len(found)-1]
		}
		if over {
			r.t.Fatalf("the program ended with %d and did not say %q:\n%s%s", r.code, expression, r.out, r.err)
		}
		select {
		case <-changed:
		case <-r.ended:
			over = true
		case <-r.t.Context().Done():
			return ""
		}
	}
}

// prints waits for a line of the conversation, notes for one about it.
func (r *running) prints(expression string) string {
	r.t.Helper()
	return r.waitFor(r.out, expression)
}

func (r *running) notes(expression string) string {
	r.t.Helper()
	return r.waitFor(r.err, expression)
}

// ends waits for the end of the program, which has to have this exit code.
func (r *running) ends(code int) {
	r.t.Helper()
	<-r.ended
	if r.code != code {
		r.t.Errorf("ended with %d, not with %d:\n%s%s", r.code, code, r.out, r.err)
	}
}

// A pair is the options for a server and for its clients in one mode.
type pair struct {
	name           string
	server, client []string
}

// modes returns all modes, with files for keys and known servers of their own.
func modes(t *testing.T) []pair {
	folder := t.TempDir()
	return []pair{
		{"own", []string{"--key", filepath.Join(folder, "key")}, []string{"--known-hosts", filepath.Join(folder, "known_hosts")}},
		{"tcp", []string{"--tcp"}, []string{"--tcp"}},
		{"udp", []string{"--udp"}, []string{"--udp"}},
	}
}

// inEachMode runs a test in every mode.
func inEachMode(t *testing.T, test func(t *testing.T, p pair)) {
	for _, p := range modes(t) {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// listen starts a server on a free port, and returns that too.
func (p pair) listen(t *testing.T, options ...string) (server *running, port string) {
	t.Helper()
	server = start(t, append(append([]string{"--listen", "0"}, p.server...), options...)...)
	return server, server.notes(`listening on \S+:(\d+)\b`)
}

// connect starts a client.
func (p pair) connect(t *testing.T, port string, options ...string) *running {
	t.Helper()
	return start(t, append(append([]string{"127.0.0.1", port}, p.client...), options...)...)
}

// command is the program as a process.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append(os.Environ(), asProgram+"=1", "TERM=xterm", "GORACE=atexit_sleep_ms=10")
	return c
}
