package web

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// TestNames: what a path reaches, and what none does.
func TestNames(t *testing.T) {
	h := open(t, Config{})
	outside := filepath.Join(filepath.Dir(h.dir), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(outside) })
	for _, name := range []string{"file", ".hidden", ".uft-0123456789abcdef.part", "%2f", `<script>"&.txt`, "a b+c?d#e", "status", "file:x"} {
		h.write(name, "this is "+name)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(h.dir, name)); err != nil {
			t.Skip(err)
		}
	}
	link("file", "in")
	link(outside, "out")
	link("../secret", "up")
	link(h.dir+"/file", "absolute")
	link("nothing", "dangling")
	if err := os.Mkdir(filepath.Join(h.dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "folder", "inner"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/file": "file", "/in": "file", "/%66ile": "file", "/%252f": "%2f", "/file/%252f": "%2f",
		"/%3Cscript%3E%22&.txt": `<script>"&.txt`, "/a%20b+c%3Fd%23e": "a b+c?d#e",
		"/file/status": "status", "/file/file": "file", "/file:x": "file:x",
	} {
		if got := h.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); got.StatusCode != 200 || got.body != "this is "+want {
			t.Errorf("%s: %s, %q", path, got.Status, got.body)
		}
	}
	for _, path := range []string{
		"/nothing", "/.hidden", "/.uft-0123456789abcdef.part", "/%2f", "/out", "/up", "/absolute", "/dangling",
		"/folder", "/folder/", "/folder/inner", "/folder%2finner", "/folder%5Cinner",
		"/..", "/../secret", "/../../etc/passwd", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/..%5csecret", "/.", "/./file",
		"//file", "//etc/passwd", "/%2fetc%2fpasswd", "/etc/passwd", "/file%00", "/%00", "/file/", "/file/../file", "/status/", "/file/file/file",
		"/%ff", "/new%0aline", "/C:file", "/" + strings.Repeat("x", 5000),
	} {
		got := h.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if got.StatusCode != 404 || got.body != "there is no such file\n" {
			t.Errorf("%s: %s, %q", path, got.Status, got.body)
		}
	}
}

// TestHidden: with the option, names with a dot are served, our own part files
// are not.
func TestHidden(t *testing.T) {
	h := open(t, Config{Hidden: true})
	h.write(".hidden", "x")
	h.write(".uft-0123456789abcdef.part", "x")
	if got := h.get(h.one, "GET", "/.hidden"); got.StatusCode != 200 {
		t.Errorf("a hidden file: %s", got.Status)
	}
	if got := h.get(h.one, "GET", "/.uft-0123456789abcdef.part"); got.StatusCode != 404 {
		t.Errorf("a part file: %s", got.Status)
	}
	if got := h.get(h.one, "GET", "/"); !strings.Contains(got.body, `"./.hidden"`) || strings.Contains(got.body, ".uft-") {
		t.Errorf("the list\n%s", got.body)
	}
}

// TestMethods: reading is all there is, whatever the path.
func TestMethods(t *testing.T) {
	h := open(t, Config{})
	h.write("file", "text")
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "CONNECT"} {
		for _, path := range []string{"/", "/file", "/status", "/status/events", "/nothing"} {
			got := h.raw(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			if got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, allowed %q", method, path, got.Status, got.Header.Get("Allow"))
			}
		}
	}
	if text, err := os.ReadFile(filepath.Join(h.dir, "file")); err != nil || string(text) != "text" {
		t.Errorf("the file: %q, %v", text, err)
	}
}

// TestHost: a page whose name resolves to a loopback address learns nothing.
func TestHost(t *testing.T) {
	h := open(t, Config{}, func(s *Server) { s.hostname = "Machine" })
	for host, want := range map[string]int{
		"localhost": 200, "localhost:80": 200, "LOCALHOST.": 200, "uft.localhost:80": 200, "127.0.0.1": 200,
		"[::1]:80": 200, "machine": 200, "machine:80": 200,
		"evil.example": 421, "evil.example:80": 421, "localhost.evil.example": 421, "notlocalhost": 421, "machine.evil.example": 421,
	} {
		if got := h.get(h.one, "GET", "/status", "Host: "+host); got.StatusCode != want {
			t.Errorf("%s: %s, want %d", host, got.Status, want)
		}
	}
}

// TestBounds: what exceeds the bounds is turned away or waits, and nothing more.
func TestBounds(t *testing.T) {
	h := open(t, Config{})
	h.write("file", "text")
	if got := h.raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", maxHeader+8192) + "\r\n\r\n"); got.StatusCode != 431 {
		t.Errorf("a long header: %s", got.Status)
	}
	for range maxRequests {
		h.server.requests <- struct{}{}
	}
	if got := h.get(h.one, "GET", "/file"); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("one request too many: %s", got.Status)
	}
	for range maxRequests {
		<-h.server.requests
	}
	for range maxReaders {
		h.server.readers <- struct{}{}
	}
	if got := h.get(h.one, "GET", "/status/events"); got.StatusCode != 503 {
		t.Errorf("one reader too many: %s", got.Status)
	}
	if got := h.get(h.one, "GET", "/file"); got.StatusCode != 200 {
		t.Errorf("a file meanwhile: %s", got.Status)
	}
}

// TestBoundedListener: a client has its share of the places, and a place is free
// again when its connection ends.
func TestBoundedListener(t *testing.T) {
	l := newBounded(listen(t), 3, 2)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ask := func(from string) (net.Conn, error) {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Skipf("no connection from %s: %v", from, err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience)) // it is open
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			response.Body.Close()
		}
		return conn, err
	}
	first, err := ask("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask("127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := ask("127.0.0.1"); err == nil {
		t.Error("one client has all places")
	}
	if _, err := ask("127.0.0.2"); err != nil {
		t.Errorf("another client: %v", err)
	}
	if _, err := ask("127.0.0.3"); err == nil {
		t.Error("more connections than there are places")
	}
	first.Close()
	for _, err = ask("127.0.0.1"); err != nil; _, err = ask("127.0.0.1") {
		runtime.Gosched() // the server has to find out
	}
	server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Errorf("Serve: %v", err)
	}
}

// TestBody: a request with a body that does not come does not hold its place.
func TestBody(t *testing.T) {
	h := open(t, Config{})
	got := h.raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
	if got.StatusCode != 405 {
		t.Errorf("%s", got.Status)
	}
}
