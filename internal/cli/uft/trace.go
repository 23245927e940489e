package uft

import (
	"fmt"
	"strings"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/trace"
	"example.com/uft/transport"
)

// traced begins the trace that a command asks for. What it returns is in place
// of std, and end completes the file; without a trace it does nothing.
func traced(c Command, args []string, std stdio) (with stdio, end func(), err error) {
	if c.Trace == "" {
		return std, func() {}, nil
	}
	point := "client"
	if c.Action == Serve {
		point = "server"
	}
	w, err := trace.Create(c.Trace, trace.Header{Title: commandLine(args), Point: point, Began: time.Now()})
	if err != nil {
		return std, nil, fmt.Errorf("the trace cannot be written: %w", err)
	}
	std.trace = func(e transport.TraceEvent) {
		record := w.Begin(e.At.Sub(w.Epoch()), e.Connection, e.Name)
		for _, f := range e.Fields {
			addField(&record, f.Name, f.Number, f.Text)
		}
		record.End()
	}
	return std, func() { std.endTrace(w) }, nil
}

// endTrace completes a trace, and says what is not in it.
func (s stdio) endTrace(w *trace.Writer) {
	dropped, err := w.Close()
	switch {
	case err != nil:
		s.say("the trace is not complete: %v", err)
	case dropped > 0:
		s.say("the trace lacks %d events: the disk did not take them in time", dropped)
	}
}

// commandLine is how the program was called, for the title of a trace. What a
// file is called may be anything.
func commandLine(args []string) string {
	return strings.ToValidUTF8("uft "+strings.Join(args, " "), "?")
}

// traced begins the trace of a simulation. What the client sees is traced: it
// is the one that sends.
func (s *simulation) traced(args []string, std stdio) (tell func(string, core.TraceEvent), end func(), err error) {
	if s.trace == "" {
		return nil, func() {}, nil
	}
	w, err := trace.Create(s.trace, trace.Header{Title: commandLine(append([]string{simWord}, args...)), Point: "client"})
	if err != nil {
		return nil, nil, fmt.Errorf("the trace cannot be written: %w", err)
	}
	var began instant.Time
	tell = func(_ string, e core.TraceEvent) {
		if e.Role != core.Client {
			return
		}
		if !began.IsSet() {
			began = e.Time
		}
		record := w.Begin(e.Time.Sub(began), e.Connection.String(), e.Name)
		for _, f := range e.Fields {
			addField(&record, f.Name, f.Number, f.Text)
		}
		record.End()
	}
	return tell, func() { std.endTrace(w) }, nil
}

// addField adds a value of which the text counts, where there is one.
func addField(to *trace.Event, name string, number float64, text string) {
	if text != "" {
		to.Text(name, text)
	} else {
		to.Number(name, number)
	}
}
