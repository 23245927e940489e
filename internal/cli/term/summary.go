package term

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Summary is the account of one finished and verified transfer.
type Summary struct {
	// Verb is what happened to the file: "sent" or "received".
	Verb string
	// Name is the name of the file, as the peer may have chosen it.
	Name string
	// Bytes is the size of the file.
	Bytes int64
	// Elapsed runs from the first datagram to the confirmation.
	Elapsed time.Duration
	// GoodputBits is the rate of file data, in bit/s.
	GoodputBits float64
	// GrossBits is the rate on the wire with all headers and repetitions, in
	// bit/s. Zero stands for unknown and is left out.
	GrossBits float64
	// Loss is the share of datagrams that were lost on the way, 0 to 1. A
	// receiver does not know: then it is negative, and left out together with
	// Retransmitted.
	Loss float64
	// Retransmitted is the share of the file data sent more than once, 0 to 1.
	Retransmitted float64
	// Limit is what kept it from going faster, as a noun. Empty: left out.
	Limit string
	// Hash is the hash of the contents, as "uft1:…". Empty: left out.
	Hash string
	// AlreadyThere says that the receiver had the very same file, so that it
	// was not sent again.
	AlreadyThere bool
}

// String returns one or two lines, each with its line break: the figures, and
// the hash in the form that `uft hash` prints.
func (s Summary) String() string {
	var b strings.Builder
	name := Escape(s.Name)
	if s.AlreadyThere {
		fmt.Fprintf(&b, "%s: the very same file is already there, %s not sent again\n", name, Bytes(s.Bytes))
	} else {
		fmt.Fprintf(&b, "%s %s: %s in %s, %s", s.Verb, name, Bytes(s.Bytes), Duration(s.Elapsed), Rate(s.GoodputBits))
		if s.GrossBits > 0 {
			fmt.Fprintf(&b, " (%s gross)", Rate(s.GrossBits))
		}
		if s.Loss >= 0 {
			fmt.Fprintf(&b, ", loss %s, retransmitted %s", Percent(s.Loss), Percent(s.Retransmitted))
		}
		if s.Limit != "" {
			fmt.Fprintf(&b, ", limited by %s", s.Limit)
		}
		b.WriteByte('\n')
	}
	if s.Hash != "" {
		fmt.Fprintf(&b, "%s  %s\n", Escape(s.Hash), name)
	}
	return b.String()
}

// Print writes the summary to w, or nothing in Quiet mode.
func (s Summary) Print(w io.Writer, mode Mode) {
	if mode != Quiet {
		_, _ = io.WriteString(w, s.String()) // a message about this would go to w too
	}
}
