package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A report collects what the cases have found, as Markdown.
type report struct {
	r                   *rig
	command             string
	title, introduction string
	body                strings.Builder
	failed              []string // what may not fail, and did: everything but the peers
}

// cleanPathIntroduction says what the figures of the clean path are.
const cleanPathIntroduction = "Goodput is bits of the file by the time of the whole client process, unless a row says otherwise. " +
	"Processor time, CPU s/GiB, is user and system time of both ends together, from the rusage that wait4 gives for the whole tree of processes. " +
	"Memory is the peak resident set of the largest single process of each end, from the same call; " +
	"it is never below the 10 MiB or so of the bench that starts them."

// newReport notes the command that makes it.
func newReport(r *rig, args []string) *report {
	command := "bash scripts/bench.sh"
	for _, arg := range args {
		if strings.ContainsAny(arg, " |()*?$") {
			arg = "'" + arg + "'"
		}
		command += " " + arg
	}
	return &report{r: r, command: command}
}

// heading says what is measured where.
func (d *report) heading() string {
	return strings.Join([]string{
		"    " + d.command, "",
		fmt.Sprintf("%s; %s; %s.", time.Now().UTC().Format("2006-01-02 15:04 UTC"), machineLine(), revision(d.r.root)),
	}, "\n")
}

// markdown returns the whole report.
func (d *report) markdown() string {
	var b strings.Builder
	b.WriteString("# " + d.title + "\n\nWritten by the bench; both ends run on this one machine.\n\n")
	b.WriteString(d.heading() + "\n\n" + d.introduction + "\n")
	b.WriteString(d.body.String())
	if len(d.r.skipped) > 0 {
		b.WriteString("\n## Left out\n\n")
		for _, line := range d.r.skipped {
			b.WriteString("- " + line + "\n")
		}
	}
	return b.String()
}

// finish writes the report where the options ask for it. It returns an error
// where something failed that may not.
func (d *report) finish() error {
	if d.r.output != "" {
		if err := os.WriteFile(d.r.output, []byte(d.markdown()), 0o644); err != nil {
			return err
		}
		fmt.Println("written:", d.r.output)
	}
	if len(d.failed) > 0 {
		return errors.New("failed: " + strings.Join(d.failed, "; "))
	}
	return nil
}

// section adds a part, and shows it.
func (d *report) section(title string, parts ...string) {
	text := "\n## " + title + "\n\n" + strings.Join(parts, "\n\n") + "\n"
	d.body.WriteString(text)
	fmt.Print(text)
}

// files adds the table and the ratios of the case files.
func (d *report) files(all []*series) {
	d.check(all...)
	parts := []string{fmt.Sprintf("%s from tmpfs to tmpfs, by turns, median of %d (from – to), peak memory of all rounds. "+
		"Each copy was compared with the original.", sizeText(d.r.size), d.r.rounds)}
	for _, n := range d.r.networks {
		here := onNetwork(all, n.name)
		rows := make([][]string, len(here))
		for i, s := range here {
			rows[i] = s.row()
		}
		parts = append(parts, "On "+n.name+":", table(
			columns, rows))
		if lines := ratios(here); len(lines) > 0 {
			parts = append(parts, table([]string{"ratio on " + n.name, "uft -t", "uft -r"}, lines))
		}
	}
	var about strings.Builder
	for _, s := range subjects {
		if slices.ContainsFunc(all, func(a *series) bool { return a.subject.name == s.name }) {
			fmt.Fprintf(&about, "- `%s`: %s.\n", s.name, s.about)
		}
	}
	d.section("One large file", append(parts, strings.TrimSpace(about.String()))...)
}

// check notes the failures of what may not fail.
func (d *report) check(all ...*series) {
	for _, s := range all {
		if s.failure != "" && (s.subject.role == ceiling || s.subject.role == ours) {
			d.failed = append(d.failed, fmt.Sprintf("%s on %s: %s", s.subject.name, s.network, s.failure))
		}
	}
}

// onNetwork returns the series of one network.
func onNetwork(all []*series, name string) []*series {
	var here []*series
	for _, s := range all {
		if s.network == name {
			here = append(here, s)
		}
	}
	return here
}

// columns is the head of a table of series.
var columns = []string{"", "Gbit/s", "from – to", "CPU s/GiB", "client", "server", "MiB client", "server", ""}

// row is a line of such a table: medians, and the peaks of the memory.
func (s *series) row() []string {
	if len(s.results) == 0 {
		return []string{s.subject.name, "–", "–", "–", "–", "–", "–", "–", short(s.failure)}
	}
	low, high := s.results[0].gbits(), s.results[0].gbits()
	for _, r := range s.results {
		low, high = min(low, r.gbits()), max(high, r.gbits())
	}
	note := s.middle().note
	if s.failure != "" {
		note = strings.TrimPrefix(note+"; one round "+short(s.failure), "; ")
	}
	return []string{
		s.subject.name, fmt.Sprintf("%.2f", s.goodput()), fmt.Sprintf("%.2f – %.2f", low, high),
		fmt.Sprintf("%.2f", median(s.results, result.cpuPerGiB)),
		fmt.Sprintf("%.2f", median(s.results, func(r result) float64 { return r.perGiB(r.client) })),
		fmt.Sprintf("%.2f", median(s.results, func(r result) float64 { return r.perGiB(r.server) })),
		fmt.Sprint(most(s.results, func(r result) int64 { return r.client.memory }) >> 20),
		fmt.Sprint(most(s.results, func(r result) int64 { return r.server.memory }) >> 20),
		note,
	}
}

// short cuts a message to what fits a table; the whole of it was printed when
// it happened.
func short(message string) string {
	const most = 60
	if runes := []rune(message); len(runes) > most {
		return string(runes[:most]) + " …"
	}
	return message
}

// ratios compares uft with the ceilings and the best of the peers.
func ratios(here []*series) [][]string {
	find := func(name string) float64 {
		for _, s := range here {
			if s.subject.name == name {
				return s.goodput()
			}
		}
		return 0
	}
	best := func(role role) (string, float64) {
		name, most := "", 0.0
		for _, s := range here {
			if s.subject.role == role && s.goodput() > most {
				name, most = s.subject.name, s.goodput()
			}
		}
		return name, most
	}
	encrypted, encryptedRate := best(encryptedPeer)
	plain, plainRate := best(plainPeer)
	var rows [][]string
	for _, row := range []struct {
		label string
		rate  float64
	}{
		{"uft ÷ raw, sealed", find(rawSealed.name)},
		{"uft ÷ pipe", find(pipe.name)},
		{"uft ÷ best encrypted peer (" + encrypted + ")", encryptedRate},
		{"uft ÷ best plain peer (" + plain + ")", plainRate},
	} {
		if row.rate == 0 {
			continue
		}
		cells := []string{row.label}
		for _, name := range []string{uftSend.name, uftFetch.name} {
			cells = append(cells, ratio(find(name), row.rate))
		}
		rows = append(rows, cells)
	}
	return rows
}

// ratio formats a quotient.
func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// table returns a Markdown table with columns in line, for reading as it is.
func table(header []string, rows [][]string) string {
	width := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	line := func(row []string) {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)) + " ")
		}
		b.WriteString("|\n")
	}
	line(header)
	dashes := make([]string, len(header))
	for i := range dashes {
		dashes[i] = strings.Repeat("-", width[i])
	}
	line(dashes)
	for _, row := range rows {
		line(row)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
