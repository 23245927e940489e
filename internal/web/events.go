package web

import (
	"net/http"
	"slices"
	"time"
)

// eventLimit is how long a reader of events may take for one of them.
const eventLimit = 10 * time.Second

// serveEvents sends the status as server-sent events (HTML Living Standard,
// "Server-sent events"): each time the account is taken, which is once a second
// at least, so that no other sign of life is needed. A reader that is too slow
// misses some, and gets the latest.
func (s *Server) serveEvents(w *patient, r *http.Request) {
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	default:
		unavailable(w)
		return
	}
	w.limit = min(w.limit, eventLimit)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	for {
		text, newer := s.monitor.follow()
		// The text is one line: a break within would end the data. An empty line
		// ends the event.
		event := slices.Concat([]byte("data: "), text, []byte("\n"))
		if _, err := w.Write(event); err != nil || w.flush() != nil {
			return
		}
		select {
		case <-newer:
		case <-r.Context().Done(): // the client has gone, or the server ends
			return
		}
	}
}
