package uft

import (
	"bytes"
	"crypto/ed25519"
	"net"
	"strings"
	"testing"

	"example.com/uft/internal/identity"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// TestAnnounce: a server says where it listens, by which key it is known, and
// what a stranger may do to the folder.
func TestAnnounce(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	const free = "127.0.0.1:0"
	taken := other.Addr().String()
	dir := t.TempDir()
	const anyone = "uft: anyone who reaches this port can "
	for _, test := range []struct {
		address  string
		command  Command
		carriers string
		want     string
	}{
		{free, Command{Accept: true}, "UDP and TCP", anyone + "write to " + dir + " (new files only)\n"},
		{taken, Command{Accept: true}, "UDP (the TCP port is taken)", anyone + "write to " + dir + " (new files only)\n"},
		{taken, Command{Accept: true, Overwrite: true, Loss: 0.1}, "UDP", anyone + "write to " + dir + " (and replace the files there)\n"},
		{free, Command{Serve: true, Carrier: transport.TCP}, "TCP", anyone + "read the files in " + dir + "\n"},
		{taken, Command{Accept: true, Serve: true, Carrier: transport.UDP}, "UDP", anyone + "write to " + dir + " (new files only)\n" + anyone + "read the files in " + dir + "\n"},
	} {
		listener, err := transport.Listen(test.address, &transport.Config{Identity: key, Carrier: test.command.Carrier, Loss: test.command.Loss})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		test.command.Dir = dir
		announce(test.command, listener, key, stdio{err: &out})
		want := "uft: listening on " + listener.Addr().String() + ", " + test.carriers + ", key " +
			identity.Fingerprint(key.Public().(ed25519.PublicKey)) + "\n" + test.want
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", &out, want)
		}
		_ = listener.Close()
	}
	listener, err := transport.Listen(free, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var out bytes.Buffer
	announce(Command{Serve: true, Dir: "a\x1b[2Jb"}, listener, key, stdio{err: &out})
	if !strings.Contains(out.String(), `a\x1b[2Jb`) || strings.Contains(out.String(), "\x1b") {
		t.Errorf("a folder's name as it is: %q", &out)
	}
}

// TestServerLog: one entry for each transfer, with nothing in it that a client
// could send to the terminal; errors even where the user wants quiet.
func TestServerLog(t *testing.T) {
	client := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4000}
	begins := transfer.Event{Client: client, Started: true, Result: transfer.Result{Name: "a\x1b"}}
	ends := transfer.Event{Client: client, Result: transfer.Result{Name: "a\x1b", Bytes: 1, Root: "uft1:00"}}
	fails := transfer.Event{Client: client, Sending: true, Result: transfer.Result{
		Name: "a\x1b", Err: &transfer.Error{Kind: transfer.KindRefused, Name: "a\x1b", Remote: true, Code: codeExists, Text: "no\n"},
	}}
	for _, test := range []struct {
		name string
		log  serverLog
		want string
	}{
		{"usual", serverLog{}, "192.0.2.7:4000: received a\\x1b: 1 B in 0 µs, 0 bit/s\nuft1:00  a\\x1b\n" +
			"uft: 192.0.2.7:4000: a\\x1b: the client says: no\\n (EXISTS)\n"},
		{"quiet", serverLog{quiet: true}, "uft: 192.0.2.7:4000: a\\x1b: the client says: no\\n (EXISTS)\n"},
		{"verbose", serverLog{verbose: true}, "uft: 192.0.2.7:4000: a\\x1b begins\n" +
			"192.0.2.7:4000: received a\\x1b: 1 B in 0 µs, 0 bit/s\nuft1:00  a\\x1b\n" +
			"uft: 192.0.2.7:4000: a\\x1b: the client says: no\\n (EXISTS)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			test.log.std = stdio{err: &out}
			test.log.event(begins)
			test.log.event(ends)
			test.log.event(fails)
			if out.String() != test.want {
				t.Errorf("got\n%swant\n%s", &out, test.want)
			}
		})
	}
}
