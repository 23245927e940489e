package web

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/leaktest"
	"example.com/uft/transfer"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience bounds what would hang where a test fails.
const patience = 2 * time.Minute

// idle is the status of a server that has done nothing.
func idle() (transfer.Status, <-chan struct{}) { return transfer.Status{}, nil }

// house is a server of a folder on the loopback interface.
type house struct {
	t      *testing.T
	dir    string
	server *Server
	url    string // without a slash at the end
	addr   string
	stop   func() // ends the server, and waits for that
	one    *http.Client
	two    *http.Client // speaks HTTP/2
}

// open starts a server, changed by edit. Files there count as settled, however
// new they are.
func open(t *testing.T, config Config, edit ...func(*Server)) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), one: client(t, false), two: client(t, true)}
	config.Dir = h.dir
	if config.Status == nil {
		config.Status = idle
	}
	server, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	server.now = func() time.Time { return time.Now().Add(time.Hour) }
	for _, e := range edit {
		e(server)
	}
	h.server = server
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = listener.Addr().String()
	h.url = "http://" + h.addr
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		served <- server.Serve(ctx, listener)
	}()
	h.stop = func() { cancel(); <-ended }
	t.Cleanup(func() {
		h.stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return h
}

// client returns an HTTP client that speaks one version alone, and shows what the
// server sends as it is.
func client(t *testing.T, two bool) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!two)
	protocols.SetUnencryptedHTTP2(two)
	transport := &http.Transport{Protocols: protocols, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// write makes a file.
func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

// get asks for a path by a method. Fields of the header follow, each as
// "Name: value".
func (h *house) get(client *http.Client, method, path string, fields ...string) answer {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Errorf("%s %s: %v", method, path, err)
	}
	return answer{response, string(body)}
}

// raw sends bytes as they are, and returns the answer to them.
func (h *house) raw(request string) answer {
	h.t.Helper()
	conn := h.dial()
	if _, err := io.WriteString(conn, request); err != nil {
		h.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		h.t.Fatalf("%q: %v", request, err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body) // what there is of it
	return answer{response, string(body)}
}

func (h *house) dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	return conn
}
