package uft

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/doctor"
)

// Widths of the table in columns. A line has at most 2 + 16 + 2 + 72 + 2 + 4,
// which is 98. The widths are fixed, because each line is printed as soon as
// its check is done.
const (
	nameColumn = doctor.MaxCheckName
	textColumn = 72
)

// findingTable prints findings as lines of a table: the check, what was found,
// and the verdict; below that, where something is to be mended, how.
type findingTable struct {
	w     io.Writer
	style term.Style
	err   error // the first of writing
}

// print prints one finding.
func (t *findingTable) print(f doctor.Finding) {
	verdict := string(f.Verdict)
	if f.Verdict == doctor.Fix {
		verdict = t.style.Alarm("FIX")
	}
	for i, line := range wrap(term.EscapePath(f.Text), textColumn) {
		if i == 0 {
			t.printf("  %s  %s  %s\n", runewidth.FillRight(f.Check, nameColumn), runewidth.FillRight(line, textColumn), verdict)
		} else {
			t.printf("  %s  %s\n", strings.Repeat(" ", nameColumn), line)
		}
	}
	t.remedy("fix:", f.Fix)
	t.remedy("keep:", f.Keep)
}

// remedy prints what to do, on a line of its own and in one piece, so that a
// command can be copied, whatever its length.
func (t *findingTable) remedy(label, text string) {
	if text != "" {
		t.printf("    %-5s %s\n", label, term.EscapePath(text))
	}
}

// finish prints the last line, and returns the first error of printing.
func (t *findingTable) finish(r *doctor.Report) error {
	switch faults := r.Faults(); faults {
	case 0:
		t.printf("nothing to fix\n")
	case 1:
		t.printf("1 thing to fix\n")
	default:
		t.printf("%d things to fix\n", faults)
	}
	return t.err
}

// printf prints, without blanks at the ends of lines.
func (t *findingTable) printf(format string, args ...any) {
	if t.err == nil {
		line := strings.TrimRight(fmt.Sprintf(format, args...), " \n")
		_, t.err = io.WriteString(t.w, line+"\n")
	}
}

// wrap breaks text into lines of at most width columns between its words. A
// word that is longer has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case runewidth.StringWidth(line)+1+runewidth.StringWidth(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
