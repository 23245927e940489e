package web

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/store"
)

// TestRanges over both versions of HTTP.
func TestRanges(t *testing.T) {
	h := open(t, Config{})
	h.write("digits", "0123456789")
	tag := h.get(h.one, "GET", "/digits").Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) {
		t.Fatalf("the tag of a settled file is %s, want a strong one", tag)
	}
	for _, test := range []struct {
		fields string // separated by |
		status int
		where  string
		body   string
	}{
		{"", 200, "", "0123456789"},
		{"Range: bytes=2-4", 206, "bytes 2-4/10", "234"},
		{"Range: bytes=7-", 206, "bytes 7-9/10", "789"},
		{"Range: bytes=-2", 206, "bytes 8-9/10", "89"},
		{"Range: bytes=8-99", 206, "bytes 8-9/10", "89"},
		{"Range: bytes=10-", 416, "bytes */10", "invalid range: failed to overlap\n"},
		{"Range: bytes=4-2", 416, "", "invalid range\n"},
		{"Range: pages=1-2", 416, "", "invalid range\n"},
		{"Range: bytes=2-4|If-Range: " + tag, 206, "bytes 2-4/10", "234"},
		{`Range: bytes=2-4|If-Range: "other"`, 200, "", "0123456789"},
		{"Range: bytes=2-4|If-Range: " + time.Now().UTC().Add(time.Hour).Format(http.TimeFormat), 200, "", "0123456789"},
		{"If-None-Match: " + tag, 304, "", ""},
		{"If-None-Match: W/" + tag, 304, "", ""},
		{`If-None-Match: "other"`, 200, "", "0123456789"},
		{`If-Match: "other"`, 412, "", ""},
		{"If-Modified-Since: " + time.Now().UTC().Add(time.Hour).Format(http.TimeFormat), 304, "", ""},
	} {
		for _, client := range []*http.Client{h.one, h.two} {
			var fields []string
			if test.fields != "" {
				fields = strings.Split(test.fields, "|")
			}
			got := h.get(client, "GET", "/digits", fields...)
			if got.StatusCode != test.status || got.Header.Get("Content-Range") != test.where || got.body != test.body {
				t.Errorf("%s, %q: %s, range %q, %q", got.Proto, test.fields, got.Status, got.Header.Get("Content-Range"), got.body)
			}
		}
	}
	several := h.get(h.two, "GET", "/digits", "Range: bytes=0-1,5-5")
	if several.ProtoMajor != 2 || several.StatusCode != 206 ||
		!strings.HasPrefix(several.Header.Get("Content-Type"), "multipart/byteranges") ||
		!strings.Contains(several.body, "bytes 0-1/10\r\n") || !strings.Contains(several.body, "\r\n\r\n5\r\n") {
		t.Errorf("several ranges: %s %s\n%s", several.Proto, several.Status, several.body)
	}
}

// TestHead: what GET says, without the file.
func TestHead(t *testing.T) {
	h := open(t, Config{})
	h.write("digits", "0123456789")
	for _, path := range []string{"/digits", "/", "/status", "/status/events"} {
		for _, client := range []*http.Client{h.one, h.two} {
			if got := h.get(client, "HEAD", path); got.StatusCode != 200 || got.body != "" || got.Header.Get("Content-Type") == "" {
				t.Errorf("HEAD %s: %s, %q", path, got.Status, got.body)
			}
		}
	}
	if got := h.get(h.one, "HEAD", "/digits"); got.ContentLength != 10 || got.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("length %d, %v", got.ContentLength, got.Header)
	}
}

// TestEntityTag: it changes with the file, and promises the same bytes only when
// the next change will show.
func TestEntityTag(t *testing.T) {
	dir := t.TempDir()
	folder, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	path := filepath.Join(dir, "file")
	tag := func(text string, modified time.Time, age time.Duration) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
		source, err := folder.OpenListed("file")
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		return entityTag(source, time.Now().Add(age))
	}
	long := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := tag("abc", long, settled); !strings.HasPrefix(got, `"3-`) {
		t.Errorf("settled: %s", got)
	}
	if got := tag("abc", time.Now(), 0); !strings.HasPrefix(got, `W/"3-`) {
		t.Errorf("just written: %s", got)
	}
	if before, after := tag("abc", long, settled), tag("abcd", long, settled); before == after {
		t.Errorf("another size: both %s", before)
	}
	if before, after := tag("abc", long, settled), tag("abd", long.Add(1), settled); before == after {
		t.Errorf("another time: both %s", before)
	}
}

// TestFilePolicy: a file cannot act in the name of the server.
func TestFilePolicy(t *testing.T) {
	h := open(t, Config{})
	h.write("page.html", "<script>fetch('/status')</script>")
	h.write("data", "<html>no name says that this is a page")
	for path, kind := range map[string]string{"/page.html": "text/html; charset=utf-8", "/data": "text/html; charset=utf-8"} {
		got := h.get(h.one, "GET", path, "Origin: http://elsewhere.example")
		if got.Header.Get("Content-Type") != kind {
			t.Errorf("%s is %q", path, got.Header.Get("Content-Type"))
		}
		if !strings.HasPrefix(got.Header.Get("Content-Security-Policy"), "sandbox; default-src 'none'") ||
			got.Header.Get("X-Content-Type-Options") != "nosniff" ||
			got.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, got.Header)
		}
	}
}

// TestFileThatChanges: an answer holds no bytes of two versions, and its reader
// can see that it is not whole.
func TestFileThatChanges(t *testing.T) {
	for _, two := range []bool{false, true} {
		h := open(t, Config{})
		h.write("file", strings.Repeat("a", 50_000_000)) // more than any buffer on the way
		response, err := client(t, two).Get(h.url + "/file")
		if err != nil {
			t.Fatal(err)
		}
		h.write("file", strings.Repeat("b", 50_000_000))
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err == nil || strings.Contains(string(body), "b") {
			t.Errorf("%s: %v after %d bytes", response.Proto, err, len(body))
		}
	}
}

// TestSlowReader: who takes nothing is cut off.
func TestSlowReader(t *testing.T) {
	h := open(t, Config{}, func(s *Server) { s.stall = 50 * time.Millisecond })
	h.write("file", strings.Repeat("a", 50_000_000))
	ended := make(chan any, 1)
	stalled := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- recover() }()
		h.server.ServeHTTP(w, r)
	})}
	front := listen(t)
	go func() { _ = stalled.Serve(front) }() // until the test closes it
	defer stalled.Close()
	h.addr = front.Addr().String()
	conn := h.dial()
	fmt.Fprint(conn, "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the answer goes on")
	}
	if n, _ := io.Copy(io.Discard, conn); n >= 50_000_000 {
		t.Errorf("all %d bytes came", n)
	}
}
