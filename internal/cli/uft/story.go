package uft

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"example.com/uft/internal/plot"
	"example.com/uft/internal/trace"
)

// A story is what a trace tells: of connections, or of a link.
type story struct {
	chapters []*chapter // in the order of their first events
	latest   *chapter   // that an event belonged to
}

// A chapter is one connection, or one direction of a link: events that have the
// same group.
type chapter struct {
	group   string
	metrics []trace.Record // events with numbers to draw
	marks   []mark
}

// mark is an event that may become a mark of the picture.
type mark struct {
	at   time.Duration
	name string
}

// The events that have numbers to draw: of a connection, and of a link.
const (
	metricsEvent = "recovery:metrics_updated"
	linkEvent    = "network:interval"
)

// markNames are the events that are marked, and what stands at the mark. Others,
// such as the phases of the congestion controller, come too often.
var markNames = map[string]string{
	"connectivity:path_updated":      "new path",
	"connectivity:mtu_updated":       "block size",
	"connectivity:mtu_black_hole":    "black hole",
	"connectivity:connection_closed": "",
	"recovery:probe_timeout":         "probe timeout",
	"recovery:tail_repair":           "tail repair",
	"security:key_updated":           "new keys",
	"transport:retry_received":       "retry",
	"trace:dropped":                  "trace incomplete",
}

// tell takes in an event.
func (s *story) tell(r trace.Record) error {
	c := s.chapter(r.Group)
	switch r.Name {
	case metricsEvent, linkEvent:
		c.metrics = append(c.metrics, r)
	case "recovery:congestion_state_updated":
		if r.Text("old") == "startup" {
			c.marks = append(c.marks, mark{r.At, "rate found"})
		}
	default:
		if name := markNames[r.Name]; name != "" {
			c.marks = append(c.marks, mark{r.At, name})
		}
	}
	return nil
}

// chapter returns the chapter of a group.
func (s *story) chapter(group string) *chapter {
	if s.latest != nil && s.latest.group == group {
		return s.latest
	}
	i := slices.IndexFunc(s.chapters, func(c *chapter) bool { return c.group == group })
	if i < 0 {
		i = len(s.chapters)
		s.chapters = append(s.chapters, &chapter{group: group})
	}
	s.latest = s.chapters[i]
	return s.latest
}

// errNothingToDraw: the trace is one, but there is nothing in it.
var errNothingToDraw = errors.New("there is nothing to draw in this trace: no metrics")

// figure draws one connection: that whose group begins with wanted, or the one
// with the most bytes. Of a link it draws both directions.
func (s *story) figure(h trace.Header, wanted string) (plot.Figure, error) {
	var drawable []*chapter
	for _, c := range s.chapters {
		if len(c.metrics) > 1 && strings.HasPrefix(c.group, wanted) {
			drawable = append(drawable, c)
		}
	}
	switch {
	case len(drawable) == 0 && wanted != "":
		return plot.Figure{}, fmt.Errorf("no connection %q in this trace", wanted)
	case len(drawable) == 0:
		return plot.Figure{}, errNothingToDraw
	case drawable[0].metrics[0].Name == linkEvent:
		f := linkFigure(drawable)
		f.Title = title(h)
		return f, nil
	}
	chosen := slices.MaxFunc(drawable, func(a, b *chapter) int {
		return int(a.bytes()/1024) - int(b.bytes()/1024)
	})
	f := chosen.figure()
	f.Title = title(h)
	if len(drawable) > 1 {
		f.Title += fmt.Sprintf(" (connection %.8s, one of %d)", chosen.group, len(drawable))
	}
	return f, nil
}

// lettersPerCentimetre of the title fit above a picture.
const lettersPerCentimetre = 5

// title is the command that was run, without the folder of the program, and the
// vantage point.
func title(h trace.Header) string {
	words := strings.Fields(h.Title)
	if len(words) > 0 {
		words[0] = path.Base(words[0])
	}
	return strings.Join(words, " ")
}

// clipped returns a title that fits above a picture of that width, in
// centimetres.
func clipped(title string, width float64) string {
	letters := []rune(title)
	if most := int(lettersPerCentimetre * width); len(letters) > most {
		letters = append(letters[:most-1], '…')
	}
	return string(letters)
}

// bytes is how many a connection sent and received.
func (c *chapter) bytes() float64 {
	last := c.metrics[len(c.metrics)-1]
	sent, _ := last.Number("bytes_sent")
	received, _ := last.Number("bytes_received")
	return sent + received
}

// begin is the time of the first event that is drawn: what was before, such as
// a server that waits, would be an empty picture.
func begin(chapters ...*chapter) time.Duration {
	first := chapters[0].metrics[0].At
	for _, c := range chapters[1:] {
		first = min(first, c.metrics[0].At)
	}
	return first
}

// drawnMarks are the marks of a chapter that have room: those of one name that
// follow each other closely are one, with their number.
func (c *chapter) drawnMarks(from time.Duration) (all []plot.Mark) {
	span := c.metrics[len(c.metrics)-1].At - from
	type group struct {
		mark
		last  time.Duration
		count int
	}
	open := map[string]*group{}
	var groups []*group
	for _, m := range c.marks {
		if g := open[m.name]; g != nil && m.at-g.last < span/10 {
			g.last, g.count = m.at, g.count+1
			continue
		}
		g := &group{mark: m, last: m.at, count: 1}
		open[m.name] = g
		groups = append(groups, g)
	}
	for _, g := range groups {
		name := g.name
		if g.count > 1 {
			name = fmt.Sprintf("%s ×%d", name, g.count)
		}
		all = append(all, plot.Mark{At: g.at - from, Name: name})
	}
	return all
}
