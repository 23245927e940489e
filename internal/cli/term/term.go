// Package term is how the programs talk to people: it prints amounts, rates
// and durations, progress and summaries, and knows whether there is a terminal
// to do it on and what that terminal can show.
//
// Messages go to standard error and data alone to standard output. Text that a
// peer chose (file names, reasons of a refusal) goes through Escape before it
// reaches a terminal.
package term

import (
	"io"

	"golang.org/x/term"
)

// Mode is how much and in what form a program reports.
type Mode int

// The three ways to report.
const (
	Quiet Mode = iota // errors only
	Lines             // a line at the start and one at the end of each transfer
	Bar               // a progress bar that is redrawn in place
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// ModeFor chooses how to report on w. env looks up environment variables, as
// os.Getenv does: a terminal that calls itself TERM=dumb cannot redraw a line.
func ModeFor(w io.Writer, quiet bool, env func(string) string) Mode {
	switch {
	case quiet:
		return Quiet
	case IsTerminal(w) && env("TERM") != "dumb":
		return Bar
	default:
		return Lines
	}
}

// Style decorates messages, or leaves them plain. The zero Style is plain.
type Style struct {
	color bool
}

// StyleFor returns the style for w: in colour on a terminal, unless NO_COLOR is
// set to anything (https://no-color.org) or TERM is dumb.
func StyleFor(w io.Writer, env func(string) string) Style {
	return Style{color: IsTerminal(w) && env("TERM") != "dumb" && env("NO_COLOR") == ""}
}

// Alarm returns s in bold red, for what must not be overlooked.
func (s Style) Alarm(text string) string {
	if !s.color {
		return text
	}
	return "\x1b[1;31m" + text + "\x1b[0m"
}
