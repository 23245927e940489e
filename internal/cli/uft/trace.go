package uft

import (
	"fmt"
	"os"

	"example.com/uft/internal/cli/tracefile"
	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/trace"
)

// traced begins the trace that a command asks for. What it returns is in place
// of std, and end completes the file; without a trace it does nothing.
func traced(c Command, args []string, std stdio) (with stdio, end func(), err error) {
	if c.Trace == "" {
		return std, func() {}, nil
	}
	if name, found := replaced(c); found {
		return std, nil, usageErrorf("the trace would replace the file %q, which is to be sent", name)
	}
	point := "client"
	if c.Action == Serve {
		point = "server"
	}
	w, err := tracefile.Create(c.Trace, point, "uft", args)
	if err != nil {
		return std, nil, fmt.Errorf("the trace cannot be written: %w", err)
	}
	std.trace = tracefile.To(w)
	return std, func() { std.endTrace(w) }, nil
}

// replaced returns the file that a trace would empty before it is sent.
func replaced(c Command) (name string, found bool) {
	trace, err := os.Stat(c.Trace)
	if err != nil || c.Action != Send {
		return "", false
	}
	for _, name := range c.Files {
		if file, err := os.Stat(name); err == nil && os.SameFile(trace, file) {
			return name, true
		}
	}
	return "", false
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

// traced begins the trace of a simulation. What the client sees is traced: it
// is the one that sends.
func (s *simulation) traced(args []string, std stdio) (tell func(string, core.TraceEvent), end func(), err error) {
	if s.trace == "" {
		return nil, func() {}, nil
	}
	w, err := trace.Create(s.trace, trace.Header{Title: tracefile.CommandLine("uft "+simWord, args), Point: "client"})
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
			record.Value(f.Name, f.Number, f.Text)
		}
		record.End()
	}
	return tell, func() { std.endTrace(w) }, nil
}
