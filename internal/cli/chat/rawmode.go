package chat

import "golang.org/x/term"

// A rawMode is a terminal that hands on every key at once and shows none by
// itself, from the first line to the last.
//
// The library would give the terminal back at the end of each line and take it
// again for the next one. What is typed in between would be shown by the
// terminal, into the lines that arrive, and a Ctrl-D would end the input.
type rawMode struct {
	fd     int
	before *term.State // nil where it is not in raw mode
	// suspending says that the key now dealt with is the one which suspends the
	// program, and the shell gets its terminal as it was.
	suspending bool
}

// enter begins raw mode, if it is not on yet.
func (r *rawMode) enter() (err error) {
	if r.before == nil {
		r.before, err = term.MakeRaw(r.fd)
	}
	return err
}

// pause is what the library calls when a line ends, and before the program is
// suspended.
func (r *rawMode) pause() error {
	if !r.suspending {
		return nil
	}
	return r.leave()
}

// leave gives the terminal back as it was.
func (r *rawMode) leave() error {
	if r.before == nil {
		return nil
	}
	err := term.Restore(r.fd, r.before)
	r.before = nil
	return err
}
