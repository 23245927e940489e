package uft

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/cli/term"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// TestLostConnectionIsToldOnce: what ended the connection ended every file, and
// a line for each of hundreds would hide the reason.
func TestLostConnectionIsToldOnce(t *testing.T) {
	var out bytes.Buffer
	cl := &conversation{command: Command{Action: Send, Host: "h", Port: 5}, std: stdio{err: &out}}
	cl.progress = term.NewProgress(&out, term.Quiet)
	gone := &transport.ClosedPortError{}
	for _, name := range []string{"a", "b", "c"} {
		cl.finish(sent, &transfer.Result{Name: name, Err: &transfer.Error{Kind: transfer.KindConnection, Name: name, Err: gone}})
	}
	cl.finish(sent, &transfer.Result{Name: "d", Err: &transfer.Error{Kind: transfer.KindSource, Name: "d", Err: errors.New("gone")}})
	if want := "uft: a: the server is gone: nobody listens on its port any more\nuft: d: gone\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	if cl.lost != 3 {
		t.Errorf("%d files were lost", cl.lost)
	}
}

// TestNoServerIsNobodysFault: where there was no connection at all, the line
// names the server and not the file that happened to be the first.
func TestNoServerIsNobodysFault(t *testing.T) {
	var out bytes.Buffer
	cl := &conversation{command: Command{Action: Fetch, Host: "h", Port: 5}, std: stdio{err: &out}}
	cl.complain(&transfer.Error{Kind: transfer.KindConnection, Name: "a", Err: &transport.TimeoutError{Handshake: true, After: time.Second}})
	if !strings.HasPrefix(out.String(), "uft: h port 5: no answer within 1s") {
		t.Errorf("got %s", &out)
	}
}

// TestFallbackIsTold: once, and only to who left the carrier open and wants to
// hear anything.
func TestFallbackIsTold(t *testing.T) {
	for _, test := range []struct {
		command Command
		seen    []transport.Carrier
		want    string
	}{
		{Command{}, []transport.Carrier{transport.UDP, transport.TCP, transport.TCP}, "uft: UDP gets no answer from h port 5: going over TCP\n"},
		{Command{}, []transport.Carrier{transport.UDP, transport.UDP}, ""},
		{Command{Carrier: transport.TCP}, []transport.Carrier{transport.TCP}, ""},
		{Command{Quiet: true}, []transport.Carrier{transport.UDP, transport.TCP}, ""},
	} {
		var out bytes.Buffer
		test.command.Host, test.command.Port = "h", 5
		cl := &conversation{command: test.command, progress: term.NewProgress(&out, term.Lines)}
		for _, carrier := range test.seen {
			cl.noticeCarrier(carrier)
		}
		if out.String() != test.want {
			t.Errorf("%+v over %v: %q", test.command, test.seen, &out)
		}
	}
}

func TestSummaryOfBothSides(t *testing.T) {
	r := transfer.Result{Name: "a", Bytes: 1 << 20, Elapsed: time.Second, Gross: 2 << 20, Loss: 0.25, Repeated: 0.5}
	if s := summary(sent, &r); s.Loss != 0.25 || s.Retransmitted != 0.5 || s.GrossBits != 16<<20 {
		t.Errorf("sent: %+v", s)
	}
	if s := summary(received, &r); s.Loss >= 0 || s.GrossBits != 16<<20 {
		t.Errorf("received: %+v", s)
	}
	r.Gross = 1000
	if s := summary(received, &r); s.GrossBits != 0 {
		t.Errorf("a gross rate below the net one: %+v", s)
	}
}

func TestSimulatedLossNamesItsSeed(t *testing.T) {
	var out bytes.Buffer
	var config transport.Config
	simulateLoss(&config, Command{}, stdio{err: &out})
	if config.Loss != 0 || out.Len() != 0 {
		t.Errorf("no loss: %+v, %s", config, &out)
	}
	simulateLoss(&config, Command{Loss: 0.25, Seed: 7, Seeded: true}, stdio{err: &out})
	if config.Loss != 0.25 || config.Seed != 7 || out.String() != "uft: dropping 25.0 % of all datagrams sent, seed 7\n" {
		t.Errorf("a seed: %+v, %s", config, &out)
	}
	out.Reset()
	simulateLoss(&config, Command{Loss: 1}, stdio{err: &out})
	if !regexp.MustCompile(`^uft: dropping 100\.0 % of all datagrams sent, seed \d+\n$`).MatchString(out.String()) {
		t.Errorf("no seed: %s", &out)
	}
	out.Reset()
	simulateLoss(&config, Command{Loss: 1, Quiet: true}, stdio{err: &out})
	if out.Len() != 0 {
		t.Errorf("quiet, yet printed %s", &out)
	}
}
