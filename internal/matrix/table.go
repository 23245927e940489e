package matrix

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Legend explains the cells of a Table.
const Legend = "Each cell is the median over the seeds, in brackets the worst, and behind it the line:\n" +
	"✗ missed, ✓ reached, ✓✓ what to go for beyond it was reached too. A number without a mark is only reported."

// marks are the verdicts in the table.
var marks = map[Verdict]string{Missed: "✗ ", Reached: "✓ ", Beyond: "✓✓ ", Reported: ""}

// Text prints outcomes as Markdown, a table for every group, in the order in
// which they come.
func Text(outcomes []Outcome) string {
	var b strings.Builder
	for len(outcomes) > 0 {
		n := 1
		for n < len(outcomes) && outcomes[n].Scenario.Group == outcomes[0].Scenario.Group {
			n++
		}
		fmt.Fprintf(&b, "## %s\n\n", outcomes[0].Scenario.Group)
		writeGroup(&b, outcomes[:n])
		outcomes = outcomes[n:]
	}
	return b.String()
}

// writeGroup prints one table, with a column for each figure of the group.
func writeGroup(b *strings.Builder, outcomes []Outcome) {
	header := []string{"scenario", "what"}
	for _, o := range outcomes {
		for _, f := range o.Scenario.Figures {
			if !slices.Contains(header[2:], f.Name) {
				header = append(header, f.Name)
			}
		}
	}
	rows := [][]string{header}
	for _, o := range outcomes {
		row := make([]string, len(header))
		row[0], row[1] = o.Scenario.Name, o.Scenario.What
		if o.GaveUp > 0 {
			row[1] = fmt.Sprintf("gave up in %d of %d runs; %s", o.GaveUp, o.Scenario.Seeds, row[1])
		}
		for k, f := range o.Scenario.Figures {
			row[2+slices.Index(header[2:], f.Name)] = o.cell(k)
		}
		rows = append(rows, row)
	}
	if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[1] != "" }) {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 2)
		}
	}
	writeRows(b, rows)
}

// cell prints one figure.
func (o Outcome) cell(k int) string {
	f := o.Scenario.Figures[k]
	number := func(v float64) string {
		if math.IsNaN(v) {
			return "gave up"
		}
		return strconv.FormatFloat(v, 'f', f.Digits, 64)
	}
	text := marks[o.Verdicts[k]] + number(o.Median[k])
	if math.IsNaN(f.Line) {
		return text
	}
	relation := "≤"
	if f.AtLeast {
		relation = "≥"
	}
	return fmt.Sprintf("%s (%s) %s %s", text, number(o.Worst[k]), relation, strconv.FormatFloat(f.Line, 'g', -1, 64))
}

// writeRows prints a Markdown table whose columns are aligned, so that it can
// be read as it is; the first row is the header.
func writeRows(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range rows {
		for k, cell := range row {
			fmt.Fprintf(b, "| %s%s ", cell, strings.Repeat(" ", widths[k]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, w := range widths {
				b.WriteString("| " + strings.Repeat("-", w) + " ")
			}
			b.WriteString("|\n")
		}
	}
	b.WriteString("\n")
}

// Summary counts the verdicts of the figures that have a line and names what
// was missed.
func Summary(outcomes []Outcome) string {
	var missed []string
	counts := map[Verdict]int{}
	for _, o := range outcomes {
		for k, v := range o.Verdicts {
			counts[v]++
			if v == Missed {
				missed = append(missed, fmt.Sprintf("- %s: %s %s", o.Scenario.Name, o.Scenario.Figures[k].Name, strings.TrimPrefix(o.cell(k), marks[Missed])))
			}
		}
	}
	text := fmt.Sprintf("Of %d lines %d were missed, %d reached, and %d passed beyond what to go for.\n",
		counts[Missed]+counts[Reached]+counts[Beyond], counts[Missed], counts[Reached], counts[Beyond])
	if len(missed) > 0 {
		text += "\nMissed:\n\n" + strings.Join(missed, "\n") + "\n"
	}
	return text
}
