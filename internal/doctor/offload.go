package doctor

import "fmt"

// Size and number of the trains that are sent to try the offloads: datagrams of
// the size that file bytes travel in (docs/protocol.md §3), as many as a train
// of a transfer has.
const (
	trainSegment  = 1064 // bytes
	trainSegments = 61
	trainsTried   = 8
)

// A trial is what became of some trains.
type trial struct {
	sent      int   // datagrams
	sendCalls int   // system calls that sent them
	arrived   int   // datagrams that came, whole and unchanged
	damaged   int   // datagrams of a wrong size or content
	calls     int   // system calls that received them
	err       error // that ended it
}

// outcome weighs a trial. joined says whether the trains were to come in whole,
// otherwise each datagram by itself; since is the version of Linux that has it.
func (t trial) outcome(joined bool, since string) Finding {
	f := Finding{
		Check: "segmentation out", Verdict: Fix,
		Fix:    fmt.Sprintf("use Linux %s or later, outside a sandbox that does not pass this on", since),
		Values: map[string]any{"datagrams": t.sent, "arrived": t.arrived, "send_calls": t.sendCalls, "receive_calls": t.calls},
	}
	if joined {
		f.Check = "joining in"
	}
	switch {
	case t.err != nil:
		f.Text = fmt.Sprintf("refused: %v; every datagram takes a system call of its own", t.err)
	case t.damaged > 0:
		f.Text = fmt.Sprintf("broken: %d of %d datagrams came in a wrong size or with wrong contents", t.damaged, t.sent)
	case t.arrived < t.sent:
		f.Text = fmt.Sprintf("broken: only %d of %d datagrams came over loopback", t.arrived, t.sent)
	case joined && t.calls > t.sent/2:
		f.Text = fmt.Sprintf("without effect: %d datagrams came in %d system calls", t.arrived, t.calls)
	case joined:
		f.Verdict, f.Fix = OK, ""
		f.Text = fmt.Sprintf("works: %d datagrams came in %d system calls, over loopback", t.arrived, t.calls)
	default:
		f.Verdict, f.Fix = OK, ""
		f.Text = fmt.Sprintf("works: %d datagrams left in %d system calls, all came whole", t.sent, t.sendCalls)
	}
	return f
}
