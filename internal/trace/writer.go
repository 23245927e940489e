package trace

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	// maxPending bounds the bytes that wait to be written to the file.
	maxPending = 8 << 20
	// flushInterval is how old what waits may become: so much is lost where the
	// program is killed.
	flushInterval = 200 * time.Millisecond
	// flushSize is from how many waiting bytes on they are written at once.
	flushSize = 256 << 10
)

// recordSeparator begins every record (RFC 7464 §2.2).
const recordSeparator = 0x1e

// A Header says what a trace is of.
type Header struct {
	Title string // such as the command that was run
	Point string // the vantage point: "client", "server", or "network"
	// Began is the time from which the events count, of the machine; zero for
	// simulated time.
	Began time.Time
}

// A Writer writes a trace. Its methods may be called by several goroutines.
type Writer struct {
	file  io.WriteCloser
	epoch time.Time

	mu      sync.Mutex
	pending []byte
	err     error // of the file: what is written from then on is dropped
	dropped uint64
	latest  time.Duration // of the events
	closed  bool

	full   chan struct{} // pending is worth being written
	ending chan struct{}
	ended  chan struct{}

	writing sync.Mutex // held by who writes to the file
	spare   []byte     // guarded by writing
}

// Create makes the file, or replaces it, and begins the trace.
func Create(path string, h Header) (*Writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return NewWriter(file, h), nil
}

// NewWriter begins a trace in a file, which is the Writer's from then on.
func NewWriter(file io.WriteCloser, h Header) *Writer {
	w := &Writer{
		file: file, epoch: h.Began,
		full: make(chan struct{}, 1), ending: make(chan struct{}), ended: make(chan struct{}),
	}
	w.pending = append(append(append(w.pending, recordSeparator), h.record()...), '\n')
	go w.run()
	return w
}

// record is the header as the first record of a file.
func (h *Header) record() []byte {
	common := map[string]any{"time_format": "relative"}
	if h.Began.IsZero() {
		common["clock_type"] = "simulated"
	} else {
		common["reference_time"] = float64(h.Began.UnixMicro()) / 1e3
	}
	encoded, err := json.Marshal(map[string]any{
		"qlog_version": "0.3",
		"qlog_format":  "JSON-SEQ",
		"title":        h.Title,
		"trace": map[string]any{
			"common_fields": common,
			"vantage_point": map[string]any{"name": "uft", "type": h.Point},
		},
	})
	if err != nil {
		panic(err) // of texts and numbers nothing can fail
	}
	return encoded
}

// Epoch is the time from which the events count.
func (w *Writer) Epoch() time.Time { return w.epoch }

// Begin begins an event at a time since the beginning of the trace; group tells
// the connections of a trace apart, and is empty where there is only one. The
// event's End must follow before any other method is called.
func (w *Writer) Begin(at time.Duration, group, name string) Event {
	w.mu.Lock()
	e := Event{w: w}
	w.latest = max(w.latest, at)
	if w.closed || w.err != nil || len(w.pending) >= maxPending {
		e.drop = true
		return e
	}
	p := append(w.pending, recordSeparator)
	p = append(p, `{"time":`...)
	p = appendNumber(p, float64(at.Microseconds())/1e3)
	p = append(p, `,"name":`...)
	p = appendText(p, name)
	if group != "" {
		p = append(p, `,"group_id":`...)
		p = appendText(p, group)
	}
	w.pending = append(p, `,"data":{`...)
	return e
}

// An Event is one record while it is being written.
type Event struct {
	w    *Writer
	some bool // there is a field already
	drop bool
}

// Number adds a field.
func (e *Event) Number(name string, value float64) {
	if e.field(name) {
		e.w.pending = appendNumber(e.w.pending, value)
	}
}

// Text adds a field.
func (e *Event) Text(name, value string) {
	if e.field(name) {
		e.w.pending = appendText(e.w.pending, value)
	}
}

// Value adds a field: a text where it is not empty, else a number.
func (e *Event) Value(name string, number float64, text string) {
	if text != "" {
		e.Text(name, text)
	} else {
		e.Number(name, number)
	}
}

func (e *Event) field(name string) bool {
	if e.drop {
		return false
	}
	if e.some {
		e.w.pending = append(e.w.pending, ',')
	}
	e.some = true
	e.w.pending = append(appendText(e.w.pending, name), ':')
	return true
}

// End completes the event.
func (e *Event) End() {
	w := e.w
	if e.drop {
		w.dropped++
	} else {
		w.pending = append(w.pending, "}}\n"...)
	}
	full := len(w.pending) >= flushSize
	w.mu.Unlock()
	switch {
	case !full:
	case w.epoch.IsZero():
		w.flush() // simulated time can wait, and nothing need be dropped
	default:
		select {
		case w.full <- struct{}{}:
		default:
		}
	}
}

// appendNumber writes a number; JSON has none that is not finite.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// appendText writes a text. Names are plain; what else there is, such as what a
// peer said, is left to the library.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			encoded, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...)
			}
			return append(b, encoded...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// run writes what waits, until Close.
func (w *Writer) run() {
	defer close(w.ended)
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-w.full:
		case <-ticker.C:
		case <-w.ending:
			w.flush()
			return
		}
		w.flush()
	}
}

// flush writes what waits at the moment.
func (w *Writer) flush() {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	batch := w.pending
	w.pending = w.spare[:0]
	w.mu.Unlock()
	w.spare = batch
	if len(batch) == 0 {
		return
	}
	if _, err := w.file.Write(batch); err != nil {
		w.mu.Lock()
		w.err = errors.Join(w.err, err)
		w.mu.Unlock()
	}
}

// Close writes what waits, says in a last record how many events were dropped,
// if any were, and closes the file. It returns that number, and the first error
// of the file. What is written later is dropped.
func (w *Writer) Close() (dropped uint64, err error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return 0, nil
	}
	dropped = w.dropped
	w.mu.Unlock()
	close(w.ending)
	<-w.ended
	if dropped > 0 {
		last := w.Begin(w.latest, "", "trace:dropped")
		last.Number("count", float64(dropped))
		last.End()
	}
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.flush()
	return dropped, errors.Join(w.err, w.file.Close())
}
