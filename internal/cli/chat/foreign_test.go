package chat

import (
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/cli/exit"
)

// netcat starts nc. What it prints goes to out; what is written to the writer
// it sends.
func netcat(t *testing.T, args ...string) (in io.WriteCloser, out *running) {
	t.Helper()
	program, err := exec.LookPath("nc")
	if err != nil {
		t.Skip("there is no nc on this machine")
	}
	nc := exec.CommandContext(t.Context(), program, args...)
	out = &running{t: t, out: consoletest.New(), err: consoletest.New(), ended: make(chan struct{})}
	nc.Stdout, nc.Stderr = out.out, out.err
	if in, err = nc.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := nc.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = nc.Wait()
		close(out.ended)
	}()
	t.Cleanup(func() {
		_ = nc.Process.Kill()
		<-out.ended
	})
	return in, out
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestNetcatIsClient: nc and nc -u talk to a server of the bare modes.
func TestNetcatIsClient(t *testing.T) {
	for _, p := range modes(t)[1:] {
		t.Run(p.name, func(t *testing.T) {
			server, port := p.listen(t)
			args := []string{"127.0.0.1", port}
			if p.name == "udp" {
				args = append([]string{"-u"}, args...)
			}
			in, nc := netcat(t, args...)
			write(t, in, "hello\n")
			server.prints(`^Client : hello$`)
			write(t, in, "a\r\nb\n")
			server.prints(`^Client : a\nClient : b$`)
			write(t, in, "\n")
			server.prints(`^Client : $`)
			server.types("good day", "")
			nc.prints(`^good day\n$`)
			if p.name == "udp" {
				return
			}
			server.types("exit")
			server.ends(exit.Done)
		})
	}
}

// TestNetcatIsServer: the client of the bare modes talks to nc -l.
func TestNetcatIsServer(t *testing.T) {
	for _, p := range modes(t)[1:] {
		t.Run(p.name, func(t *testing.T) {
			port := freePort(t)
			args := []string{"-l", "-v", "127.0.0.1", port}
			if p.name == "udp" {
				args = append([]string{"-u"}, args...)
			}
			in, nc := netcat(t, args...)
			nc.notes(`(?i)(listening|bound) on`)
			client := p.connect(t, port)
			client.types("hello", "")
			nc.prints(`^hello\n$`)
			write(t, in, "good day\n")
			client.prints(`^Server : good day$`)
			client.types("exit")
			nc.prints(`^exit$`)
			_ = client.keyboard.Close()
			client.ends(exit.Done)
		})
	}
}

// TestEmptyDatagram: it is a message like any other.
func TestEmptyDatagram(t *testing.T) {
	p := modes(t)[2]
	server, port := p.listen(t, "--echo", "")
	conn, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(nil); err != nil {
		t.Fatal(err)
	}
	server.prints(`^Client \(.*\) : $`)
	answer := make([]byte, 10)
	if n, err := conn.Read(answer); err != nil || string(answer[:n]) != "\n" {
		t.Errorf("answered %q, %v", answer[:n], err)
	}
}

// TestStuckClient: a client that takes nothing holds up neither the server nor
// the others, and is left behind in the end.
func TestStuckClient(t *testing.T) {
	p := modes(t)[1]
	server, port := p.listen(t)
	stuck, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	server.notes(`Client joined`)
	client := p.connect(t, port)
	server.notes(`Client-2 joined`)
	// What the system takes for a client is a few MiB at most; then the bytes
	// wait at the server.
	line := strings.Repeat("x", maxMessage)
	for strings.Count(server.err.String(), "Client left") == 0 {
		server.types("/to 1 " + line[:maxMessage-10])
	}
	server.notes(`^chat: Client left \(\S+\): it takes nothing any more`)
	server.types("hello")
	client.prints(`^Server : hello$`)
}

// TestReset: a connection that is broken off is told at once, at both sides.
func TestReset(t *testing.T) {
	p := modes(t)[1]
	server, port := p.listen(t)
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	server.notes(`Client joined`)
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
	server.notes(`^chat: Client left \(\S+\): connection reset by peer$`)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	client := p.connect(t, port)
	if conn, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	client.notes(`^chat: connected`)
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
	client.ends(exit.Unreachable)
	client.notes(`^chat: the connection is lost: connection reset by peer$`)
}

// TestHalfClosed: what a client still says after the server's last word is shown
// and what a server still says after the client's too.
func TestHalfClosed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	client := start(t, "127.0.0.1", port, "--tcp", "--wait", "1h")
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client.types("question")
	_ = client.keyboard.Close()
	question, err := io.ReadAll(conn)
	if err != nil || string(question) != "question\n" {
		t.Errorf("the server got %q, %v", question, err)
	}
	write(t, conn, "answer without an end")
	_ = conn.Close()
	client.ends(exit.Done)
	client.prints(`^Server : answer without an end$`)
}
