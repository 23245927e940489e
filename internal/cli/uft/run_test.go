package uft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"example.com/uft/internal/identity"

	"example.com/uft/internal/cli/exit"
)

// TestRun holds the messages to the letter: each wrong command line is one
// line on standard error, and what was asked for is on standard output.
func TestRun(t *testing.T) {
	tests := []struct {
		args           string // separated by spaces
		code           int
		stdout, stderr string
	}{
		{"help", exit.Done, helpText, ""},
		{"host -t file -p nonsense -h", exit.Done, helpText, ""},
		{"", exit.Usage, "", "nothing to do: write uft HOST -t FILE to send, uft HOST -r NAME to request, uft -a or uft -s to be a server"},
		{"host", exit.Usage, "", `there is no command "host"; if it is a host: did you forget -t FILE or -r NAME?`},
		{"-a host", exit.Usage, "", `a server (-a, -s) takes no host and no files, but there is "host"; its folder is named with -d`},
		{"host -t a -r b", exit.Usage, "", "-t sends and -r requests: choose one of the two"},
		{"-a -b 10M", exit.Usage, "", "-b, --bitrate has no meaning for a server (-a, -s): it belongs to a client (-t, -r)"},
		{"host:5000 -t f", exit.Usage, "", `host "host:5000": the port is written apart: host -p 5000`},
		{"host -l 1.5 -t f", exit.Usage, "", `-l, --loss "1.5": a loss rate is a number from 0.0 to 1.0`},
		{"host -t -p 5000", exit.Usage, "", "-t, --transmit needs a value, but the option -p follows; if that is the value, write --transmit=-p"},
		{"-\xff", exit.Usage, "", `there is no option -\xff`},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), strings.Fields(test.args), strings.NewReader(""), &stdout, &stderr)
			if code != test.code || stdout.String() != test.stdout {
				t.Errorf("exit code %d, stdout %q", code, stdout.String())
			}
			want := ""
			if test.stderr != "" {
				want = "uft: " + test.stderr + "; see uft --help\n"
			}
			if stderr.String() != want {
				t.Errorf("stderr\n%swant\n%s", stderr.String(), want)
			}
		})
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	for _, o := range options(&Command{}, &given{}) {
		if !strings.Contains(helpText, "--"+o.name+" ") {
			t.Errorf("the help does not name --%s", o.name)
		}
		if o.shorthand != "" && !strings.Contains(helpText, "  -"+o.shorthand+", --"+o.name+" ") {
			t.Errorf("the help does not name -%s", o.shorthand)
		}
	}
	if want := fmt.Sprintf("default %d;", DefaultPort); !strings.Contains(helpText, want) {
		t.Errorf("the help does not say %q", want)
	}
	for _, code := range []int{
		exit.Done, exit.Other, exit.Usage, exit.Source, exit.Refused, exit.Unreachable,
		exit.Integrity, exit.Destination, exit.Unknown, exit.Identity, exit.Interrupted,
	} {
		if !strings.Contains(strings.ReplaceAll(helpText, "\n", " "), fmt.Sprintf(" %d ", code)) {
			t.Errorf("the help does not name exit code %d", code)
		}
	}
	for i, line := range strings.Split(helpText, "\n") {
		if len(line) > 80 {
			t.Errorf("line %d of the help has %d columns", i+1, len(line))
		}
	}
}

func TestCode(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, exit.Done},
		{errors.New("any"), exit.Other},
		{usageErrorf("wrong"), exit.Usage},
		{fmt.Errorf("%w; see help", usageErrorf("wrong")), exit.Usage},
		{fmt.Errorf("dial: %w", &identity.ChangedError{}), exit.Identity},
		{fmt.Errorf("send: %w", context.Canceled), exit.Interrupted},
		{fmt.Errorf("file: %w", fail(exit.Source, os.ErrNotExist)), exit.Source},
		{fail(exit.Done, nil), exit.Done},
	}
	for _, test := range tests {
		if got := Code(test.err); got != test.want {
			t.Errorf("Code(%v) = %d, want %d", test.err, got, test.want)
		}
	}
	if !errors.Is(fail(exit.Source, os.ErrNotExist), os.ErrNotExist) {
		t.Error("the cause of a failure is lost")
	}
}

func TestTallyKeepsTheFirstFailure(t *testing.T) {
	var outcome tally
	for _, err := range []error{nil, fail(exit.Refused, io.EOF), nil, fail(exit.Source, io.EOF)} {
		outcome.add(err)
	}
	if outcome.code != exit.Refused {
		t.Errorf("code %d, want that of the first failure, %d", outcome.code, exit.Refused)
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef"},
			{Key: "vcs.modified", Value: "true"},
		},
	}
	if got := version(info); !strings.HasPrefix(got, "uft v1.2.3 0123456789ab modified go") {
		t.Errorf("version %q", got)
	}
	if got := version(nil); !strings.HasPrefix(got, "uft (unknown) go") {
		t.Errorf("version without build information %q", got)
	}
}

func TestHash(t *testing.T) {
	folder := t.TempDir()
	file, missing := filepath.Join(folder, "abc"), filepath.Join(folder, "missing")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	const abc = "uft1:8297fb00ca1e126be92f87eb3fdd6b8dea952a0fea459ad46dabd9f47c50a048  "
	var out, messages bytes.Buffer
	std := stdio{in: strings.NewReader("abc"), out: &out, err: &messages}

	code := runHash(t.Context(), []string{missing, file, folder, "-"}, std)
	if code != exit.Source {
		t.Errorf("exit code %d, want %d", code, exit.Source)
	}
	if want := abc + file + "\n" + abc + "-\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	lines := strings.Split(strings.TrimSuffix(messages.String(), "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], missing) || !strings.Contains(lines[1], folder) {
		t.Errorf("messages %q, want one for each of two files", lines)
	}
}

func TestHashInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, messages bytes.Buffer
	code := runHash(ctx, []string{"-", "-"}, stdio{in: strings.NewReader("abc"), out: &out, err: &messages})
	if code != exit.Interrupted || out.Len() != 0 {
		t.Errorf("exit code %d, printed %q", code, out.String())
	}
	if got := messages.String(); got != "uft: hash -: interrupted\n" {
		t.Errorf("message %q", got)
	}
}

// full is an output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestHashToFullOutput(t *testing.T) {
	var messages bytes.Buffer
	code := runHash(t.Context(), []string{"-"}, stdio{in: strings.NewReader(""), out: full{}, err: &messages})
	if code != exit.Other || messages.String() != "uft: no space left\n" {
		t.Errorf("exit code %d, message %q", code, messages.String())
	}
}

func TestReportIsOneLine(t *testing.T) {
	var messages bytes.Buffer
	stdio{err: &messages}.report(fmt.Errorf("refused: %q", "x"))
	stdio{err: &messages}.report(errors.Join(errors.New("peer says \x1b[2J"), errors.New("more")))
	if got, want := messages.String(), "uft: refused: \"x\"\nuft: peer says \\x1b[2J\\nmore\n"; got != want {
		t.Errorf("messages %q, want %q", got, want)
	}
}
