package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"example.com/uft/transfer"
)

// Status is what /status says in JSON.
type Status struct {
	Time      time.Time  `json:"time"`      // of these figures
	Since     time.Time  `json:"since"`     // when the server started
	Running   int        `json:"running"`   // number of transfers under way
	Transfers []Transfer `json:"transfers"` // these, oldest first, maxShown of them at most
	Sent      Total      `json:"sent"`
	Received  Total      `json:"received"`
}

// Transfer is one transfer under way.
type Transfer struct {
	ID        uint64   `json:"id"`
	Name      string   `json:"name"`
	Direction string   `json:"direction"` // "sending" or "receiving", as the server sees it
	Peer      string   `json:"peer"`      // the client's address and port
	Carrier   string   `json:"carrier"`   // "udp" or "tcp"
	Seconds   float64  `json:"seconds"`   // since it began
	Bytes     int64    `json:"bytes"`     // acknowledged by the client, or received
	Total     *int64   `json:"total"`     // null where it is not known
	Rate      float64  `json:"rate"`      // of file bytes over the last seconds, in bit/s
	Loss      *float64 `json:"loss"`      // share of the packets sent that were lost, 0 to 1; null where the server receives
	RTT       *float64 `json:"rtt"`       // smoothed round-trip time in milliseconds; null where it is not known
}

// Total is the account of the transfers in one direction that are over.
type Total struct {
	Files  int64 `json:"files"`
	Bytes  int64 `json:"bytes"`
	Failed int64 `json:"failed"`
}

// maxShown bounds how many transfers a Status lists.
const maxShown = 500

// newStatus puts the account of a server into the form of the JSON. The rates
// are those of a history.
func newStatus(now time.Time, s *transfer.Status, past history) Status {
	status := Status{
		Time: now.UTC(), Since: s.Since.UTC(), Running: len(s.Running), Transfers: []Transfer{},
		Sent: Total(s.Sent), Received: Total(s.Received),
	}
	for i := range s.Running[:min(len(s.Running), maxShown)] {
		r := &s.Running[i]
		t := Transfer{
			ID: r.ID, Name: r.Name, Direction: "receiving", Peer: r.Client.String(), Carrier: r.Carrier.String(),
			Seconds: now.Sub(r.Begun).Seconds(), Bytes: r.Bytes, Rate: past.rate(now, r),
		}
		if r.Total >= 0 {
			t.Total = &r.Total
		}
		if r.Sending {
			t.Direction, t.Loss = "sending", &r.Loss
		}
		if r.RTT > 0 {
			milliseconds := float64(r.RTT) / float64(time.Millisecond)
			t.RTT = &milliseconds
		}
		status.Transfers = append(status.Transfers, t)
	}
	return status
}

// serveStatus answers with the status, as JSON or as the page that shows it.
func (s *Server) serveStatus(w *patient, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	switch format := r.URL.Query().Get("format"); {
	case format == "html", format == "" && strings.Contains(r.Header.Get("Accept"), "text/html"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", statusPolicy)
		_, _ = w.Write(statusPage) // where it fails, the client has gone
	case format == "json", format == "":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.monitor.current(r.Context())) // the same
	default:
		http.Error(w, "the formats are html and json", http.StatusBadRequest)
	}
}

// encode returns the JSON of a status, as one line.
func encode(status Status) []byte {
	text, err := json.Marshal(status)
	if err != nil {
		panic(err) // no value of a Status is impossible in JSON
	}
	return append(text, '\n')
}
