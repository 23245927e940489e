package transport

import (
	"time"

	"example.com/uft/internal/core"
)

// A TraceEvent is something that happened on a connection, as Config.Trace is
// told. docs/traces.md lists the events.
type TraceEvent struct {
	At         time.Time
	Connection string       // which one, among all that the peers have: the same text on both sides
	Name       string       // category and event, as qlog names them: "recovery:packet_lost"
	Fields     []TraceField // valid until Config.Trace returns
}

// A TraceField is one value of a TraceEvent, a text where Text is not empty.
type TraceField struct {
	Name   string
	Number float64
	Text   string
}

// traceTo returns what hands the events of one core on, with the time of the
// machine.
func traceTo(trace func(TraceEvent), clock clock) func(core.TraceEvent) {
	var connection string
	var fields []TraceField
	return func(e core.TraceEvent) {
		if connection == "" {
			connection = e.Connection.String()
		}
		fields = fields[:0]
		for _, f := range e.Fields {
			fields = append(fields, TraceField(f))
		}
		trace(TraceEvent{At: clock.epoch.Add(e.Time.Sub(clockStart)), Connection: connection, Name: e.Name, Fields: fields})
	}
}
