// Package exit is the table of exit codes that the programs share, so that a
// script can tell the outcomes of any of them apart in the same way.
package exit

// The exit codes.
const (
	Done        = 0   // done and verified; also an idle server that was stopped
	Other       = 1   // any other reason, such as a port in use
	Usage       = 2   // the command line is wrong
	Source      = 3   // the source cannot be opened, here or there
	Refused     = 4   // the other side refused
	Unreachable = 5   // no answer, or the connection was lost
	Integrity   = 6   // the contents are not what was sent, or changed meanwhile
	Destination = 7   // the destination's disk failed or is full
	Unknown     = 8   // everything was sent but no confirmation came
	Identity    = 9   // the server is not who it was, or not who was asked for
	Interrupted = 130 // a running transfer was interrupted
)
