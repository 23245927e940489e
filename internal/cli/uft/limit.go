package uft

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/uft/internal/cli/term"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// phrases name what limits a transfer as the summary of it does. What is not
// there is nothing that a user could do something about, or know from here.
var phrases = map[transport.Limit]string{
	transport.LimitPath:         "the path",
	transport.LimitRate:         "the rate asked for",
	transport.LimitPeerMemory:   "the receiver's memory",
	transport.LimitPeerDisk:     "the receiver's disk",
	transport.LimitSource:       "reading the file",
	transport.LimitProcessor:    "this processor",
	transport.LimitOwnMemory:    "the memory for receiving",
	transport.LimitOwnDisk:      "writing the file",
	transfer.LimitLoss:          "the loss on the path",
	transfer.LimitPeerProcessor: "the receiver's processor",
	transport.LimitPeer:         "the path or the sender",
	transport.LimitShort:        "round trips: the file was too short to tell more",
	"start_up":                  "round trips until the rate was found",
	"tail":                      "round trips after the last byte",
}

// The summary names a limit that explains this share of the time, of a transfer
// that somebody may have waited for.
const (
	certain = 0.5
	waited  = time.Second
)

// limitPhrase is what the summary says, nothing where that would not help.
func limitPhrase(r *transfer.Result) string {
	l := &r.Limit
	if r.Elapsed < waited || l.Share < certain || l.By == transport.LimitPeer || l.By == transport.LimitShort {
		return ""
	}
	if l.By == transport.LimitPath && l.Path > 0 {
		return fmt.Sprintf("%s (%s)", phrases[l.By], term.Rate(float64(l.Path)))
	}
	return phrases[l.By]
}

// limitDetails is what -v says, nothing where no time was spent.
func limitDetails(l *transfer.Limit) string {
	if len(l.Shares) == 0 {
		return ""
	}
	var parts []string
	for _, s := range l.Shares {
		if s.Share >= 0.001 {
			parts = append(parts, term.Percent(s.Share)+" "+phrases[s.Limit])
		}
	}
	return fmt.Sprintf("limited by %s; time went to: %s", phrases[l.By], strings.Join(parts, ", "))
}

// account is what --json says of a file.
type account struct {
	Name      string                      `json:"name"`
	Path      string                      `json:"path,omitempty"`
	Verb      string                      `json:"verb"`
	Mode      string                      `json:"mode,omitempty"` // that a client asked for
	Done      bool                        `json:"done"`
	Error     string                      `json:"error,omitempty"`
	Code      int                         `json:"exit_code"`
	Bytes     int64                       `json:"bytes"`
	Hash      string                      `json:"hash,omitempty"`
	Already   bool                        `json:"already_there,omitempty"`
	Seconds   float64                     `json:"seconds"`
	Goodput   float64                     `json:"goodput_bits_per_second"`
	Gross     float64                     `json:"gross_bits_per_second"`
	Loss      *float64                    `json:"loss,omitempty"`     // only the sender knows
	Repeated  *float64                    `json:"repeated,omitempty"` // likewise
	LimitedBy transport.Limit             `json:"limited_by,omitempty"`
	Share     float64                     `json:"limited_by_share,omitempty"`
	Limits    map[transport.Limit]float64 `json:"limits,omitempty"`
	PathRate  int64                       `json:"path_bits_per_second,omitempty"`
}

// printAccount prints what became of a file as a line of JSON.
func printAccount(w io.Writer, verb, mode string, r *transfer.Result) {
	a := account{
		Name: r.Name, Path: r.Path, Verb: verb, Mode: mode, Done: r.Err == nil, Code: Code(r.Err), Bytes: r.Bytes,
		Hash: r.Root, Already: r.Already, Seconds: r.Elapsed.Seconds(), Goodput: r.Goodput(), Gross: r.GrossRate(),
	}
	if r.Err != nil {
		a.Error = plain(r.Err)
	} else if !r.Already {
		a.LimitedBy, a.Share, a.PathRate = r.Limit.By, r.Limit.Share, r.Limit.Path
		a.Limits = map[transport.Limit]float64{}
		for _, s := range r.Limit.Shares {
			a.Limits[s.Limit] = s.Share
		}
	}
	if verb == sent {
		a.Loss, a.Repeated = &r.Loss, &r.Repeated
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(a) // of plain values; and where the reader has gone, nobody is told
}
