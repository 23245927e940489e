package uft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"example.com/uft/internal/identity"
)

// TestRun holds the messages to the letter: each wrong command line is one
// line on standard error, and what was asked for is on standard output.
func TestRun(t *testing.T) {
	tests := []struct {
		args           string // separated by spaces
		code           int
		stdout, stderr string
	}{
		{"help", ExitDone, helpText, ""},
		{"host -t file -p nonsense -h", ExitDone, helpText, ""},
		{"", ExitUsage, "", "nothing to do: write uft HOST -t FILE to send, uft HOST -r NAME to request, uft -a or uft -s to be a server"},
		{"host", ExitUsage, "", `there is no command "host"; if it is a host: did you forget -t FILE or -r NAME?`},
		{"-a host", ExitUsage, "", `a server (-a, -s) takes no host and no files, but there is "host"; its folder is named with -d`},
		{"host -t a -r b", ExitUsage, "", "-t sends and -r requests: choose one of the two"},
		{"-a -b 10M", ExitUsage, "", "-b, --bitrate has no meaning for a server (-a, -s): it belongs to a client (-t, -r)"},
		{"host:5000 -t f", ExitUsage, "", `host "host:5000": the port is written apart: host -p 5000`},
		{"host -l 1.5 -t f", ExitUsage, "", `-l, --loss "1.5": a loss rate is a number from 0.0 to 1.0`},
		{"host -t -p 5000", ExitUsage, "", "-t, --transmit needs a value, but the option -p follows; if that is the value, write --transmit=-p"},
		{"-\xff", ExitUsage, "", `there is no option -\xff`},
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
		ExitDone, ExitOther, ExitUsage, ExitSource, ExitRefused, ExitUnreachable,
		ExitIntegrity, ExitDestination, ExitUnknown, ExitIdentity, ExitInterrupted,
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
		{nil, ExitDone},
		{errors.New("any"), ExitOther},
		{usageErrorf("wrong"), ExitUsage},
		{fmt.Errorf("%w; see help", usageErrorf("wrong")), ExitUsage},
		{fmt.Errorf("dial: %w", &identity.ChangedError{}), ExitIdentity},
		{fmt.Errorf("send: %w", context.Canceled), ExitInterrupted},
		{fmt.Errorf("file: %w", fail(ExitSource, os.ErrNotExist)), ExitSource},
		{fail(ExitDone, nil), ExitDone},
	}
	for _, test := range tests {
		if got := Code(test.err); got != test.want {
			t.Errorf("Code(%v) = %d, want %d", test.err, got, test.want)
		}
	}
	if !errors.Is(fail(ExitSource, os.ErrNotExist), os.ErrNotExist) {
		t.Error("the cause of a failure is lost")
	}
}

func TestTallyKeepsTheFirstFailure(t *testing.T) {
	var outcome tally
	for _, err := range []error{nil, fail(ExitRefused, io.EOF), nil, fail(ExitSource, io.EOF)} {
		outcome.add(err)
	}
	if outcome.code != ExitRefused {
		t.Errorf("code %d, want that of the first failure, %d", outcome.code, ExitRefused)
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

// sha is a hash function with known results.
func sha(r io.Reader) (sum [32]byte, err error) {
	h := sha256.New()
	_, err = io.Copy(h, r)
	h.Sum(sum[:0])
	return sum, err
}

func TestHash(t *testing.T) {
	folder := t.TempDir()
	file, missing := filepath.Join(folder, "abc"), filepath.Join(folder, "missing")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	const abc = "uft1:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  "
	var out, messages bytes.Buffer
	std := stdio{in: strings.NewReader("abc"), out: &out, err: &messages}

	code := runHash(t.Context(), []string{missing, file, folder, "-"}, sha, std)
	if code != ExitSource {
		t.Errorf("exit code %d, want %d", code, ExitSource)
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
	code := runHash(ctx, []string{"-", "-"}, sha, stdio{in: strings.NewReader("abc"), out: &out, err: &messages})
	if code != ExitInterrupted || out.Len() != 0 {
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
	code := runHash(t.Context(), []string{"-"}, sha, stdio{in: strings.NewReader(""), out: full{}, err: &messages})
	if code != ExitOther || messages.String() != "uft: no space left\n" {
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
