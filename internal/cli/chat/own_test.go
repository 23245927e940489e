package chat

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/transport"
)

// TestStranger: who connects to a server of chat and does not speak as chat does
// is told so, and never shown.
func TestStranger(t *testing.T) {
	p := modes(t)[0]
	server, port := p.listen(t)
	conn, err := transport.Dial(t.Context(), "127.0.0.1:"+port, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := conn.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, "GET / HTTP/1.1\r\n")
	_, err = io.ReadAll(s)
	var closed *transport.CloseError
	if !errors.As(err, &closed) || closed.Code != codeStranger || !strings.Contains(closed.Reason, greeting) {
		t.Errorf("a stranger is told %v", err)
	}
	if strings.Contains(server.err.String(), "joined") {
		t.Errorf("a stranger was let in:\n%s", server.err)
	}
}

// TestNoChatServer: a server of something else is found out, and nobody is left
// with a prompt that leads nowhere.
func TestNoChatServer(t *testing.T) {
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept(t.Context())
		if err != nil {
			return
		}
		s, err := conn.AcceptStream(t.Context())
		if err == nil {
			_, _ = s.Write([]byte("what?\n"))
		}
	}()
	_, port, _ := strings.Cut(listener.Addr().String(), ":")
	client := start(t, "127.0.0.1", port, "--known-hosts", filepath.Join(t.TempDir(), "known_hosts"))
	client.ends(exit.Unreachable)
	client.notes(`no chat server there: the other side is not chat 1$`)
}

// TestCarriers: where UDP gets no answer TCP carries the conversation, and the
// user is told; nobody is told who has asked for it.
func TestCarriers(t *testing.T) {
	p := modes(t)[0]
	server, port := p.listen(t, "--carrier", "tcp")
	client := p.connect(t, port)
	client.notes(`^chat: connected to \S+, encrypted, by tcp$`)
	client.types("hello")
	client.notes(`^chat: UDP gets no answer from there, so TCP carries everything$`)
	server.prints(`^Client : hello$`)
	server.types("/who")
	server.notes(`^  Client  encrypted \(tcp\)  127\.0\.0\.1:\d+ +\d.* ago$`)
	asked := p.connect(t, port, "--carrier", "tcp")
	asked.types("hello")
	server.prints(`^Client-2 : hello$`)
	if strings.Contains(asked.err.String(), "UDP") {
		t.Errorf("who has asked for TCP is told:\n%s", asked.err)
	}
	start(t, append([]string{"127.0.0.1", port, "--carrier", "udp"}, p.client...)...).ends(exit.Unreachable)
}

// TestConnectionEnd: only an end in good order is no loss.
func TestConnectionEnd(t *testing.T) {
	for _, test := range []struct {
		err    error
		reason string
		lost   bool
	}{
		{io.EOF, "", false},
		{&transport.CloseError{Remote: true, Application: true, Reason: "the server ends"}, "the server ends", false},
		{&transport.CloseError{Remote: true, Application: true, Code: codeBehind, Reason: "too slow"}, "too slow", true},
		{&transport.ResetError{}, "the peer does not know this connection any more (restarted?)", true},
	} {
		reason, lost := connectionEnd(test.err)
		if reason != test.reason || (lost != nil) != test.lost {
			t.Errorf("%v: %q, %v", test.err, reason, lost)
		}
	}
}

// TestDialError: the user learns what was not found, and the script its code.
func TestDialError(t *testing.T) {
	c := &Command{Host: "host", Port: 3000}
	for _, test := range []struct {
		err  error
		code int
		want string
	}{
		{&net.DNSError{IsNotFound: true}, exit.Unreachable, "there is no host host"},
		{&net.DNSError{Err: "no answer"}, exit.Unreachable, "cannot look up the host host: no answer"},
		{&transport.TimeoutError{Handshake: true, After: patience}, exit.Unreachable, "host port 3000: no answer within 10s"},
		{&transport.IdentityError{Err: errors.New("another key")}, exit.Identity, "another key"},
		{os.NewSyscallError("connect", syscall.ECONNREFUSED), exit.Unreachable, "host port 3000: connection refused"},
	} {
		err := dialError(t.Context(), c, test.err)
		if code(err) != test.code || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v: %d, %v", test.err, code(err), err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dialError(ended, c, io.EOF); code(err) != exit.Interrupted {
		t.Errorf("interrupted: %v", err)
	}
}
