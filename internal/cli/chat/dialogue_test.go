package chat

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"example.com/uft/internal/cli/exit"
)

// TestDialogue is the conversation of the brief, in every mode: both sides talk,
// the client says exit, and only with a connection does the server learn that
// it has gone.
func TestDialogue(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t)
		client := p.connect(t, port)
		client.types("hello")
		server.notes(`^chat: Client joined from 127\.0\.0\.1:\d+$`)
		server.prints(`^Client : hello$`)
		server.types("good day", "/to client only to you", "/to 1 and by number", "//slash")
		client.prints(`^Server : good day\nServer : only to you\nServer : and by number\nServer : /slash$`)
		client.types("", "//who", "exit")
		server.prints(`^Client : \nClient : /who\nClient : exit$`)
		client.ends(exit.Done)
		if p.name == "udp" {
			server.types("/who", "are you there?")
			server.notes(`^  Client  udp   127\.0\.0\.1:\d+  -    .* ago$`)
		} else {
			server.notes(`^chat: Client left \(127\.0\.0\.1:\d+\)$`)
			server.types("are you there?")
			server.notes(`^chat: nobody is there`)
		}
		server.types("exit")
		server.ends(exit.Done)
		if p.name == "udp" && strings.Contains(server.err.String(), "left") {
			t.Errorf("without a connection the server knows who has left:\n%s", server.err)
		}
	})
}

func TestServerEnds(t *testing.T) {
	for _, p := range modes(t)[:2] {
		t.Run(p.name, func(t *testing.T) {
			server, port := p.listen(t)
			client := p.connect(t, port)
			client.types("hello")
			server.prints(`^Client : hello$`)
			server.types("the last word", "exit")
			client.ends(exit.Done)
			server.ends(exit.Done)
			client.prints(`^Server : the last word$`)
			client.notes(`^chat: the server has ended the conversation$`)
		})
	}
}

// TestEndOfInput: Ctrl-D at a client sends nothing by itself. A server without a
// terminal goes on.
func TestEndOfInput(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t)
		_ = server.keyboard.Close()
		client := p.connect(t, port, "--wait", "0")
		client.types("hello")
		server.prints(`^Client : hello$`)
		_ = client.keyboard.Close()
		client.ends(exit.Done)
		next := p.connect(t, port, "--wait", "0")
		next.types("is anybody there?")
		server.prints(`^Client(-2)? : is anybody there\?$`)
		if got := strings.Count(server.out.String(), "\n"); got != 2 {
			t.Errorf("two messages were sent, not %d:\n%s", got, server.out)
		}
		server.stop()
		server.ends(exit.Done)
	})
}

// TestEcho is the example of the brief: the server answers by itself and shows
// who has sent; and a client in a script sees the answer.
func TestEcho(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t, "--echo", "i am the server")
		client := p.connect(t, port)
		client.types("hello", "again")
		_ = client.keyboard.Close()
		client.ends(exit.Done)
		if got, want := client.out.String(), "Server : i am the server\nServer : i am the server\n"; got != want {
			t.Errorf("the client printed %q, not %q", got, want)
		}
		server.prints(`^Client \(127\.0\.0\.1:\d+\) : hello\nClient \(127\.0\.0\.1:\d+\) : again$`)
	})
}

// TestTenClients: what the server says goes to all, and it is clear who speaks.
func TestTenClients(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t)
		var clients []*running
		for i := range 10 {
			client := p.connect(t, port)
			client.types(fmt.Sprintf("I am %d", i))
			name := "Client"
			if i > 0 {
				name = fmt.Sprintf("Client-%d", i+1)
			}
			server.prints(fmt.Sprintf(`^%s : I am %d$`, name, i))
			clients = append(clients, client)
		}
		server.types("to all", "/to Client-7 to one", "/to Client-11 to nobody", "to all again", "/who")
		for i, client := range clients {
			client.prints(`^Server : to all again$`)
			if got := strings.Contains(client.out.String(), "to one"); got != (i == 6) {
				t.Errorf("client %d:\n%s", i, client.out)
			}
		}
		server.notes(`^chat: there is no Client-11; /who lists`)
		server.notes(`^  Client-10 .* ago$`)
	})
}

// TestNothingHostileIsShown: neither side obeys what the other one sends.
func TestNothingHostileIsShown(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t)
		client := p.connect(t, port)
		client.types("a\x1b[2J\x07b\xff\u202e")
		server.prints(`^Client : a\\x1b\[2J\\ab\\xff\\u202e$`)
		server.types("c\x1b]0;title\x07\r")
		client.prints(`^Server : c\\x1b\]0;title\\a$`)
	})
}

func TestLongMessage(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t)
		client := p.connect(t, port)
		client.types(long, strings.Repeat("x", maxMessage+3), "short")
		server.prints(`^Client : short$`)
		client.notes(`^chat: a line of more than 1.0 MiB is not sent$`)
		if p.name == "udp" {
			client.notes(`^chat: the message has 100000 bytes, more than a datagram takes`)
		} else if got, want := server.out.String(), "Client : "+long+"\nClient : short\n"; got != want {
			t.Errorf("the server printed %d bytes, not %d", len(got), len(want))
		}
		server.types(long, "short too")
		client.prints(`^Server : short too$`)
		if p.name == "udp" {
			server.notes(`^chat: not sent to Client: the message has 100000 bytes`)
		}
	})
}

// TestLargestDatagram: what fits a datagram is sent as one.
func TestLargestDatagram(t *testing.T) {
	p := modes(t)[2]
	server, port := p.listen(t)
	client := p.connect(t, port)
	fits := strings.Repeat("x", 65506)
	client.types(fits+"x", fits)
	client.notes(`the message has 65507 bytes`)
	server.prints(`^Client : x{506}`)
	if got, want := server.out.String(), "Client : "+fits+"\n"; got != want {
		t.Errorf("the server printed %d bytes, not %d", len(got), len(want))
	}
}

// TestUnknownCommands: a mistake is not sent, and is told in a line.
func TestUnknownCommands(t *testing.T) {
	p := modes(t)[1]
	server, port := p.listen(t)
	client := p.connect(t, port)
	client.types("/who", "/quit", "/help", "text")
	client.notes(`^chat: /who is a command of the server$`)
	client.notes(`^chat: there is no command /quit; /help lists them`)
	client.notes(`^  Ctrl-D   end$`)
	server.prints(`^Client : text$`)
	server.types("/to Client", "/nonsense", "/help")
	server.notes(`^chat: write /to NAME text`)
	server.notes(`^chat: there is no command /nonsense;`)
	server.notes(`^  exit, Ctrl-D    end the server$`)
}

// TestNobodyListens: with a connection that is the end; without, a hint.
func TestNobodyListens(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		port := freePort(t)
		client := p.connect(t, port)
		if p.name == "udp" {
			client.types("hello")
			client.notes(`^chat: nobody listens there`)
			client.types("still here")
			_ = client.keyboard.Close()
		}
		client.ends(exit.Unreachable)
	})
}

func TestPortInUse(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		_, port := p.listen(t)
		second := start(t, append([]string{"--listen", port}, p.server...)...)
		second.ends(exit.Other)
		second.notes(`^chat: cannot listen on port ` + port + `: .* choose another one`)
	})
}

func TestInterrupted(t *testing.T) {
	inEachMode(t, func(t *testing.T, p pair) {
		server, port := p.listen(t)
		client := p.connect(t, port)
		client.types("hello")
		server.prints(`^Client : hello$`)
		client.stop()
		client.ends(exit.Interrupted)
		server.stop()
		server.ends(exit.Done)
	})
}

// TestIdentity: a server is remembered at first contact, and one with another
// key at its place is refused.
func TestIdentity(t *testing.T) {
	folder := t.TempDir()
	list := filepath.Join(folder, "known_hosts")
	server := start(t, "--listen", "0", "--key", filepath.Join(folder, "one"))
	port := server.notes(`listening on \S+:(\d+), encrypted`)
	fingerprint := server.notes(`key (SHA256:\S+)$`)
	for _, text := range []string{"first contact with", ""} {
		client := start(t, "127.0.0.1", port, "--known-hosts", list)
		client.notes(`^chat: connected to 127\.0\.0\.1:` + port + `, encrypted, by udp$`)
		_ = client.keyboard.Close()
		client.ends(exit.Done)
		if got := strings.Contains(client.err.String(), "first contact"); got != (text != "") {
			t.Errorf("first contact:\n%s", client.err)
		}
	}
	server.stop()
	server.ends(exit.Done)
	other := start(t, "--listen", port, "--key", filepath.Join(folder, "two"))
	other.notes(`listening`)
	start(t, "127.0.0.1", port, "--known-hosts", list).ends(exit.Identity)
	start(t, "127.0.0.1", port, "--fingerprint", fingerprint).ends(exit.Identity)
	known := start(t, "127.0.0.1", port, "--fingerprint", other.notes(`key (SHA256:\S+)$`))
	known.notes(`^chat: connected`)
}

// freePort borrows a port from the system that is free by UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		conn, err := net.ListenUDP("udp", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
		l, err := net.Listen("tcp", ":"+port)
		_ = conn.Close()
		if err == nil {
			_ = l.Close()
			return port
		}
	}
}
