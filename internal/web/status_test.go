package web

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// TestStatusFormats: JSON for programs, the page for browsers.
func TestStatusFormats(t *testing.T) {
	h := open(t, Config{})
	const browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, test := range []struct{ path, accept, kind string }{
		{"/status", "Accept: */*", "application/json"},
		{"/status", "Accept: application/json", "application/json"},
		{"/status", browser, "text/html; charset=utf-8"},
		{"/status?format=json", browser, "application/json"},
		{"/status?format=html", "Accept: */*", "text/html; charset=utf-8"},
	} {
		got := h.get(h.one, "GET", test.path, test.accept)
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != test.kind || got.Header.Get("Vary") != "Accept" {
			t.Errorf("%s, %s: %s, %q", test.path, test.accept, got.Status, got.Header.Get("Content-Type"))
		}
	}
	if got := h.get(h.one, "GET", "/status?format=xml"); got.StatusCode != 400 {
		t.Errorf("another format: %s", got.Status)
	}
	want := `^\{"time":".*","since":".*","running":0,"transfers":\[\],"sent":\{"files":0,"bytes":0,"failed":0\},"received":\{.*\}\}\n$`
	if got := h.get(h.one, "GET", "/status"); !regexp.MustCompile(want).MatchString(got.body) {
		t.Errorf("an idle server: %s", got.body)
	}
}

// TestStatusPage: the page is one document, whose policy admits its own script and
// style and nothing else.
func TestStatusPage(t *testing.T) {
	h := open(t, Config{})
	page := h.get(h.one, "GET", "/status?format=html")
	policy := page.Header.Get("Content-Security-Policy")
	for tag, directive := range map[string]string{"script": "script-src", "style": "style-src"} {
		found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page.body, -1)
		if len(found) != 1 || !strings.Contains(policy, directive+" '"+sourceHash(found[0][1])+"'") {
			t.Errorf("%d elements %s; policy %s", len(found), tag, policy)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("policy %s", policy)
	}
	if regexp.MustCompile(`(src|href)="?(https?:)?//|@import|url\(|\{\{`).MatchString(page.body) {
		t.Error("the page loads something, or is not filled in")
	}
}

// events reads a stream of server-sent events.
type events struct {
	t       *testing.T
	scanner *bufio.Scanner
}

func (h *house) events(client *http.Client) *events {
	h.t.Helper()
	response, err := client.Get(h.url + "/status/events")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { response.Body.Close() })
	if kind := response.Header.Get("Content-Type"); response.StatusCode != 200 || kind != "text/event-stream" {
		h.t.Fatalf("%s, %s", response.Status, kind)
	}
	return &events{h.t, bufio.NewScanner(response.Body)}
}

// until reads on to an event that fits.
func (e *events) until(fits func(Status) bool) Status {
	e.t.Helper()
	for e.scanner.Scan() {
		data, ok := strings.CutPrefix(e.scanner.Text(), "data: ")
		if !ok {
			continue
		}
		var s Status
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			e.t.Fatalf("%q: %v", data, err)
		}
		if fits(s) {
			return s
		}
	}
	e.t.Fatalf("the stream ended: %v", e.scanner.Err())
	return Status{}
}

// TestEvents follows a real transfer in each direction, from its begin to its end,
// and the server to its own.
func TestEvents(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := t.TempDir()
	server, err := transfer.NewServer(transfer.ServerConfig{Dir: dir, Accept: true, Serve: true})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		<-served
		server.Close()
	})
	// Where UDP has no answer for a second a client tries TCP beside it.
	conn, err := transport.Dial(ctx, listener.Addr().String(), &transport.Config{Carrier: transport.UDP})
	if err != nil {
		t.Fatal(err)
	}
	files, err := transfer.NewClient(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	h := open(t, Config{Status: server.Status})
	one, two := h.events(h.one), h.events(h.two)
	one.until(func(s Status) bool { return s.Running == 0 })

	// The file comes from a reader that waits.
	source, feed := io.Pipe()
	sent := make(chan []transfer.Result, 1)
	const name = "a\x1b<b>" // no name that a file may have; refused at once
	go func() {
		sent <- files.Send(ctx, []transfer.Source{{Reader: source, Name: "slow"}, {Reader: strings.NewReader(""), Name: name}}, transfer.Options{})
	}()
	if _, err := feed.Write(make([]byte, 200_000)); err != nil {
		t.Fatal(err)
	}
	got := one.until(func(s Status) bool { return s.Running == 1 && s.Received.Failed == 1 && s.Transfers[0].Bytes > 0 }).Transfers[0]
	if got.Name != "slow" || got.Direction != "receiving" || got.Carrier != "udp" || got.Total != nil || got.Loss != nil ||
		got.RTT == nil || got.Rate <= 0 || got.Seconds <= 0 || !strings.HasPrefix(got.Peer, "127.0.0.1:") {
		t.Errorf("receiving: %+v", got)
	}
	feed.Close()
	done := two.until(func(s Status) bool { return s.Received.Files == 1 })
	if done.Running != 0 || done.Received != (Total{Files: 1, Bytes: 200_000, Failed: 1}) || done.Sent != (Total{}) {
		t.Errorf("after receiving: %+v", done)
	}
	<-sent

	// The file goes to a writer that waits, and is larger than what waits on the way.
	const size = 100_000_000
	if err := os.Truncate(filepath.Join(dir, "slow"), size); err != nil {
		t.Fatal(err)
	}
	drain, target := io.Pipe()
	fetched := make(chan transfer.Result, 1)
	go func() {
		fetched <- files.Fetch(ctx, "slow", transfer.Destination{Writer: target}, 0, transfer.Options{})
		target.Close()
	}()
	got = two.until(func(s Status) bool { return s.Running == 1 && s.Transfers[0].Bytes > 0 }).Transfers[0]
	if got.Name != "slow" || got.Direction != "sending" || got.Total == nil || *got.Total != size || got.Loss == nil || got.ID != 3 {
		t.Errorf("sending: %+v", got)
	}
	if _, err := io.Copy(io.Discard, drain); err != nil {
		t.Fatal(err)
	}
	if r := <-fetched; r.Err != nil {
		t.Fatal(r.Err)
	}
	one.until(func(s Status) bool { return s.Running == 0 && s.Sent == Total{Files: 1, Bytes: size} })

	h.stop()
	for _, stream := range []*events{one, two} {
		for stream.scanner.Scan() { // what was on its way
		}
	}
}

// TestRate: over the window, and before there is one since the begin.
func TestRate(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	past := history{}
	r := transfer.Running{ID: 7, Begun: begin}
	for second, bytes := range []int64{0, 1000, 2000, 3000, 4000, 5000, 5000, 5000, 5000, 5000, 5000, 6000} {
		now := begin.Add(time.Duration(second) * time.Second)
		r.Bytes = bytes
		past.add(now, []transfer.Running{r})
		past.add(now.Add(time.Millisecond), []transfer.Running{r}) // too soon to be kept
		want := map[int]float64{1: 8000, 5: 8000, 6: 6400, 10: 0, 11: 1600}
		if want, ok := want[second]; ok && past.rate(now, &r) != want {
			t.Errorf("after %d s: %v bit/s, want %v", second, past.rate(now, &r), want)
		}
		if len(past[7]) > 7 {
			t.Errorf("after %d s: %d samples", second, len(past[7]))
		}
	}
	past.add(begin.Add(time.Hour), nil)
	if len(past) != 0 {
		t.Errorf("what is over is kept: %v", past)
	}
}

// TestMonitorPauses: a flood of requests and of changes takes the account of the
// transfers no more often than the pause allows.
func TestMonitorPauses(t *testing.T) {
	now, asked := time.Unix(0, 0), 0
	m := newMonitor(func() (transfer.Status, <-chan struct{}) {
		asked++
		return transfer.Status{}, nil
	})
	m.now = func() time.Time { return now }
	for range 100 {
		m.follow()
	}
	if asked != 1 {
		t.Errorf("asked %d times at once", asked)
	}
	now = now.Add(pause)
	m.follow()
	if asked != 2 {
		t.Errorf("asked %d times after the pause", asked)
	}
}

// TestManyTransfers: the list is bounded, the number is told.
func TestManyTransfers(t *testing.T) {
	status := transfer.Status{Running: make([]transfer.Running, maxShown+5)}
	for i := range status.Running {
		status.Running[i].Client = &net.TCPAddr{}
	}
	got := newStatus(time.Now(), &status, history{})
	if got.Running != maxShown+5 || len(got.Transfers) != maxShown {
		t.Errorf("%d running, %d listed", got.Running, len(got.Transfers))
	}
}
