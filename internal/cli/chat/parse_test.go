package chat

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/transport"
)

const fingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

func TestParse(t *testing.T) {
	for line, want := range map[string]Command{
		"--listen 3000":                     {Listen: true, Port: 3000},
		"-l 0":                              {Listen: true},
		"--udp --listen 3000":               {Listen: true, Port: 3000, Mode: UDP},
		"--listen 3000 --tcp --name me":     {Listen: true, Port: 3000, Mode: TCP, Name: "me"},
		"--listen=3000 --echo=hi":           {Listen: true, Port: 3000, Echo: "hi", Echoes: true},
		"--listen=3000 --echo=":             {Listen: true, Port: 3000, Echoes: true},
		"--listen 3000 --key k":             {Listen: true, Port: 3000, Key: "k"},
		"host 3000":                         {Host: "host", Port: 3000, Wait: time.Second},
		"host --udp 3000":                   {Host: "host", Port: 3000, Mode: UDP, Wait: time.Second},
		"[::1] 3000 --tcp --wait 2":         {Host: "::1", Port: 3000, Mode: TCP, Wait: 2 * time.Second},
		"fe80::1%eth0 3000 --wait 0":        {Host: "fe80::1%eth0", Port: 3000},
		"h 1 --carrier tcp --known-hosts f": {Host: "h", Port: 1, Carrier: transport.TCP, KnownHosts: "f", Wait: time.Second},
		"h 1 --fingerprint " + fingerprint:  {Host: "h", Port: 1, Fingerprint: fingerprint, Wait: time.Second},
		"--help":                            {Help: true},
		"host 3000 --udp -h":                {Help: true},
	} {
		got, err := Parse(strings.Fields(line))
		if err != nil {
			t.Errorf("chat %s: %v", line, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("chat %s:\n%s", line, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"":                           "nothing to do: write chat HOST PORT",
		"host":                       "no port: write chat host PORT",
		"host 3000 hello":            `there is "hello" after host and port`,
		"host 0":                     "a client must know the server's",
		"host 65536":                 `port "65536": a port is a number`,
		"host:3000 3000":             `host "host:3000": this is neither`,
		"[::1 3000":                  "brackets hold an IPv6 address",
		"--listen":                   "--listen needs a value after it",
		"--listen x":                 `port "x"`,
		"--listen 1 host":            `there is "host"; a client is chat HOST PORT`,
		"--udp --tcp h 1":            "contradict each other",
		"h 1 --echo x":               "--echo has no meaning for a client",
		"h 1 --key x":                "--key has no meaning for a client",
		"--listen 1 --wait 1":        "--wait has no meaning for a server",
		"--listen 1 --known-hosts x": "--known-hosts has no meaning for a server",
		"--udp h 1 --known-hosts x":  "--known-hosts has no meaning with --udp",
		"--tcp h 1 --carrier udp":    "--carrier has no meaning with --tcp",
		"h 1 --carrier pigeon":       `--carrier "pigeon": a carrier is any, udp or tcp`,
		"h 1 --wait -1s":             "a time is a number",
		"h 1 --fingerprint x":        `--fingerprint "x"`,
		"h 1 --nonsense":             "there is no option --nonsense",
		"h 1 -x":                     "there is no option -x",
		"--listen 1 --name " + strings.Repeat("x", 65): "a name has 1 to 64 bytes",
	} {
		if _, err := Parse(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("chat %s: %v, not %q", line, err, want)
		}
	}
	for _, args := range [][]string{{"--listen", "1", "--echo", "a\nb"}, {"h", "1", "--known-hosts", ""}, {"", "1"}} {
		if c, err := Parse(args); err == nil {
			t.Errorf("%q is %+v", args, c)
		}
	}
}

func TestUsageAndHelp(t *testing.T) {
	var out, complaints bytes.Buffer
	if code := Run(context.Background(), []string{"--help"}, nil, &out, &complaints); code != exit.Done || out.String() != helpText || complaints.Len() > 0 {
		t.Errorf("--help ended with %d and said %q", code, complaints.String())
	}
	out.Reset()
	if code := Run(context.Background(), []string{"\x1b[2J", "1"}, nil, &out, &complaints); code != exit.Usage || out.Len() > 0 {
		t.Errorf("a wrong command line ended with %d and printed %q", code, out.String())
	}
	if got := complaints.String(); !strings.HasSuffix(got, "; see chat --help\n") || strings.Contains(got, "\x1b") {
		t.Errorf("complained %q", got)
	}
}

// TestHelpIsComplete holds the text, which is written by hand, against the
// options.
func TestHelpIsComplete(t *testing.T) {
	flagSet(&Command{}, &given{}).VisitAll(func(f *pflag.Flag) {
		spelling := "--" + f.Name
		if f.Shorthand != "" {
			spelling = "-" + f.Shorthand + ", " + spelling
		}
		if !strings.Contains(helpText, spelling+" ") {
			t.Errorf("the help does not explain %s", spelling)
		}
	})
	for line := range strings.Lines(helpText) {
		if len(line) > 80+len("\n") {
			t.Errorf("the help is wider than 80 columns: %s", line)
		}
	}
}

func TestPrompt(t *testing.T) {
	c := &Command{Name: "here"}
	if got := prompt("client", c, 3000); got != "client@here:3000$ " {
		t.Errorf("prompt %q", got)
	}
	for name, want := range map[string]string{"alpha": "alpha", "alpha.example.org": "alpha", "": "localhost"} {
		if got := hostName(name, nil); got != want {
			t.Errorf("the host %q is %q in the prompt", name, got)
		}
	}
}
