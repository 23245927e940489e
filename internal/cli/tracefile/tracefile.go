// Package tracefile is the option --trace FILE of the programs that move files:
// the trace of all connections of one run (docs/traces.md).
package tracefile

import (
	"strings"
	"time"

	"example.com/uft/internal/trace"
	"example.com/uft/transport"
)

// Create makes the file, or replaces it, and begins the trace of a run: of the
// program with its arguments, seen from "client" or "server".
func Create(path, point, program string, args []string) (*trace.Writer, error) {
	return trace.Create(path, trace.Header{Title: CommandLine(program, args), Point: point, Began: time.Now()})
}

// To returns what is to be transport.Config.Trace.
func To(w *trace.Writer) func(transport.TraceEvent) {
	return func(e transport.TraceEvent) {
		record := w.Begin(e.At.Sub(w.Epoch()), e.Connection, e.Name)
		for _, f := range e.Fields {
			record.Value(f.Name, f.Number, f.Text)
		}
		record.End()
	}
}

// CommandLine is how a program was called, for the title of a trace. What a file
// is called may be anything.
func CommandLine(program string, args []string) string {
	return strings.ToValidUTF8(program+" "+strings.Join(args, " "), "?")
}
