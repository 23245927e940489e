package chat

import (
	"strings"
	"testing"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/cli/exit"
)

// TestKilled: with a connection either side is told that the other one was
// killed; without, nobody is.
func TestKilled(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		t.Parallel()
		server, port := p.listen(t)
		process := command(t, append([]string{"127.0.0.1", port}, p.client...)...)
		in, err := process.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		write(t, in, "hello\n")
		server.prints(`^Client : hello$`)
		_ = process.Process.Kill()
		_ = process.Wait()
		if p.name != "udp" {
			server.notes(`^chat: Client left \(127`)
			return
		}
		server.types("are you there?", "/who")
		server.notes(`^  Client  udp`)
		if said := server.err.String(); strings.Contains(said, "left") || strings.Contains(said, "nobody") {
			t.Errorf("the server knows what it cannot:\n%s", said)
		}
	})
}

func TestServerKilled(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		t.Parallel()
		port := freePort(t)
		process := command(t, append([]string{"--listen", port}, p.server...)...)
		said := consoletest.New()
		process.Stdout, process.Stderr = said, said
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		server := &running{t: t, out: said, err: said, ended: make(chan struct{})}
		server.notes("listening")
		client := p.connect(t, port)
		client.types("hello")
		server.prints(`^Client : hello$`)
		_ = process.Process.Kill()
		_ = process.Wait()
		switch p.name {
		case "own":
			client.ends(exit.Unreachable)
			client.notes(`^chat: the connection is lost: `)
		case "tcp":
			client.ends(exit.Done) // the system ends the connection in good order
			client.notes(`^chat: the server has ended the conversation$`)
		case "udp":
			client.types("hello?")
			client.notes(`^chat: nobody listens there`)
			client.types("still typing")
		}
	})
}
