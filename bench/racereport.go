package main

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// raceIntroduction says how the race is run.
func raceIntroduction(r *rig) string {
	return strings.Join([]string{
		fmt.Sprintf("Each transfer has two network namespaces of its own, joined by `medium --tun`: rate, delay, loss and jitter are those of each way, "+
			"and the drop-tail queue of each way holds one bandwidth-delay product. The file, random bytes on a tmpfs, goes from the client to the server unless a name says -r; "+
			"all copies were compared. All entrants run by turns; in a round all have the same seed of the link's chances, in the next another. "+
			"The time is that of the whole client process (for SRT until both ends are done), median of %d rounds; a round without an end within %v (gave up) or with an error counts as endless, "+
			"and a peer whose first %d rounds gave nothing is not asked again.", r.rounds, r.limit, hopelessRounds),
		"*ideal* = 2 RTT + file bits ÷ (rate × (1 − loss) × 1024/1092): handshake, data, the last byte's way and its confirmation. Score = ideal ÷ measured.",
		fmt.Sprintf("So that no peer is held back by its settings: TCP's buffers (tcp_rmem, tcp_wmem) may grow to 64 MiB in both namespaces, no metrics of TCP outlast a transfer, "+
			"sockets of UDP may have buffers of %s (net.core.rmem_max, wmem_max), and UFTP, which does not find its rate by itself, is told it.", sizeText(raceBuffers)),
		fmt.Sprintf("Load of the machine when the run began: %s.", load()),
	}, "\n\n")
}

// load is the load average of the last minute.
func load() string {
	out, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(out), " ")
	return first
}

// race adds the tables of the race.
func (d *report) race(heats []*heat) {
	if len(heats) == 0 {
		return
	}
	header := []string{"seconds", "ideal"}
	for _, s := range heats[0].standings {
		header = append(header, s.entrant.column)
	}
	var seconds, scores [][]string
	for _, h := range heats {
		seconds = append(seconds, h.secondsRow())
		scores = append(scores, h.scoreRow())
		for _, s := range h.standings {
			if s.entrant.role == ours && len(s.failures) > 0 {
				d.failed = append(d.failed, fmt.Sprintf("%s on %s: %s", s.entrant.name, h.course.name, s.failures[0]))
			}
		}
	}
	d.section("Seconds", table(header, seconds))
	scoreHeader := append([]string{"score"}, header[2:]...)
	d.section("Scores", table(append(scoreHeader, "best peer", "uft ÷ it"), scores))
	var checks strings.Builder
	for _, h := range heats {
		fmt.Fprintf(&checks, "- %s: %s.\n", h.course.name, h.checked)
	}
	d.section("The links, measured", "Before the race, in the direction of -t:", strings.TrimSpace(checks.String()))
	for _, h := range heats {
		d.section(h.course.name, "`medium --up "+h.course.up.String()+" --down "+h.course.down.String()+"`", table(standingColumns, h.details()))
	}
	var about strings.Builder
	for _, s := range heats[0].standings {
		fmt.Fprintf(&about, "- `%s`: %s.\n", s.entrant.name, s.entrant.about)
	}
	d.section("Who raced", strings.TrimSpace(about.String()))
}

// secondsRow is the line of a link in the table of times.
func (h *heat) secondsRow() []string {
	row := []string{h.course.name, fmt.Sprintf("%.1f", h.course.ideal(false).Seconds())}
	for _, s := range h.standings {
		row = append(row, s.text(func(seconds float64) string { return fmt.Sprintf("%.1f", seconds) }))
	}
	return row
}

// scoreRow is the line of a link in the table of scores. The first contact of
// uft -t is compared with the best peer.
func (h *heat) scoreRow() []string {
	row := []string{h.course.name}
	own, best, name := math.Inf(1), math.Inf(1), "–"
	for _, s := range h.standings {
		row = append(row, s.text(func(seconds float64) string {
			return fmt.Sprintf("%.2f", score(h.course.ideal(s.entrant.fetch), seconds))
		}))
		switch seconds := s.seconds(); {
		case s.entrant.name == "uft":
			own = seconds
		case s.entrant.role != ours && seconds < best:
			best, name = seconds, s.entrant.column
		}
	}
	compared := "–"
	if !math.IsInf(own, 1) && !math.IsInf(best, 1) {
		compared = fmt.Sprintf("%.2f ×", best/own)
	}
	return append(row, name, compared)
}

// text formats the median time, or says what there was in its place.
func (s *standing) text(format func(seconds float64) string) string {
	seconds := s.seconds()
	if !math.IsInf(seconds, 1) {
		return format(seconds)
	}
	for _, failure := range s.failures {
		if !strings.HasPrefix(failure, errTooSlow.Error()) {
			return "failed"
		}
	}
	return "gave up"
}

// standingColumns is the head of the table of one link.
var standingColumns = []string{"", "seconds", "from – to", "score", "CPU s client", "server", "rounds", ""}

// details are the lines of that table.
func (h *heat) details() [][]string {
	var rows [][]string
	for _, s := range h.standings {
		row := []string{
			s.entrant.name,
			s.text(func(seconds float64) string { return fmt.Sprintf("%.2f", seconds) }), "–",
			s.text(func(seconds float64) string {
				return fmt.Sprintf("%.2f", score(h.course.ideal(s.entrant.fetch), seconds))
			}),
			"–", "–", fmt.Sprintf("%d of %d", len(s.results), len(s.results)+len(s.failures)), s.note(),
		}
		if len(s.results) > 0 {
			low, high := math.Inf(1), 0.0
			for _, r := range s.results {
				low, high = min(low, r.elapsed.Seconds()), max(high, r.elapsed.Seconds())
			}
			row[2] = fmt.Sprintf("%.2f – %.2f", low, high)
			row[4] = fmt.Sprintf("%.2f", median(s.results, func(r result) float64 { return r.client.cpu.Seconds() }))
			row[5] = fmt.Sprintf("%.2f", median(s.results, func(r result) float64 { return r.server.cpu.Seconds() }))
		}
		rows = append(rows, row)
	}
	return rows
}

// note says what was not as it should be.
func (s *standing) note() string {
	var notes []string
	if len(s.failures) > 0 {
		notes = append(notes, short(s.failures[len(s.failures)-1]))
	}
	if s.overload > 0 {
		notes = append(notes, fmt.Sprintf("the link could not keep up in %d", s.overload))
	}
	return strings.Join(notes, "; ")
}
