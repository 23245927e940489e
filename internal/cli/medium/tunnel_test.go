package medium

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/tun"
)

// write makes a file of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadTunnel(t *testing.T) {
	bad := write(t, "bad", "10s: rate=5M\nx: rate=1M\n")
	for _, test := range []struct{ args, explains string }{
		{"--tun --listen 127.0.0.1:9", "--listen is for a relay"},
		{"--tun --left 10.9.0.1", `--left "10.9.0.1": the address needs its prefix, for example 10.9.0.1/24`},
		{"--tun --left ns1,ns2", `"ns1" and "ns2" cannot both be its network namespace`},
		{"--tun --left dev=a-name-that-is-too-long", "--left: interface name"},
		{"--tun --right ns1,10.9.0.1/24,10.9.0.2/24", "at most one IPv4 and one IPv6 address"},
		{"--tun --mtu 100", "MTU 100: must lie between"},
		{"--tun --left dev=same --right dev=same", "have the same name same"},
		{"--tun speed=5M", `"speed" is not a word`},
		{"--tun fast", `"fast" is not a flag, nor a word`},
		{"--tun rate=5M rate=6M", "rate is given twice"},
		{"--tun --queue codel", "--queue does nothing without a rate"},
		{"--tun --police 5MB", `--police "5MB": rates are in bits`},
		{"--tun --scenario /nowhere/to/be/found", "--scenario: open"},
		{"--tun --scenario " + bad, `line 2: "x" is not a time`},
		{"--tun --cells " + bad, `line 1: "10s: rate=5M" is not a number of milliseconds`},
		{"--tun --cells /nowhere/to/be/found", "--cells: open"},
		{"ctl", "ctl needs the path"},
		{"ctl path", "ctl needs the path"},
		{"ctl path status", `"status" is not a flag, nor a word`},
		{"ctl path lose=2", `"lose" is not a word`},
	} {
		code, stdout, stderr := runOnce(strings.Fields(test.args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, test.explains) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("medium %s: exit code %d, %q; want %d and one line with %q", test.args, code, stderr, exitUsage, test.explains)
		}
	}
}

func TestParseTunnel(t *testing.T) {
	scenario := write(t, "scenario", "10s: up.rate=5M\nrepeat 20s\n")
	cells := write(t, "cells", "1\n2\n")
	o, err := parse([]string{
		"--tun", "--left", "ns1,10.9.0.1/24,fd00::1/64", "--right", "dev=right,/proc/7/ns/net", "--mtu", "1400", "--delay", "10ms",
		"--queue", "codel,5ms,ecn", "--cells", cells, "loss=1%", "down.loss=2%", "--down", "delay=30ms", "--scenario", scenario, "--seed", "7",
	})
	if err != nil {
		t.Fatal(err)
	}
	left := tun.Config{Name: leftName, Namespace: "ns1", MTU: 1400}
	if got := o.tunnel.Left; got.Name != left.Name || got.Namespace != left.Namespace || got.MTU != left.MTU || len(got.Addresses) != 2 {
		t.Errorf("left: %+v", got)
	}
	if want := (tun.Config{Name: "right", Namespace: "/proc/7/ns/net", MTU: 1400}); !reflect.DeepEqual(o.tunnel.Right, want) {
		t.Errorf("right: %+v, want %+v", o.tunnel.Right, want)
	}
	up, down := o.tunnel.Up, o.tunnel.Down
	if up.Trace == nil || up.Trace.Rate() != 12_000_000 || down.Trace != up.Trace {
		t.Errorf("traces %v, %v", up.Trace, down.Trace)
	}
	up.Trace, down.Trace = nil, nil
	codel := link.CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond, ECN: true}
	if want := (link.Config{Loss: 0.01, Delay: 10 * time.Millisecond, CoDel: codel}); !reflect.DeepEqual(up, want) {
		t.Errorf("up: %v, want %v", up, want)
	}
	if want := (link.Config{Loss: 0.02, Delay: 30 * time.Millisecond, CoDel: codel}); !reflect.DeepEqual(down, want) {
		t.Errorf("down: %v, want %v", down, want)
	}
	if s := o.tunnel.Scenarios; len(s.Up.Steps) != 1 || len(s.Down.Steps) != 0 || s.Up.Repeat != 20*time.Second || o.tunnel.Seed != 7 {
		t.Errorf("scenarios %+v, seed %d", s, o.tunnel.Seed)
	}
}

// TestControlWhileItRuns starts a relay with a control socket and a capture and
// changes it as a user does.
func TestControlWhileItRuns(t *testing.T) {
	// In the current folder: the path of a socket has room for a hundred bytes.
	t.Chdir(t.TempDir())
	const socket, capture = "control.socket", "capture.pcapng"
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	output, stderr := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"--control", socket, "--pcap", capture, "rate=10M", "up.loss=1%", "--seed", "1"}, addresses...)
		code := Run(ctx, args, strings.NewReader(""), io.Discard, stderr)
		stderr.Close()
		ended <- code
	}()
	messages := bufio.NewScanner(output)
	messages.Scan() // when it says that it listens, it takes requests
	control := func(args ...string) (code int, stdout, stderr string) {
		var out, errs strings.Builder
		code = Run(context.Background(), append([]string{"ctl", socket}, args...), nil, &out, &errs)
		return code, out.String(), errs.String()
	}
	code, stdout, errs := control("rate=5M", "down.delay=10ms", "queue=codel")
	if want := "medium: up: loss=0.01,rate=5000000,queue=codel+5ms+100ms; down: delay=10ms,rate=5000000,queue=codel+5ms+100ms\n"; code != exitDone || stdout != want {
		t.Errorf("exit code %d, %q %q; want %q", code, stdout, errs, want)
	}
	if code, stdout, _ = control("burst=2", "up.loss=99%"); code != exitUsage || stdout != "" {
		t.Errorf("a change that makes no sense: exit code %d, %q", code, stdout)
	}
	code, stdout, _ = control("stats")
	if code != exitDone || !strings.Contains(stdout, "up: loss=0.01,rate=5000000") || !strings.Contains(stdout, "medium: down: 0 in (0 bytes)") {
		t.Errorf("exit code %d, %q", code, stdout)
	}
	cancel()
	for messages.Scan() {
	}
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if code, _, stderr := control("stats"); code != exitOther || !strings.Contains(stderr, "control socket") {
		t.Errorf("after its end: exit code %d, %q", code, stderr)
	}
	if info, err := os.Stat(capture); err != nil || info.Size() == 0 {
		t.Errorf("the capture: %v, %v", info, err)
	}
}

func TestControlHelp(t *testing.T) {
	if code, stdout, _ := runOnce("ctl", "--help"); code != exitDone || stdout != controlUsage {
		t.Errorf("exit code %d, %q", code, stdout)
	}
}
