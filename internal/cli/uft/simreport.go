package uft

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/matrix"
	"example.com/uft/internal/plot"
)

// prediction is what `uft sim` says.
type prediction struct {
	Seconds     float64 `json:"seconds"`
	Ideal       float64 `json:"ideal_seconds"`
	Score       float64 `json:"score"`
	Goodput     float64 `json:"goodput_bits_per_second"`
	Limit       string  `json:"limited_by"`
	Size        uint64  `json:"size_bytes"`
	Simulated   uint64  `json:"simulated_bytes"`
	Link        string  `json:"link"`
	Seed        uint64  `json:"seed"`
	StartUp     float64 `json:"start_up_seconds"`
	DataSent    float64 `json:"sent_per_file_byte"`
	PathLoss    float64 `json:"path_loss"`
	QueueLoss   float64 `json:"queue_loss"`
	QueueMean   float64 `json:"queue_mean_seconds"`
	QueueP95    float64 `json:"queue_p95_seconds"`
	SmoothedRTT float64 `json:"smoothed_rtt_seconds"`
	Done        bool    `json:"done"`
}

// judge turns a result into the prediction.
func (s *simulation) judge(r matrix.Result, record *matrix.Recorder) *prediction {
	simulated := s.simulated()
	took := r.Took + s.rest(record, simulated)
	p := &prediction{
		Seconds: took.Seconds(), Ideal: s.path.Ideal(s.size).Seconds(),
		Size: s.size, Simulated: simulated, Link: s.link.String(), Seed: s.seed,
		StartUp: r.Meter.StartUp.Seconds(), DataSent: r.DataSent,
		PathLoss: r.Meter.PathLoss, QueueLoss: r.Meter.QueueLoss,
		QueueMean: r.Meter.QueueMean.Seconds(), QueueP95: r.Meter.QueueP95.Seconds(),
		SmoothedRTT: r.Stats.SmoothedRTT.Seconds(), Done: r.Err == nil,
	}
	if !p.Done {
		p.Limit = "silence: the path delivers nothing any more"
		return p
	}
	p.Score = p.Ideal / p.Seconds
	p.Goodput = float64(s.size) * 8 / p.Seconds
	p.Limit = s.limit(took)
	return p
}

// rest is how long the part takes that was not simulated, at the rate of the
// second half of what was.
func (s *simulation) rest(record *matrix.Recorder, simulated uint64) time.Duration {
	n := len(record.Samples)
	if s.size == simulated || n < 4 {
		return 0
	}
	from, to := record.Samples[n/2], record.Samples[n-1]
	if to.Received == from.Received {
		return 0
	}
	perByte := (to.At - from.At).Seconds() / float64(to.Received-from.Received)
	// What takes longer than an int64 of nanoseconds takes that long.
	return time.Duration(min(perByte*float64(s.size-simulated)*float64(time.Second), longestRest))
}

const longestRest = 200 * 365 * 24 * float64(time.Hour)

// bulkOfTime is from which share of the time on that one thing explains it.
const bulkOfTime = 0.7

// limit says what the time went into.
func (s *simulation) limit(took time.Duration) string {
	data := s.path.Ideal(s.size) - 2*s.path.RTT
	switch {
	case s.bitrate > 0 && s.bitrate < s.path.Rate:
		if float64(s.size)*8/float64(s.bitrate) > bulkOfTime*took.Seconds()*(1-s.path.Loss) {
			return "the rate asked for"
		}
	case data.Seconds() > bulkOfTime*took.Seconds() && s.path.Loss >= 0.01:
		return fmt.Sprintf("the rate of the path, of which %.3g %% is lost", 100*s.path.Loss)
	case data.Seconds() > bulkOfTime*took.Seconds():
		return "the rate of the path"
	}
	return fmt.Sprintf("round trips: with the rate of the path alone it would be %s", term.Duration(data))
}

// printJSON prints the prediction as one object.
func (p *prediction) printJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(p)
}

// printText prints it for people.
func (p *prediction) printText(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("link", "%s, each way", strings.ReplaceAll(p.Link, ",", " "))
	if p.Done {
		line("time", "%s for %s; the path allows %s, which is %.3g %% of it",
			seconds(p.Seconds), term.Bytes(int64(p.Size)), seconds(p.Ideal), 100*p.Score)
		line("goodput", "%s", term.Rate(p.Goodput))
	}
	line("limited by", "%s", p.Limit)
	line("start-up", "%s until the path was 80 %% full", seconds(p.StartUp))
	line("sent", "%.3f times the file; lost on the path %.2f %%, dropped by the queue %.2f %%", p.DataSent, 100*p.PathLoss, 100*p.QueueLoss)
	line("queue", "%s on average, 95 %% below %s", seconds(p.QueueMean), seconds(p.QueueP95))
	if p.Simulated < p.Size {
		line("note", "%s were simulated; the rest goes on as their second half did", term.Bytes(int64(p.Simulated)))
	}
	line("seed", "%d", p.Seed)
	_, err := io.WriteString(w, b.String())
	return err
}

// seconds prints a time of any size with three digits.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= time.Minute:
		return term.Duration(d)
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", s)
	}
	return fmt.Sprintf("%.3g ms", 1000*s)
}

// draw draws the transfer into the file of --plot.
func (s *simulation) draw(record *matrix.Recorder) error {
	format, err := plot.FormatOf(s.plot)
	if err != nil {
		return err
	}
	return writePicture(s.plot, s.figure(record.Samples), format)
}

// averaged is over how many samples rates and losses are averaged.
const averaged = 6

// figure makes the picture of samples.
func (s *simulation) figure(samples []matrix.Sample) plot.Figure {
	var pace, sent, received, rtt, queueless, inflight, window, lost, dropped []plot.Point
	add := func(series *[]plot.Point, at time.Duration, value float64) {
		*series = append(*series, plot.Point{At: at, Value: value})
	}
	for i, now := range samples {
		before := samples[max(0, i-averaged)]
		if elapsed := (now.At - before.At).Seconds(); elapsed > 0 {
			add(&sent, now.At, float64(now.Sent-before.Sent)*8/1e6/elapsed)
			add(&received, now.At, float64(now.Received-before.Received)*8/1e6/elapsed)
		}
		if in := float64(now.In - before.In); in > 0 {
			add(&lost, now.At, 100*float64(now.Lost-before.Lost)/in)
			add(&dropped, now.At, 100*float64(now.Dropped-before.Dropped)/in)
		}
		if now.MinRTT > 0 { // measured, and not the guess before
			add(&rtt, now.At, now.RTT.Seconds()*1e3)
			add(&queueless, now.At, now.MinRTT.Seconds()*1e3)
		}
		add(&inflight, now.At, float64(now.Inflight)/1e6)
		add(&window, now.At, float64(now.Window)/1e6)
		add(&pace, now.At, float64(now.Pace)*8/1e6)
	}
	return plot.Figure{
		Title: fmt.Sprintf("%s, seed %d", s.link.String(), s.seed),
		Marks: s.marks(),
		Panels: []plot.Panel{
			{Label: "rate, Mbit/s", Series: []plot.Series{{Name: "sent, IP packets", Points: sent}, {Name: "file bytes received", Points: received}, {Name: "pace", Points: pace}}},
			{Label: "round trip, ms", Series: []plot.Series{{Name: "smoothed", Points: rtt}, {Name: "least", Points: queueless}}},
			{Label: "megabytes", Series: []plot.Series{{Name: "in flight", Points: inflight}, {Name: "window", Points: window}}},
			{Label: "loss, %", Series: []plot.Series{{Name: "by the path", Points: lost}, {Name: "by the queue", Points: dropped}}},
		},
	}
}

// marks are the steps of the scenario.
func (s *simulation) marks() (all []plot.Mark) {
	for _, step := range s.up.Steps {
		all = append(all, plot.Mark{At: step.At, Name: step.Change})
	}
	return all
}
