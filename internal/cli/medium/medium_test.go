package medium

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runOnce runs the program to its end with a context that has ended already, so
// that a command line without fault ends at once.
func runOnce(args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, messages bytes.Buffer
	code = Run(ctx, args, strings.NewReader(""), &out, &messages)
	return code, out.String(), messages.String()
}

var addresses = []string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"}

func TestBadUsage(t *testing.T) {
	for _, test := range []struct {
		args     string // separated by spaces; "..." stands for good addresses
		explains string
	}{
		{"", "--listen is missing: say where"},
		{"--listen 127.0.0.1:0", "--to is missing: say where"},
		{"--listen 9000 --to 127.0.0.1:9", `--listen "9000": write host:port`},
		{"--listen ::1:9000 --to 127.0.0.1:9", `--listen "::1:9000": write host:port`},
		{"--listen 127.0.0.1:x --to 127.0.0.1:9", `the port "x" is not a number`},
		{"--listen 127.0.0.1:70000 --to 127.0.0.1:9", `the port "70000" is not a number`},
		{"--listen 127.0.0.1:0 --to :9", `--to ":9": name a host`},
		{"--listen 127.0.0.1:0 --to 127.0.0.1:0", "a port above 0"},
		{"... --from 127.0.0.1", `--from "127.0.0.1": write host:port`},
		{"... --from=", `--from "": write host:port`},
		{"... --from [::1]:9", "all addresses must be IPv4"},
		{"... --from 127.0.0.1:9", "the same address"},
		{"... 127.0.0.1:7", `"127.0.0.1:7" is not a flag`},
		{"... --lose 0.1", "unknown flag: --lose"},
		{"... --loss", "flag needs an argument: --loss"},
		{"... --loss 1.5", `--loss "1.5": write a probability`},
		{"... --burst 5", "--burst does nothing without a loss"},
		{"... --burst x --loss 0.1", `--burst "x": write the mean number`},
		{"... --burst 2 --loss 0.9", "make the burst at least 9"},
		{"... --delay 30", `--delay "30": write a duration with its unit`},
		{"... --jitter -1s", `--jitter "-1s": write a duration`},
		{"... --reorder often", `--reorder "often"`},
		{"... --duplicate 2", `--duplicate "2"`},
		{"... --corrupt NaN", `--corrupt "NaN"`},
		{"... --rate 10MB", `--rate "10MB": rates are in bits`},
		{"... --rate 10M --queue lots", `--queue "lots": write a number of bytes`},
		{"... --queue 64k", "--queue does nothing without a rate"},
		{"... --blackout 2s", `--blackout "2s": write when it starts`},
		{"... --blackout 2s,soon", `--blackout "2s,soon": write when it starts`},
		{"... --up loss=2", `--up "loss=2": loss "2": write a probability`},
		{"... --up loss=0.9,burst=2", `--up "loss=0.9,burst=2": loss 0.9: bursts of 2`},
		{"... --down slow", `--down "slow": "slow" has no value`},
		{"... --seed -1", `--seed "-1": write a whole number`},
		{"... --seed=", `--seed "": write a whole number`},
	} {
		var args []string
		for _, word := range strings.Fields(test.args) {
			if word == "..." {
				args = append(args, addresses...)
			} else {
				args = append(args, word)
			}
		}
		code, stdout, stderr := runOnce(args...)
		if code != exitUsage || stdout != "" {
			t.Errorf("medium %s: exit code %d, standard output %q; want %d and nothing", test.args, code, stdout, exitUsage)
		}
		if !strings.HasPrefix(stderr, "medium: ") || !strings.Contains(stderr, test.explains) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("medium %s: says %q, want one line with %q", test.args, stderr, test.explains)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, flag := range []string{"-h", "--help"} {
		code, stdout, stderr := runOnce(flag)
		if code != exitDone || stdout != help || stderr != "" {
			t.Errorf("medium %s: exit code %d, messages %q, help %q", flag, code, stderr, stdout)
		}
	}
	for _, word := range words {
		if !strings.Contains(help, "--"+word+" ") {
			t.Errorf("the help does not name --%s", word)
		}
	}
}

func TestPortInUse(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	code, _, stderr := runOnce("--listen", socket.LocalAddr().String(), "--to", "127.0.0.1:9")
	if code != exitOther || !strings.Contains(stderr, "choose another port") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q; want %d and one line of advice", code, stderr, exitOther)
	}
}

func TestDirectionsOverrideTheCommonFlags(t *testing.T) {
	args := append([]string{
		"--loss", "0.05", "--delay", "40ms", "--rate", "10M", "--queue", "64k", "--blackout", "2s,500ms", "--blackout", "5s,1s",
		"--up", "loss=0.2,queue=50ms", "--down", "rate=unlimited,blackout=none", "--seed", "42",
	}, addresses...)
	code, _, stderr := runOnce(args...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"; up: loss=0.2,delay=40ms,rate=10000000,queue=50ms,blackout=2s+500ms,blackout=5s+1s;",
		"; down: loss=0.05,delay=40ms,queue=64000; seed 42\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("says %q, want %q in it", stderr, want)
		}
	}
}

func TestSeedIsDrawnAndPrinted(t *testing.T) {
	printed := regexp.MustCompile(`seed ([0-9]+)\n`)
	seen := make(map[string]bool)
	for range 5 {
		_, _, stderr := runOnce(addresses...)
		match := printed.FindStringSubmatch(stderr)
		if match == nil {
			t.Fatalf("no seed in %q", stderr)
		}
		seen[match[1]] = true
	}
	if len(seen) < 2 {
		t.Errorf("five runs have the same seed: %v", seen)
	}
}

// TestRelayUntilTheEnd runs the program as a user does: start it, send through
// it, end it, read the counters.
func TestRelayUntilTheEnd(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	output, stderr := io.Pipe()
	defer output.Close()
	ended := make(chan int, 1)
	go func() {
		code := Run(ctx, []string{"--listen", "127.0.0.1:0", "--to", server.LocalAddr().String(), "-v", "--duplicate", "1"},
			strings.NewReader(""), io.Discard, stderr)
		stderr.Close()
		ended <- code
	}()

	messages := bufio.NewScanner(output)
	messages.Scan()
	var relay string
	if _, err := fmt.Sscanf(messages.Text(), "medium: listening at %s for any client, relaying to "+server.LocalAddr().String(), &relay); err != nil {
		t.Fatalf("the first message is %q: %v", messages.Text(), err)
	}
	client, err := net.Dial("udp", relay)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	for range 2 {
		server.SetReadDeadline(time.Now().Add(time.Minute))
		n, _, err := server.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != "hello" {
			t.Fatalf("the server receives %q, %v", buffer[:n], err)
		}
	}
	cancel()
	var last []string
	for messages.Scan() {
		last = append(last, messages.Text())
	}
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
	text := strings.Join(last, "\n")
	if !strings.Contains(text, "medium: up: 1 in (5 bytes), 2 delivered (10 bytes), 1 duplicated") ||
		!strings.HasSuffix(text, "medium: down: 0 in (0 bytes), 0 delivered (0 bytes)") {
		t.Errorf("the last messages are %q", last)
	}
}
