package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// maxRecord bounds the length of a record that is read, in bytes.
const maxRecord = 1 << 20

// A Record is an event that was read.
type Record struct {
	At    time.Duration // since the beginning of the trace
	Name  string
	Group string // of the connection; empty where there is only one
	Data  map[string]any
}

// Number returns a field that is a number, and whether there is one.
func (r *Record) Number(name string) (float64, bool) {
	v, ok := r.Data[name].(float64)
	return v, ok
}

// Text returns a field that is a text, or nothing.
func (r *Record) Text(name string) string {
	v, _ := r.Data[name].(string)
	return v
}

// ErrNoTrace says that a file is something else.
var ErrNoTrace = errors.New("this is no trace: it does not begin with a record of qlog")

// Read reads a trace and calls visit with each of its events, in their order,
// until that returns an error. Records may be separated as a JSON text sequence
// has them or by line feeds alone. A last record that is cut off, as in the
// trace of a program that was killed, is left out.
func Read(file io.Reader, visit func(Record) error) (Header, error) {
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), maxRecord)
	if !lines.Scan() {
		if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
			return Header{}, err
		}
		return Header{}, ErrNoTrace
	}
	h, err := parseHeader(trimmed(lines.Bytes()))
	if err != nil {
		return Header{}, err
	}
	var failed error // of the line before
	for number := 2; lines.Scan(); number++ {
		if failed != nil {
			return h, failed
		}
		line := trimmed(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		r, err := parseRecord(line)
		if err != nil {
			failed = fmt.Errorf("line %d is no record of a trace: %w", number, err)
			continue
		}
		if err := visit(r); err != nil {
			return h, err
		}
	}
	if err := lines.Err(); err != nil {
		return h, fmt.Errorf("the trace cannot be read to its end: %w", err)
	}
	return h, nil
}

// trimmed is a line without what separates records.
func trimmed(line []byte) []byte { return bytes.Trim(line, "\x1e \t\r") }

// parseHeader reads the first record.
func parseHeader(line []byte) (Header, error) {
	var first struct {
		Version string `json:"qlog_version"`
		Format  string `json:"qlog_format"`
		Title   string `json:"title"`
		Trace   struct {
			Common struct {
				Reference float64 `json:"reference_time"`
			} `json:"common_fields"`
			Point struct {
				Type string `json:"type"`
			} `json:"vantage_point"`
		} `json:"trace"`
	}
	if err := json.Unmarshal(line, &first); err != nil || first.Version == "" {
		return Header{}, ErrNoTrace
	}
	if !strings.Contains(first.Format, "SEQ") && first.Format != "NDJSON" {
		return Header{}, fmt.Errorf("this is a qlog of format %q; only JSON-SEQ can be read", first.Format)
	}
	h := Header{Title: first.Title, Point: first.Trace.Point.Type}
	if at := first.Trace.Common.Reference; at > 0 && at < 1e15 {
		h.Began = time.UnixMicro(int64(at * 1e3))
	}
	return h, nil
}

// parseRecord reads an event.
func parseRecord(line []byte) (Record, error) {
	var e struct {
		Time  *float64       `json:"time"`
		Name  string         `json:"name"`
		Group string         `json:"group_id"`
		Data  map[string]any `json:"data"`
	}
	switch err := json.Unmarshal(line, &e); {
	case err != nil:
		return Record{}, err
	case e.Time == nil || e.Name == "":
		return Record{}, errors.New("an event has a time and a name")
	case math.Abs(*e.Time) > 1e12: // thirty years
		return Record{}, fmt.Errorf("the time %g ms is out of bounds", *e.Time)
	}
	return Record{At: time.Duration(*e.Time * float64(time.Millisecond)), Name: e.Name, Group: e.Group, Data: e.Data}, nil
}
