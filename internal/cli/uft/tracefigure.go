package uft

import (
	"time"

	"example.com/uft/internal/plot"
	"example.com/uft/internal/trace"
)

// rateSteps is over which part of a picture rates and losses are averaged: as
// narrow as can still be seen.
const rateSteps = 60

// A curve makes a series out of the metrics of a chapter.
type curve struct {
	c     *chapter
	from  time.Duration
	width time.Duration // over which is averaged
}

func (c *chapter) curve(from time.Duration) curve {
	span := c.metrics[len(c.metrics)-1].At - from
	return curve{c, from, span / rateSteps}
}

// of draws a field, in units of scale; zeros are left out where they mean that
// it is not known.
func (k curve) of(name, field string, scale float64, zeros bool) plot.Series {
	s := plot.Series{Name: name}
	for i := range k.c.metrics {
		r := &k.c.metrics[i]
		if least, known := r.Number("min_rtt"); known && least == 0 && field == "smoothed_rtt" {
			continue // a guess
		}
		if v, ok := r.Number(field); ok && (v != 0 || zeros) {
			s.Points = append(s.Points, plot.Point{At: r.At - k.from, Value: v / scale})
		}
	}
	return s
}

// rate draws how fast a counter grows, in units of scale per second.
func (k curve) rate(name, field string, scale float64) plot.Series {
	s := plot.Series{Name: name}
	k.steps(func(now, before *trace.Record) bool { return now.At-before.At >= k.width }, func(now, before *trace.Record) {
		if seconds := (now.At - before.At).Seconds(); seconds > 0 {
			grown := difference(now, before, field)
			s.Points = append(s.Points, plot.Point{At: now.At - k.from, Value: max(0, grown) / seconds / scale})
		}
	})
	return s
}

// leastCount is of how many packets a share is taken at least: at the end of a
// transfer one of two would be a half.
const leastCount = 50

// share draws in per cent which part of some counters together another one is.
func (k curve) share(name, part string, whole ...string) plot.Series {
	s := plot.Series{Name: name}
	sum := func(now, before *trace.Record) (n float64) {
		for _, field := range whole {
			n += difference(now, before, field)
		}
		return n
	}
	all := sum(&k.c.metrics[len(k.c.metrics)-1], &k.c.metrics[0])
	least := min(max(all/(4*rateSteps), leastCount), all)
	k.steps(func(now, before *trace.Record) bool {
		return now.At-before.At >= k.width && sum(now, before) >= least
	}, func(now, before *trace.Record) {
		if n := sum(now, before); n > 0 {
			lost := difference(now, before, part)
			s.Points = append(s.Points, plot.Point{At: now.At - k.from, Value: 100 * min(max(0, lost)/n, 1)})
		}
	})
	return s
}

// steps calls visit with every record, and with the latest one before it that is
// far enough away.
func (k curve) steps(far func(now, before *trace.Record) bool, visit func(now, before *trace.Record)) {
	back := 0
	for i := range k.c.metrics {
		now := &k.c.metrics[i]
		for back < i && far(now, &k.c.metrics[back+1]) {
			back++
		}
		visit(now, &k.c.metrics[back])
	}
}

func difference(now, before *trace.Record, field string) float64 {
	a, _ := now.Number(field)
	b, _ := before.Number(field)
	return a - b
}

// grows reports whether a counter of the chapter is ever above zero.
func (c *chapter) grows(field string) bool {
	v, _ := c.metrics[len(c.metrics)-1].Number(field)
	return v > 0
}

// mostlyReceives reports whether the connection is seen from the receiver.
func (c *chapter) mostlyReceives() bool {
	last := &c.metrics[len(c.metrics)-1]
	received, _ := last.Number("data_received")
	acked, _ := last.Number("data_acked")
	return received > acked
}

// figure draws a connection.
func (c *chapter) figure() plot.Figure {
	from := begin(c)
	k := c.curve(from)
	const bits, mega = 1e6 / 8, 1e6
	roundTrip := plot.Panel{Label: "round trip, ms", Series: []plot.Series{
		k.of("latest", "latest_rtt", 1, false), k.of("smoothed", "smoothed_rtt", 1, false), k.of("least", "min_rtt", 1, false),
	}}
	if c.mostlyReceives() {
		return plot.Figure{Marks: c.drawnMarks(from), Panels: []plot.Panel{
			{Label: "rate, Mbit/s", Series: []plot.Series{
				k.rate("received, IP packets", "bytes_received", bits), k.rate("file bytes", "data_received", bits),
			}},
			roundTrip,
			{Label: "megabytes", Series: []plot.Series{k.of("waits to be written", "backlog", mega, true)}},
		}}
	}
	rate := plot.Panel{Label: "rate, Mbit/s", Series: []plot.Series{
		k.rate("sent, IP packets", "bytes_sent", bits),
		k.rate("file bytes acknowledged", "data_acked", bits),
		k.of("pace", "pacing_rate", mega, false),
	}}
	flight := plot.Panel{Label: "megabytes", Series: []plot.Series{
		k.of("in flight", "bytes_in_flight", mega, true), k.of("window", "congestion_window", mega, false),
	}}
	if c.grows("data_received") {
		rate.Series = append(rate.Series, k.rate("file bytes received", "data_received", bits))
	}
	return plot.Figure{Marks: c.drawnMarks(from), Panels: []plot.Panel{
		rate, roundTrip, flight,
		{Label: "loss, %", Series: []plot.Series{
			k.share("lost", "packets_lost", "packets_acked", "packets_lost"), k.of("base loss", "base_loss", 0.01, true),
		}},
	}}
}

// linkFigure draws the directions of a link.
func linkFigure(directions []*chapter) plot.Figure {
	from := begin(directions...)
	var f plot.Figure
	queue := plot.Panel{Label: "queue, ms"}
	loss := plot.Panel{Label: "dropped, %"}
	for _, c := range directions {
		k := c.curve(from)
		rate := plot.Panel{Label: c.group + ", Mbit/s", Series: []plot.Series{
			k.rate("in", "bytes_in", 1e6/8), k.rate("out", "bytes_out", 1e6/8), k.of("rate", "rate", 1e6, false),
		}}
		f.Panels = append(f.Panels, rate)
		queue.Series = append(queue.Series, k.of(c.group, "queue_delay", 1, true))
		loss.Series = append(loss.Series, k.share(c.group+", by the path", "lost", "packets_in"))
		for _, cause := range [...]struct{ field, words string }{
			{"queue_drops", "by the queue"}, {"policed", "by the policer"}, {"blacked_out", "in a blackout"},
		} {
			if c.grows(cause.field) {
				loss.Series = append(loss.Series, k.share(c.group+", "+cause.words, cause.field, "packets_in"))
			}
		}
	}
	f.Panels = append(f.Panels, queue, loss)
	return f
}
