package duplex

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
	"example.com/uft/transport"
)

func TestOneWay(t *testing.T) {
	for _, size := range []int{0, 1, 1023, 1024, 20 * 1024, 3<<20 + 77} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			folder := t.TempDir()
			source, target := random(t, filepath.Join(folder, "in"), size), filepath.Join(folder, "out")
			server := startServer(t, target, "0")
			client := startClient(t, source, "127.0.0.1", server.port())
			client.ends(exit.Done, "client: sent "+source+": ", "uft1:")
			server.ends(exit.Done, "serveur: received "+target+": ", "uft1:")
			same(t, source, target)
			onlyHolds(t, folder, "in", "out")
			if info, err := os.Stat(target); err == nil && info.Mode().Perm()&0o007 != 0 {
				t.Errorf("the mode %v is not that of the source", info.Mode())
			}
		})
	}
}

func TestBothWays(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		for _, sizes := range [][2]int{{0, 0}, {5000, 0}, {0, 5000}, {1 << 20, 2<<20 + 1}} {
			t.Run(fmt.Sprintf("%s %d %d", host, sizes[0], sizes[1]), func(t *testing.T) {
				if host == "::1" && !hasIPv6() {
					t.Skip("no IPv6 here")
				}
				folder := t.TempDir()
				mine, yours := random(t, filepath.Join(folder, "a"), sizes[0]), random(t, filepath.Join(folder, "b"), sizes[1])
				server := startServer(t, yours, mine+".copy", "0")
				client := startClient(t, mine, yours+".copy", host, server.port())
				client.ends(exit.Done, "client: sent", "client: received")
				server.ends(exit.Done, "serveur: sent", "serveur: received")
				same(t, mine, mine+".copy")
				same(t, yours, yours+".copy")
				onlyHolds(t, folder, "a", "a.copy", "b", "b.copy")
			})
		}
	}
}

func TestLocalPort(t *testing.T) {
	folder := t.TempDir()
	mine, yours := random(t, filepath.Join(folder, "a"), 3000), random(t, filepath.Join(folder, "b"), 2000)
	server := startServer(t, yours, mine+".copy", "0")
	local := freePort(t)
	startClient(t, mine, yours+".copy", "127.0.0.1", server.port(), local).ends(exit.Done)
	server.ends(exit.Done, "connected to 127.0.0.1:"+local)
}

// TestCarriers: the options of the carrier may stand anywhere, and both sides may
// differ as long as they meet.
func TestCarriers(t *testing.T) {
	for _, test := range []struct{ server, client string }{
		{"--tcp", "--tcp"}, {"", "--tcp"}, {"--udp", "--udp"}, {"--udp", ""}, {"--tcp", ""},
	} {
		t.Run(test.server+" "+test.client, func(t *testing.T) {
			folder := t.TempDir()
			mine, yours := random(t, filepath.Join(folder, "a"), 3<<20), random(t, filepath.Join(folder, "b"), 2<<20)
			server := startServer(t, with(test.server, yours, mine+".copy", "0")...)
			client := startClient(t, with(test.client, mine, yours+".copy", "127.0.0.1", server.port())...)
			client.ends(exit.Done)
			if fellBack := strings.Contains(client.said.String(), "going over TCP"); fellBack != (test.server == "--tcp" && test.client == "") {
				t.Errorf("the client said\n%s", client.said)
			}
			server.ends(exit.Done)
			same(t, mine, mine+".copy")
			same(t, yours, yours+".copy")
		})
	}
}

// with puts an option, if there is one, behind the first argument.
func with(option string, arguments ...string) []string {
	if option == "" {
		return arguments
	}
	return slices.Insert(arguments, 1, option)
}

func TestTargetIsReplaced(t *testing.T) {
	folder := t.TempDir()
	source, target := random(t, filepath.Join(folder, "in"), 5000), random(t, filepath.Join(folder, "out"), 70_000)
	server := startServer(t, target, "0")
	startClient(t, source, "127.0.0.1", server.port()).ends(exit.Done)
	server.ends(exit.Done, "received")
	same(t, source, target)

	// The same again: nothing needs to travel, and both say so.
	server = startServer(t, target, "0")
	startClient(t, source, "127.0.0.1", server.port()).ends(exit.Done, "already there")
	server.ends(exit.Done, "already there")
	same(t, source, target)

	// Same size, other contents.
	if err := os.WriteFile(target, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	server = startServer(t, target, "0")
	startClient(t, source, "127.0.0.1", server.port()).ends(exit.Done, "sent")
	server.ends(exit.Done, "received")
	same(t, source, target)
	onlyHolds(t, folder, "in", "out")
}

func TestOneWayMeetsBothWays(t *testing.T) {
	folder := t.TempDir()
	file := random(t, filepath.Join(folder, "file"), 3000)
	out := filepath.Join(folder, "out")
	const mismatch = "give both the same kind of arguments"

	server := startServer(t, out, "0")
	startClient(t, file, out+"2", "127.0.0.1", server.port()).
		ends(exit.Refused, "this program is to transfer both ways and the other side one way: "+mismatch)
	server.ends(exit.Refused, "this program is to transfer one way and the other side both ways: "+mismatch)

	server = startServer(t, file, out, "0")
	startClient(t, file, "127.0.0.1", server.port()).ends(exit.Refused, "one way and the other side both ways: "+mismatch)
	server.ends(exit.Refused, "both ways and the other side one way: "+mismatch)
	onlyHolds(t, folder, "file")
}

func TestNoServer(t *testing.T) {
	folder := t.TempDir()
	file := random(t, filepath.Join(folder, "file"), 10)
	said := consoletest.New()
	p := newProgram("client", said, language("fr_FR.UTF-8"))
	p.patience = 300 * time.Millisecond
	port := freePort(t)
	a, err := parseClient([]string{file, "127.0.0.1", port}, p.t)
	if err != nil {
		t.Fatal(err)
	}
	if code := p.connect(t.Context(), &a); code != exit.Unreachable {
		t.Errorf("exit code %d", code)
	}
	want := "client: pas de réponse de 127.0.0.1:" + port + " en 300 ms : serveur y est-il lancé, et UDP ou TCP passent-ils ?\n"
	if said.String() != want {
		t.Errorf("said %q, want %q", said, want)
	}
}

func TestServerComesLater(t *testing.T) {
	folder := t.TempDir()
	file, out := random(t, filepath.Join(folder, "file"), 10), filepath.Join(folder, "out")
	port := freePort(t)
	client := startClient(t, file, "127.0.0.1", port)
	server := startServer(t, out, port)
	client.ends(exit.Done)
	server.ends(exit.Done)
	same(t, file, out)
}

func TestUnknownHost(t *testing.T) {
	file := random(t, filepath.Join(t.TempDir(), "file"), 10)
	startClient(t, file, "no-such-host.invalid", "4000").ends(exit.Unreachable, `host "no-such-host.invalid" is not known`)
}

// TestFilesAreCheckedFirst holds that a file that cannot be read or written is
// found before anybody is asked: no server runs, and no port is opened.
func TestFilesAreCheckedFirst(t *testing.T) {
	folder := t.TempDir()
	file, missing := random(t, filepath.Join(folder, "file"), 10), filepath.Join(folder, "missing")
	inMissing, inFile := filepath.Join(missing, "out"), filepath.Join(file, "out")
	if err := os.Symlink(file, filepath.Join(folder, "link")); err != nil {
		t.Skip(err)
	}
	tests := []struct {
		args []string
		code int
		said string
	}{
		{[]string{missing, "127.0.0.1", "9"}, exit.Source, "cannot read " + missing + ": no such file or folder"},
		{[]string{folder, "127.0.0.1", "9"}, exit.Source, "cannot read " + folder + ": not a regular file"},
		{[]string{missing, inMissing, "127.0.0.1", "9"}, exit.Source, "cannot read"},
		{[]string{file, inMissing, "127.0.0.1", "9"}, exit.Destination, "cannot write " + inMissing + ": no such file or folder"},
		{[]string{file, inFile, "127.0.0.1", "9"}, exit.Destination, "cannot write " + inFile + ": "},
		{[]string{file, folder, "127.0.0.1", "9"}, exit.Destination, "cannot write " + folder + ": not a regular file"},
		{[]string{file, file, "127.0.0.1", "9"}, exit.Usage, "two files are needed"},
		{[]string{file, filepath.Join(folder, "link"), "127.0.0.1", "9"}, exit.Usage, "two files are needed"},
	}
	for _, test := range tests {
		client := startClient(t, test.args...)
		client.ends(test.code, "client: ", test.said)
		if n := strings.Count(client.said.String(), "\n"); n != 1 {
			t.Errorf("client %q said %d lines", test.args, n)
		}
	}
	startServer(t, inMissing, "0").ends(exit.Destination, "cannot write")
	startServer(t, missing, filepath.Join(folder, "out"), "0").ends(exit.Source, "cannot read")
	onlyHolds(t, folder, "file", "link")
}

func TestUnwritableFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	if probe, err := os.CreateTemp(folder, ""); err == nil {
		_ = probe.Close()
		t.Skip("this user may write everywhere")
	}
	out := filepath.Join(folder, "out")
	startServer(t, out, "0").ends(exit.Destination, "cannot write "+out+": permission denied")
}

func TestPortInUse(t *testing.T) {
	folder := t.TempDir()
	file, out := random(t, filepath.Join(folder, "file"), 10), filepath.Join(folder, "out")
	server := startServer(t, out, "0")
	port := server.port()
	startServer(t, out, port).ends(exit.Other, "serveur: port "+port+" is in use")
	startClient(t, file, out, "127.0.0.1", "9", port).ends(exit.Other, "client: port "+port+" is in use")
	server.stop()
	server.ends(exit.Interrupted, "serveur: interrupted")
}

// TestStrayConnection holds that neither noise nor a connection that offers
// nothing keeps the client from being served.
func TestStrayConnection(t *testing.T) {
	folder := t.TempDir()
	file, out := random(t, filepath.Join(folder, "file"), 3000), filepath.Join(folder, "out")
	server := startServer(t, out, "0")
	port := server.port()
	noise, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer noise.Close()
	for range 10 {
		if _, err := noise.Write(bytes.Repeat([]byte{0xc3}, 1200)); err != nil {
			t.Fatal(err)
		}
	}
	stray, err := transport.Dial(t.Context(), "127.0.0.1:"+port, nil)
	if err != nil {
		t.Fatal(err)
	}
	server.says("connected") // who goes before that was never there
	_ = stray.Close()
	startClient(t, file, "127.0.0.1", port).ends(exit.Done)
	server.ends(exit.Done, "still listening")
	same(t, file, out)
}

// TestLatecomerIsRefused holds that a second client is told so, while the first
// one is served to its end.
func TestLatecomerIsRefused(t *testing.T) {
	folder := t.TempDir()
	file, other := random(t, filepath.Join(folder, "file"), 400_000), random(t, filepath.Join(folder, "other"), 10)
	out := filepath.Join(folder, "out")
	server := startServer(t, out, "0")
	port := server.port()
	relay := startMedium(t, port, "--rate", "1M", "--queue", "20ms") // 3 s for the file
	first := startClient(t, file, "127.0.0.1", relay.port())
	server.says("connected")
	startClient(t, other, "127.0.0.1", port).ends(exit.Refused, "busy with another client")
	first.ends(exit.Done)
	server.ends(exit.Done)
	same(t, file, out)
}

// TestInterruptedTransfer ends the client in the middle. That a latecomer is
// refused says that the server has seen the offer.
func TestInterruptedTransfer(t *testing.T) {
	folder := t.TempDir()
	file, out := random(t, filepath.Join(folder, "file"), 8<<20), filepath.Join(folder, "out")
	server := startServer(t, out, "0")
	port := server.port()
	relay := startMedium(t, port, "--rate", "1M", "--queue", "20ms")
	client := startClient(t, file, "127.0.0.1", relay.port())
	server.says("connected")
	startClient(t, file, "127.0.0.1", port).ends(exit.Refused)
	client.stop()
	client.ends(exit.Interrupted, "client: interrupted")
	server.ends(exit.Unreachable, "the other side says: interrupted")
	onlyHolds(t, folder, "file")
}

// TestBadNetwork exchanges two files through a network that loses a fifth of
// all datagrams in each direction.
func TestBadNetwork(t *testing.T) {
	folder := t.TempDir()
	mine, yours := random(t, filepath.Join(folder, "a"), 300_000), random(t, filepath.Join(folder, "b"), 200_000)
	server := startServer(t, yours, mine+".copy", "0")
	relay := startMedium(t, server.port(), "--loss", "0.2", "--duplicate", "0.05", "--reorder", "0.05", "--corrupt", "0.02", "--delay", "5ms", "--seed", "1")
	client := startClient(t, mine, yours+".copy", "127.0.0.1", relay.port())
	client.ends(exit.Done)
	server.ends(exit.Done)
	same(t, mine, mine+".copy")
	same(t, yours, yours+".copy")
}

// TestProgressOnATerminal exercises the bar, and the French messages of both
// programs.
func TestProgressOnATerminal(t *testing.T) {
	folder := t.TempDir()
	mine, yours := random(t, filepath.Join(folder, "a"), 3<<20), random(t, filepath.Join(folder, "b"), 1<<20)
	server := start(t, "serveur", func(ctx context.Context, _ []string, said *consoletest.Console) int {
		p := newProgram("serveur", said, language("fr_FR.UTF-8"))
		p.mode = term.Bar
		return p.serve(ctx, &arguments{send: yours, receive: mine + ".copy"})
	})
	var port uint16
	if _, err := fmt.Sscan(server.port(), &port); err != nil {
		t.Fatal(err)
	}
	client := start(t, "client", func(ctx context.Context, _ []string, said *consoletest.Console) int {
		p := newProgram("client", said, language("fr_FR.UTF-8"))
		p.mode = term.Bar
		return p.connect(ctx, &arguments{send: mine, receive: yours + ".copy", host: "127.0.0.1", port: port})
	})
	client.ends(exit.Done, "client: connecté à 127.0.0.1", "client: envoyé", "client: reçu")
	server.ends(exit.Done, "serveur: à l'écoute sur", "serveur: envoyé", "serveur: reçu")
	same(t, mine, mine+".copy")
}

func TestHelpAndUsage(t *testing.T) {
	var out, said bytes.Buffer
	if code := RunServer(t.Context(), []string{"-h"}, nil, &out, &said, language("fr")); code != exit.Done ||
		out.String() != french.serverHelp || said.Len() != 0 {
		t.Errorf("serveur -h: %d, %q", code, said.String())
	}
	out.Reset()
	if code := RunClient(t.Context(), []string{"--help"}, nil, &out, &said, language("C")); code != exit.Done ||
		out.String() != english.clientHelp || said.Len() != 0 {
		t.Errorf("client --help: %d, %q", code, said.String())
	}
	out.Reset()
	if code := RunClient(t.Context(), []string{"x"}, nil, &out, &said, language("fr")); code != exit.Usage ||
		out.Len() != 0 || said.String() != "client: le nombre d'arguments, 1, ne convient pas : écrire client <fichier_a_envoyer> "+
		"<adr_IP_dist> <port_dist>, ou client <fichier_a_envoyer> <fichier_recu> <adr_IP_dist> <port_dist> [<port_local>] ; voir client --help\n" {
		t.Errorf("client x: %d, %q", code, said.String())
	}
}
