package e2e

import (
	"strings"
	"testing"
	"time"
)

// soon bounds what a user waits for a program to say that something cannot be,
// beyond the time limits that the command line gives.
const soon = 8 * time.Second

// TestOneLineAndTheRightCode is what a user sees who asks for what cannot be.
func TestOneLineAndTheRightCode(t *testing.T) {
	t.Parallel()
	server, client := newHost(t), newHost(t)
	server.write("there", []byte("already"))
	client.write("there", []byte("another"))
	client.write("file", []byte("contents"))
	service := server.start("uft", "-a", "-s", "-p", "0")
	port := service.port()
	silent := freePort(t)

	for _, c := range []struct {
		name string
		code int
		args []string
	}{
		{"no arguments", 2, nil},
		{"a rate that is none", 2, []string{"127.0.0.1", "-p", port, "-b", "fast", "-t", "file"}},
		{"a loss above one", 2, []string{"127.0.0.1", "-p", port, "-l", "1.1", "-t", "file"}},
		{"a rate at a server", 2, []string{"-a", "-b", "10M"}},
		{"a source that is not here", 3, []string{"127.0.0.1", "-p", port, "-t", "missing"}},
		{"a source that is not there", 3, []string{"127.0.0.1", "-p", port, "-r", "missing"}},
		{"a target that exists", 4, []string{"127.0.0.1", "-p", port, "-t", "there"}},
		{"a name that leaves the folder", 4, []string{"127.0.0.1", "-p", port, "-r", "../there", "-o", "x"}},
		{"nobody there", 5, []string{"127.0.0.1", "-p", silent, "--timeout", "2s", "-t", "file"}},
		{"everything lost, to a known server", 5, []string{"127.0.0.1", "-p", port, "-l", "1.0", "--timeout", "2s", "-q", "-t", "file"}},
		{"a port in use", 1, []string{"-a", "-p", port}},
	} {
		t.Run(c.name, func(t *testing.T) {
			said := client.on(t).start("uft", c.args...).mustEnd(c.code, soon).words()
			if lines := countErrors(said); lines != 1 {
				t.Errorf("it said %d lines of error, want 1:\n%s", lines, said)
			}
		})
	}
	server.mustHold("there", []byte("already"))
	client.mustLack("x")
	service.mustStop()
}

// countErrors returns how many of the lines that uft said tell of an error,
// that is, neither greet a server nor account for something.
func countErrors(said string) int {
	count := 0
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "uft: ") && !strings.HasPrefix(line, "uft: first contact") {
			count++
		}
	}
	return count
}

// TestKnownServerIsGone: a client that knows the server sends its file in the
// first flight. Where nothing at all comes back the file was not stored, since
// a server does that only after the handshake (docs/protocol.md §6.6): that is
// no answer, and not an unknown outcome.
func TestKnownServerIsGone(t *testing.T) {
	t.Parallel()
	server, client := newHost(t), newHost(t)
	client.write("first", []byte("contents"))
	client.write("second", []byte("contents"))
	service := server.start("uft", "-a", "-p", "0")
	port := service.port()
	client.run(soon, "uft", "127.0.0.1", "-p", port, "-t", "first")
	service.mustStop()
	client.start("uft", "127.0.0.1", "-p", port, "--timeout", "4s", "-t", "second").mustEnd(5, soon)
}

// TestOneWayMeetsBothWays: both programs say that they were not started for
// each other, and no file is written.
func TestOneWayMeetsBothWays(t *testing.T) {
	for _, c := range []struct{ name, server, client string }{
		{"a one-way client", "mine received 0", "mine 127.0.0.1 PORT"},
		{"a one-way server", "received 0", "mine received 127.0.0.1 PORT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := newHost(t), newHost(t)
			server.write("mine", randomBytes(1, 100_000))
			client.write("mine", randomBytes(2, 100_000))
			serveur := server.start("serveur", strings.Fields(c.server)...)
			words := strings.Fields(strings.ReplaceAll(c.client, "PORT", serveur.port()))
			const refused = 4
			for _, p := range []*process{client.start("client", words...), serveur} {
				said := p.mustEnd(refused, soon).words()
				if !strings.Contains(said, "one way") || !strings.Contains(said, "both ways") {
					t.Errorf("%s does not say what does not fit:\n%s", p.line, said)
				}
			}
			server.mustLack("received")
			client.mustLack("received")
		})
	}
}
