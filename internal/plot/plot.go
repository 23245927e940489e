// Package plot draws what happened on a connection: panels above each other
// over one axis of time, in each some series of numbers, and marks for events
// that go through all of them. It knows nothing of where the numbers come from.
package plot

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"
)

// A Figure is one picture.
type Figure struct {
	Title  string
	Panels []Panel // from the top
	Marks  []Mark
	Width  float64 // centimetres; default 18
}

// A Panel shows series of one unit.
type Panel struct {
	Label  string // of its axis, with the unit
	Series []Series
}

// A Series is a number as it changes with time. It needs no order of its own,
// but is drawn from one point to the next.
type Series struct {
	Name   string // in the legend of the panel
	Points []Point
}

// A Point is a value at a time since the beginning.
type Point struct {
	At    time.Duration
	Value float64
}

// A Mark is an event, a vertical line with its name.
type Mark struct {
	At   time.Duration
	Name string
}

// Format is a kind of file.
type Format string

// The formats that Write knows.
const (
	SVG Format = "svg"
	PNG Format = "png"
)

// FormatOf returns the format that the ending of a file name asks for, or an
// error that says which there are.
func FormatOf(name string) (Format, error) {
	switch f := Format(strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))); f {
	case SVG, PNG:
		return f, nil
	}
	return "", fmt.Errorf("the name of a picture ends in .svg or .png, %q does not", name)
}

// ErrEmpty says that there is nothing to draw.
var ErrEmpty = errors.New("there is nothing to draw: no series has two points")

// Write draws the figure. The same figure gives the same bytes.
func (f Figure) Write(w io.Writer, format Format) error {
	if _, last := f.span(); last <= 0 || math.IsNaN(last) {
		return ErrEmpty
	}
	canvas, err := f.draw(format)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(w)
	return err
}

// span returns the first and the last time of all points, in seconds. It begins
// at zero unless something was before.
func (f Figure) span() (first, last float64) {
	last = math.NaN()
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if len(s.Points) < 2 {
				continue
			}
			for _, point := range s.Points {
				at := point.At.Seconds()
				first = min(first, at)
				if !(last >= at) {
					last = at
				}
			}
		}
	}
	return first, last
}

// maxPoints is how many points of a series are drawn. A picture is not that
// many dots wide, and a file of all would be large.
const maxPoints = 2000

// thin returns a series of at most about maxPoints points that looks the same:
// of each stretch of time the first, the lowest, the highest and the last.
func thin(points []Point) []Point {
	if len(points) <= maxPoints {
		return points
	}
	size := (4*len(points) + maxPoints - 1) / maxPoints
	kept := make([]Point, 0, maxPoints+4)
	for len(points) > 0 {
		n := min(size, len(points))
		low, high := 0, 0
		for i, p := range points[:n] {
			if p.Value < points[low].Value {
				low = i
			}
			if p.Value > points[high].Value {
				high = i
			}
		}
		last := -1
		for _, i := range [...]int{0, min(low, high), max(low, high), n - 1} {
			if i > last {
				kept = append(kept, points[i])
				last = i
			}
		}
		points = points[n:]
	}
	return kept
}
