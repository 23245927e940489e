package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory is a file that keeps what is written.
type memory struct {
	bytes.Buffer
	closed bool
}

func (m *memory) Close() error {
	m.closed = true
	return nil
}

// read returns the header and the records of a trace.
func read(t *testing.T, text string) (Header, []Record) {
	t.Helper()
	var all []Record
	h, err := Read(strings.NewReader(text), func(r Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return h, all
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	var file memory
	began := time.UnixMicro(1_700_000_000_123_456)
	w := NewWriter(&file, Header{Title: "uft <h> -t \"ä\"", Point: "client", Began: began})
	e := w.Begin(1500*time.Microsecond, "00ff", "recovery:metrics_updated")
	e.Number("min_rtt", 0.25)
	e.Number("count", 1<<53)
	e.Number("endless", math.Inf(1))
	e.Text("why", "a\"\n\x1e\x00ü\\")
	e.End()
	e = w.Begin(-time.Second, "", "x")
	e.End()
	dropped, err := w.Close()
	if dropped != 0 || err != nil || !file.closed {
		t.Errorf("dropped %d, error %v, closed %v", dropped, err, file.closed)
	}
	h, got := read(t, file.String())
	if want := (Header{Title: "uft <h> -t \"ä\"", Point: "client", Began: began}); !h.Began.Equal(want.Began) || h.Title != want.Title || h.Point != want.Point {
		t.Errorf("header %+v, want %+v", h, want)
	}
	want := []Record{
		{
			At: 1500 * time.Microsecond, Name: "recovery:metrics_updated", Group: "00ff",
			Data: map[string]any{"min_rtt": 0.25, "count": float64(1 << 53), "endless": nil, "why": "a\"\n\x1e\x00ü\\"},
		},
		{At: -time.Second, Name: "x", Data: map[string]any{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read something else:\n%s", diff)
	}
	for _, line := range strings.SplitAfter(file.String(), "\n") {
		if line != "" && (line[0] != recordSeparator || !strings.HasSuffix(line, "}\n")) {
			t.Errorf("no record of RFC 7464: %q", line)
		}
	}
}

// stuck is a file that takes nothing until it is let.
type stuck struct {
	memory
	begun, let chan struct{}
	once       sync.Once
}

func (s *stuck) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	<-s.let
	return s.memory.Write(p)
}

// TestASlowFileHoldsNobodyUp: what it does not take in time is dropped, counted,
// and said.
func TestASlowFileHoldsNobodyUp(t *testing.T) {
	file := &stuck{begun: make(chan struct{}), let: make(chan struct{})}
	w := NewWriter(file, Header{Began: time.Now()})
	write := func() {
		e := w.Begin(0, "", "x:y")
		e.Text("z", strings.Repeat("z", 1000))
		e.End()
	}
	const first, events = flushSize/1000 + 1, 2 * maxPending / 1000
	for range first {
		write()
	}
	<-file.begun
	for range events {
		write()
	}
	close(file.let)
	dropped, err := w.Close()
	if err != nil || dropped < events/3 || dropped > events*2/3 {
		t.Errorf("%d of %d events dropped, error %v", dropped, events, err)
	}
	_, records := read(t, file.String())
	last := records[len(records)-1]
	if count, _ := last.Number("count"); last.Name != "trace:dropped" || count != float64(dropped) {
		t.Errorf("the last record is %+v, want %d dropped ones", last, dropped)
	}
	if len(records) != first+events-int(dropped)+1 {
		t.Errorf("%d records, %d dropped", len(records), dropped)
	}
}

// TestSimulatedTimeWaits: with no time but a simulated one nothing is dropped.
func TestSimulatedTimeWaits(t *testing.T) {
	var file memory
	w := NewWriter(&file, Header{})
	const events = 2 * maxPending / 1000
	for i := range events {
		e := w.Begin(time.Duration(i)*time.Second, "", "x:y")
		e.Text("z", strings.Repeat("z", 1000))
		e.End()
	}
	if dropped, err := w.Close(); dropped > 0 || err != nil {
		t.Errorf("%d dropped, %v", dropped, err)
	}
	if _, records := read(t, file.String()); len(records) != events || records[events-1].At != (events-1)*time.Second {
		t.Errorf("%d records of %d", len(records), events)
	}
}

// full is a file on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
func (full) Close() error              { return nil }

func TestAFullDiskIsReported(t *testing.T) {
	w := NewWriter(full{}, Header{Began: time.Now()})
	if _, err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v", err)
	}
	if _, err := Create(filepath.Join(t.TempDir(), "no", "file"), Header{}); err == nil {
		t.Error("a trace in a folder that does not exist")
	}
	e := w.Begin(0, "", "x:y") // after the end it does nothing
	e.Number("z", 1)
	e.End()
	if dropped, err := w.Close(); dropped != 0 || err != nil {
		t.Errorf("closed twice: %d, %v", dropped, err)
	}
}

// plain is a trace without record separators.
const plain = `{"qlog_version":"0.3","qlog_format":"NDJSON","title":"a"}
{"time":1,"name":"a:b","data":{"n":1}}

{"time":2.5,"name":"a:c"}
`

// TestEveryTruncationIsAShorterTrace, or none at all.
func TestEveryTruncationIsAShorterTrace(t *testing.T) {
	headerEnds := strings.Index(plain, "\n")
	for n := range len(plain) {
		count := 0
		_, err := Read(strings.NewReader(plain[:n]), func(Record) error { count++; return nil })
		if n < headerEnds && !errors.Is(err, ErrNoTrace) {
			t.Fatalf("%q: %v", plain[:n], err)
		}
		if n >= headerEnds && err != nil {
			t.Fatalf("%q: %v", plain[:n], err)
		}
		if count > 2 {
			t.Fatalf("%d records in %q", count, plain[:n])
		}
	}
	if _, all := read(t, plain); len(all) != 2 || all[1].At != 2500*time.Microsecond {
		t.Errorf("read %+v", all)
	}
}

func TestWhatIsNoTrace(t *testing.T) {
	header, _, _ := strings.Cut(plain, "\n")
	for text, want := range map[string]string{
		"":                               ErrNoTrace.Error(),
		"\n":                             ErrNoTrace.Error(),
		"hello":                          ErrNoTrace.Error(),
		"{}":                             ErrNoTrace.Error(),
		strings.Repeat("x", 2*maxRecord): ErrNoTrace.Error(),
		`{"qlog_version":"0.3","qlog_format":"JSON"}`:    `this is a qlog of format "JSON"; only JSON-SEQ can be read`,
		header + "\n{}\n{}\n":                            "line 2 is no record of a trace: an event has a time and a name",
		header + "\n[1]\n \n{}\n":                        "line 2 is no record of a trace: json: ",
		header + "\n{\"time\":1e300,\"name\":\"a\"}\n\n": "line 2 is no record of a trace: the time 1e+300 ms is out of bounds",
		header + "\n" + strings.Repeat("x", 2*maxRecord): "the trace cannot be read to its end: bufio.Scanner: token too long",
	} {
		_, err := Read(strings.NewReader(text), func(Record) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	stop := fmt.Errorf("enough")
	if _, err := Read(strings.NewReader(plain), func(Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("visit's error is lost: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("\x1e" + plain))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = Read(bytes.NewReader(text), func(r Record) error {
			if r.Name == "" {
				t.Error("a record without a name")
			}
			return nil
		})
	})
}
