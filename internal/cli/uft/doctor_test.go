package uft

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/doctor"
	"example.com/uft/internal/identity"
	"example.com/uft/transport"
)

func TestParseDoctor(t *testing.T) {
	plain := Command{Action: Doctor, Port: DefaultPort, Timeout: DefaultDoctorTimeout, Dir: "."}
	fingerprint := identity.Fingerprint(make([]byte, 32))
	for _, test := range []struct {
		args string // separated by spaces
		want func(*Command)
	}{
		{"doctor", func(*Command) {}},
		{"doctor --json", func(c *Command) { c.JSON = true }},
		{"-d /srv doctor --key k --known-hosts h", func(c *Command) { c.Dir, c.Key, c.KnownHosts = "/srv", "k", "h" }},
		{"doctor example.org", func(c *Command) { c.Host = "example.org" }},
		{"doctor -p 99 [::1] --timeout 2", func(c *Command) { c.Host, c.Port, c.Timeout = "::1", 99, 2*time.Second }},
		{"doctor host --fingerprint " + fingerprint, func(c *Command) { c.Host, c.Fingerprint = "host", fingerprint }},
		{"doctor doctor", func(c *Command) { c.Host = "doctor" }},
	} {
		want := plain
		test.want(&want)
		got, err := Parse(strings.Fields(test.args))
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v\n%s", test.args, err, cmp.Diff(want, got))
		}
	}
	for args, action := range map[string]Action{
		"doctor -h": DoctorHelp, "doctor host -p nonsense --help": DoctorHelp, "help": Help, "-h": Help,
	} {
		if got, err := Parse(strings.Fields(args)); err != nil || got.Action != action {
			t.Errorf("%s: action %d, %v", args, got.Action, err)
		}
	}
	if got, err := Parse([]string{"doctor", "-t", "file"}); err != nil || got.Host != "doctor" || got.Action != Send {
		t.Errorf("a host of the name doctor: %+v, %v", got, err)
	}
}

func TestParseDoctorRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"doctor -a":             "uft doctor has no option -a",
		"doctor --nonsense":     "uft doctor has no option --nonsense",
		"doctor one two":        `uft doctor examines the way to one host, but there is also "two"`,
		"doctor host -p":        "-p, --port needs a value after it",
		"doctor host -p 0":      "-p 0 lets a server choose a port; a client must know the server's: 1 to 65535",
		"doctor host:99":        `host "host:99": the port is written apart: host -p 99`,
		"doctor -p 99":          "-p, --timeout and --fingerprint are about a host: uft doctor HOST",
		"doctor -d --json":      "-d, --dir needs a value, but the option --json follows; if that is the value, write --dir=--json",
		"doctor host --json=no": `--json takes no value, but there is "no"`,
	} {
		_, err := Parse(strings.Fields(args))
		var usage *UsageError
		if !errors.As(err, &usage) || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

func TestDoctorHelp(t *testing.T) {
	for _, o := range doctorOptions(&Command{}) {
		if !strings.Contains(doctorHelp, "--"+o.name) || o.shorthand != "" && !strings.Contains(doctorHelp, "-"+o.shorthand+", --"+o.name) {
			t.Errorf("the help does not name %s", spelling(o.name, o.shorthand))
		}
	}
	for i, line := range strings.Split(doctorHelp, "\n") {
		if len(line) > 80 {
			t.Errorf("line %d of the help has %d columns", i+1, len(line))
		}
	}
}

// findings are some of each kind, with texts that are long, or a peer's.
var findings = []doctor.Finding{
	{Check: "hash", Verdict: doctor.OK, Text: "BLAKE3 3.8 GB/s", Values: map[string]any{"blake3_bytes_per_second": 38}},
	{
		Check: "receive buffer", Verdict: doctor.Fix, Text: "208.0 KiB granted of 8.0 MiB asked",
		Fix:  "sudo sysctl -w net.core.rmem_max=8388608",
		Keep: "echo net.core.rmem_max=8388608 | sudo tee -a /etc/sysctl.d/90-uft.conf",
	},
	{Check: "IPv6", Verdict: doctor.Note, Text: "a\x1b[2J " + strings.Repeat("word ", 15)},
}

func TestFindingTable(t *testing.T) {
	const want = `  hash              BLAKE3 3.8 GB/s                                                           ok
  receive buffer    208.0 KiB granted of 8.0 MiB asked                                        FIX
    fix:  sudo sysctl -w net.core.rmem_max=8388608
    keep: echo net.core.rmem_max=8388608 | sudo tee -a /etc/sysctl.d/90-uft.conf
  IPv6              a\x1b[2J word word word word word word word word word word word word      note
                    word word word
1 thing to fix
`
	var out bytes.Buffer
	table := findingTable{w: &out}
	for _, f := range findings {
		table.print(f)
	}
	if err := table.finish(&doctor.Report{Findings: findings}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(out.String()) {
		if width := runewidth.StringWidth(line); width > 100 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}

// brokenPipe is an output that nobody reads.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestFindingTableThatNobodyReads(t *testing.T) {
	table := findingTable{w: brokenPipe{}}
	table.print(findings[0])
	if err := table.finish(&doctor.Report{}); err == nil {
		t.Error("printed into nothing")
	}
}

func TestDoctorCode(t *testing.T) {
	for _, test := range []struct {
		report doctor.Report
		want   int
	}{
		{doctor.Report{Findings: findings[:1]}, exit.Done},
		{doctor.Report{Findings: findings[2:]}, exit.Done},
		{doctor.Report{Findings: findings}, exit.Other},
		{doctor.Report{Findings: findings, Silent: true}, exit.Unreachable},
		{doctor.Report{Findings: findings, IdentityChanged: true}, exit.Identity},
	} {
		if got := doctorCode(&test.report); got != test.want {
			t.Errorf("%+v: code %d, want %d", test.report, got, test.want)
		}
	}
}

func TestDoctorJSON(t *testing.T) {
	var out bytes.Buffer
	if err := printJSON(&out, &doctor.Report{Findings: findings, Silent: true}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Findings []struct{ Check, Verdict, Finding, Fix, Keep string }
		Silent   bool `json:"host_silent"`
		Faults   int  `json:"faults"`
		ExitCode int  `json:"exit_code"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != 3 || got.Findings[1].Verdict != "fix" || got.Findings[1].Fix != findings[1].Fix ||
		!got.Silent || got.Faults != 1 || got.ExitCode != exit.Unreachable {
		t.Errorf("%+v\n%s", got, &out)
	}
}

// TestServerAdvisesOnce: a server whose socket is too small says so once, and
// not to who wants to hear nothing.
func TestServerAdvisesOnce(t *testing.T) {
	drops := uint64(0)
	stats := func() transport.ListenerStats {
		return transport.ListenerStats{SocketDrops: drops, ReceiveBufferSize: 212992}
	}
	var out bytes.Buffer
	log := &serverLog{std: stdio{err: &out}, stats: stats}
	log.advise()
	if out.Len() != 0 {
		t.Errorf("nothing was dropped, and it says %s", &out)
	}
	drops = 7
	log.advise()
	log.advise()
	want := ""
	if advice := doctor.BufferAdvice(212992, 7); advice != "" {
		want = "uft: " + advice + "\n"
	}
	if out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
	out.Reset()
	(&serverLog{std: stdio{err: &out}, stats: stats, quiet: true}).advise()
	if out.Len() != 0 {
		t.Errorf("a quiet server says %s", &out)
	}
}
