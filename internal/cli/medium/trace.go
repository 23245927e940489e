package medium

import (
	"fmt"
	"io"
	"time"

	"example.com/uft/internal/medium"
	"example.com/uft/internal/trace"
)

// openTrace begins the trace that the options ask for. What it returns completes
// it, and says what is not in it.
func (o *options) openTrace(stderr io.Writer) (end func(), err error) {
	if o.trace == "" {
		return func() {}, nil
	}
	up, down := describe(o.relay.Up), describe(o.relay.Down)
	title := fmt.Sprintf("medium %s, each way", up)
	if up != down {
		title = fmt.Sprintf("medium up: %s, down: %s", up, down)
	}
	w, err := trace.Create(o.trace, trace.Header{Title: title, Point: "network", Began: time.Now()})
	if err != nil {
		return nil, err
	}
	t := medium.NewTrace(w, o.packets)
	o.relay.Trace, o.tunnel.Trace = t, t
	return func() {
		t.Close()
		switch dropped, err := w.Close(); {
		case err != nil:
			fmt.Fprintf(stderr, "medium: the trace is not complete: %v\n", err)
		case dropped > 0:
			fmt.Fprintf(stderr, "medium: the trace lacks %d events: the disk did not take them in time\n", dropped)
		}
	}, nil
}
