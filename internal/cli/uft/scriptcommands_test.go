package uft

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"example.com/uft/internal/cli/consoletest"
)

// scriptCommands are the commands of our own in the scripts.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// fails CODE ARGS... runs uft, which has to end with that exit code.
	"fails": func(ts *testscript.TestScript, neg bool, args []string) {
		want := number(ts, args[0])
		if got := exitCode(ts, ts.Exec("uft", args[1:]...)); got != want {
			ts.Fatalf("uft %q ended with %d, want %d", args[1:], got, want)
		}
	},
	// doctor CODES ARGS... runs uft doctor, which has to end with one of the exit
	// codes, separated by commas: what it finds depends on the machine.
	"doctor": func(ts *testscript.TestScript, neg bool, args []string) {
		got := exitCode(ts, ts.Exec("uft", append([]string{"doctor"}, args[1:]...)...))
		if !slices.Contains(strings.Split(args[0], ","), strconv.Itoa(got)) {
			ts.Fatalf("uft doctor %q ended with %d, want %s", args[1:], got, args[0])
		}
	},
	// server NAME ARGS... starts a server on a free port, waits until it
	// listens, and sets the variable NAME to its port.
	"server": func(ts *testscript.TestScript, neg bool, args []string) {
		p := start(ts, args[0], append([]string{"-p", "0"}, args[1:]...))
		ts.Setenv(args[0], p.await(ts, `listening on \S*:(\d+), (?:UDP|TCP|UDP and TCP), key SHA256:`))
	},
	// start NAME ARGS... starts uft and goes on at once.
	"start": func(ts *testscript.TestScript, neg bool, args []string) { start(ts, args[0], args[1:]) },
	// await NAME REGEXP waits until that program has said something that matches;
	// awaitout, until it has printed that.
	"await": func(ts *testscript.TestScript, neg bool, args []string) { find(ts, args[0]).await(ts, args[1]) },
	"awaitout": func(ts *testscript.TestScript, neg bool, args []string) {
		p := find(ts, args[0])
		p.awaitOn(ts, p.out, args[1])
	},
	// signal NAME SIGNAL sends it interrupt, terminate or kill.
	"signal": func(ts *testscript.TestScript, neg bool, args []string) {
		sig, known := map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM, "kill": os.Kill}[args[1]]
		if !known {
			ts.Fatalf("there is no signal %s", args[1])
		}
		ts.Check(find(ts, args[0]).command.Process.Signal(sig))
	},
	// ends NAME CODE waits for the end of that program. -1 stands for the end
	// by a signal. What it said is then in the files NAME.out and NAME.err.
	"ends": func(ts *testscript.TestScript, neg bool, args []string) {
		p := find(ts, args[0])
		select {
		case <-p.ended:
		case <-time.After(patience):
			ts.Fatalf("%s does not end; it said\n%s", args[0], p.err)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(p.out.String()), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), []byte(p.err.String()), 0o600))
		if got := p.command.ProcessState.ExitCode(); got != number(ts, args[1]) {
			ts.Fatalf("%s ended with %d, want %s; it said\n%s", args[0], got, args[1], p.err)
		}
	},
	// random FILE SIZE [SEED] makes a file of that many random bytes.
	"random": func(ts *testscript.TestScript, neg bool, args []string) {
		var seed [32]byte
		if len(args) > 2 {
			copy(seed[:], args[2])
		}
		data := make([]byte, number(ts, args[1]))
		_, _ = rand.NewChaCha8(seed).Read(data) // never fails, by its documentation
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
	},
	// many FOLDER N makes a folder of N files with a few bytes each.
	"many": func(ts *testscript.TestScript, neg bool, args []string) {
		ts.Check(os.Mkdir(ts.MkAbs(args[0]), 0o755))
		for i := range number(ts, args[1]) {
			name := fmt.Sprintf("file-%d", i)
			ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), name), []byte(name), 0o644))
		}
	},
	// unescape VARIABLE TEXT sets a variable to a text with the escapes of Go.
	"unescape": func(ts *testscript.TestScript, neg bool, args []string) {
		text, err := strconv.Unquote(`"` + args[1] + `"`)
		ts.Check(err)
		ts.Setenv(args[0], text)
	},
	// lengthen FILE appends a byte.
	"lengthen": func(ts *testscript.TestScript, neg bool, args []string) {
		f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND, 0)
		ts.Check(err)
		_, err = f.WriteString("x")
		ts.Check(errors.Join(err, f.Close()))
	},
	// dated FILE TIME sets the modification time.
	"dated": func(ts *testscript.TestScript, neg bool, args []string) {
		when, err := time.Parse(time.RFC3339Nano, args[1])
		ts.Check(err)
		ts.Check(os.Chtimes(ts.MkAbs(args[0]), when, when))
	},
	// like FILE FILE... compares bytes, permissions and modification times.
	"like": func(ts *testscript.TestScript, neg bool, args []string) {
		for _, other := range args[1:] {
			if difference := differs(ts, args[0], other); difference != "" {
				ts.Fatalf("%s and %s differ: %s", args[0], other, difference)
			}
		}
	},
	// only FOLDER NAME... checks that there is nothing else in a folder.
	"only": func(ts *testscript.TestScript, neg bool, args []string) {
		entries, err := os.ReadDir(ts.MkAbs(args[0]))
		ts.Check(err)
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if got, want := strings.Join(names, " "), strings.Join(args[1:], " "); got != want {
			ts.Fatalf("in %s there is %q, want %q", args[0], got, want)
		}
	},
	// page NAME STATUS PATH FILE asks that server over HTTP, and writes what it
	// answers into a file.
	"page": func(ts *testscript.TestScript, neg bool, args []string) {
		url := find(ts, args[0]).await(ts, `anyone who reaches (http://\S+)/ `)
		response, err := http.Get(url + args[2])
		ts.Check(err)
		body, err := io.ReadAll(response.Body)
		ts.Check(errors.Join(err, response.Body.Close()))
		if response.StatusCode != number(ts, args[1]) {
			ts.Fatalf("%s: %s", args[2], response.Status)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), body, 0o644))
	},
	// lines STREAM N checks how many lines stdout or stderr have.
	"lines": func(ts *testscript.TestScript, neg bool, args []string) {
		text := ts.ReadFile(args[0])
		if got := strings.Count(text, "\n"); got != number(ts, args[1]) {
			ts.Fatalf("%s has %d lines, want %s:\n%s", args[0], got, args[1], text)
		}
	},
}

// patience is how long a script waits for a program before it fails: far longer
// than anything takes, so that only a hang meets it.
const patience = 90 * time.Second

// programs are the programs that a script has started, by name. They are a
// value of the script's environment.
type programs map[string]*program

// programsKey is where that value is found.
type programsKey struct{}

// A program is an uft that runs in the background.
type program struct {
	command  *exec.Cmd
	out, err *consoletest.Console
	ended    chan struct{}
}

// start starts uft. It is killed at the end of the script.
func start(ts *testscript.TestScript, name string, args []string) *program {
	path := ""
	for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
		if path = filepath.Join(folder, "uft"); isFile(path) {
			break
		}
		if path += ".exe"; isFile(path) {
			break
		}
	}
	p := &program{command: exec.Command(path, args...), out: consoletest.New(), err: consoletest.New(), ended: make(chan struct{})}
	p.command.Dir = ts.MkAbs(".")
	p.command.Env = os.Environ()
	for _, variable := range []string{"XDG_STATE_HOME", "HOME", "NO_COLOR", "TERM", "GORACE"} {
		p.command.Env = append(p.command.Env, variable+"="+ts.Getenv(variable))
	}
	p.command.Stdout, p.command.Stderr = p.out, p.err
	ts.Check(p.command.Start())
	go func() {
		_ = p.command.Wait() // the script asks for the exit code
		close(p.ended)
	}()
	ts.Defer(func() {
		_ = p.command.Process.Kill() // it may have ended
		<-p.ended
		ts.Logf("[%s said]\n%s", name, p.err)
	})
	ts.Value(programsKey{}).(programs)[name] = p
	return p
}

// find returns a program by its name.
func find(ts *testscript.TestScript, name string) *program {
	p := ts.Value(programsKey{}).(programs)[name]
	if p == nil {
		ts.Fatalf("no program %s was started", name)
	}
	return p
}

// await waits until the program has said something that matches the
// expression, and returns its last group.
func (p *program) await(ts *testscript.TestScript, expression string) string {
	return p.awaitOn(ts, p.err, expression)
}

// awaitOn does the same for one of its outputs.
func (p *program) awaitOn(ts *testscript.TestScript, output *consoletest.Console, expression string) string {
	want := regexp.MustCompile("(?m)" + expression)
	limit := time.After(patience)
	for {
		text, changed := output.Text()
		if match := want.FindStringSubmatch(text); match != nil {
			return match[len(match)-1]
		}
		select {
		case <-changed:
		case <-limit:
			ts.Fatalf("the program does not say %q; it said\n%s", expression, text)
		case <-p.ended:
			if text, _ := output.Text(); !want.MatchString(text) {
				ts.Fatalf("the program ended and never said %q; it said\n%s", expression, text)
			}
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// exitCode returns the exit code that an error of a program stands for.
func exitCode(ts *testscript.TestScript, err error) int {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode()
	}
	ts.Check(err)
	return 0
}

// differs says what the difference of two files is, or returns "".
func differs(ts *testscript.TestScript, one, other string) string {
	a, err := os.Stat(ts.MkAbs(one))
	ts.Check(err)
	b, err := os.Stat(ts.MkAbs(other))
	ts.Check(err)
	switch {
	case ts.ReadFile(one) != ts.ReadFile(other):
		return fmt.Sprintf("contents, %d and %d bytes", a.Size(), b.Size())
	case a.Mode() != b.Mode():
		return fmt.Sprintf("modes, %v and %v", a.Mode(), b.Mode())
	case !a.ModTime().Equal(b.ModTime()):
		return fmt.Sprintf("times, %v and %v", a.ModTime(), b.ModTime())
	}
	return ""
}
