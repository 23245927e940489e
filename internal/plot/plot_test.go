package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// wave is a series of n points over a second.
func wave(name string, n int) Series {
	s := Series{Name: name}
	for i := range n {
		at := time.Duration(i) * time.Second / time.Duration(n)
		s.Points = append(s.Points, Point{at, 100 * (1 + math.Sin(float64(i)/20))})
	}
	return s
}

func example() Figure {
	return Figure{
		Title: "a title & <signs>",
		Panels: []Panel{
			{Label: "rate, Mbit/s", Series: []Series{wave("sent", 100), wave("received", 50)}},
			{Label: "loss, %", Series: []Series{{Name: "none", Points: []Point{{0, 0}, {time.Second, 0}}}, {Name: "empty"}}},
		},
		Marks: []Mark{{500 * time.Millisecond, "blackout"}, {time.Hour, "too late"}},
	}
}

func write(t *testing.T, f Figure, format Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSVG reads the file as the XML it is and looks for all texts.
func TestSVG(t *testing.T) {
	file := write(t, example(), SVG)
	var text strings.Builder
	decoder := xml.NewDecoder(bytes.NewReader(file))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := token.(xml.CharData); ok {
			text.Write(c)
			text.WriteByte('\n')
		}
	}
	lines := strings.Split(text.String(), "\n")
	for _, want := range []string{"a title & <signs>", "rate, Mbit/s", "loss, %", "sent", "received", "none", "blackout", "seconds", "200", "0.5"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not in the picture", want)
		}
	}
	for _, unwanted := range []string{"empty", "too late", "-0"} {
		if slices.Contains(lines, unwanted) {
			t.Errorf("%q is in the picture", unwanted)
		}
	}
}

// TestPNG decodes the file and looks for the colours of the series.
func TestPNG(t *testing.T) {
	picture, err := png.Decode(bytes.NewReader(write(t, example(), PNG)))
	if err != nil {
		t.Fatal(err)
	}
	box := picture.Bounds()
	if box.Dx() < 800 || box.Dy() < 400 {
		t.Errorf("the picture has %v", box)
	}
	for i, want := range colours[:2] {
		wr, wg, wb, _ := want.RGBA()
		found := false
		for y := box.Min.Y; y < box.Max.Y && !found; y++ {
			for x := box.Min.X; x < box.Max.X && !found; x++ {
				r, g, b, _ := picture.At(x, y).RGBA()
				found = r == wr && g == wg && b == wb
			}
		}
		if !found {
			t.Errorf("nothing has the colour of series %d", i)
		}
	}
}

func TestSameFigureSameBytes(t *testing.T) {
	for _, format := range []Format{SVG, PNG} {
		if !bytes.Equal(write(t, example(), format), write(t, example(), format)) {
			t.Errorf("two files of one figure differ as %s", format)
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	one := Series{Points: []Point{{time.Second, 1}}}
	for _, f := range []Figure{{}, {Panels: []Panel{{}}}, {Panels: []Panel{{Series: []Series{one}}}}} {
		if err := f.Write(io.Discard, SVG); !errors.Is(err, ErrEmpty) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// TestNotNumbers draws what a division by zero leaves.
func TestNotNumbers(t *testing.T) {
	f := Figure{Panels: []Panel{{Series: []Series{{Points: []Point{{0, math.NaN()}, {1e9, 5}, {2e9, math.Inf(1)}, {3e9, 7}}}}}}}
	if file := write(t, f, SVG); bytes.Contains(file, []byte("NaN")) || bytes.Contains(file, []byte("Inf")) {
		t.Error("the picture has numbers that are none")
	}
}

// TestThin wants the extremes of a long series kept, in their order.
func TestThin(t *testing.T) {
	long := wave("", 100_000).Points
	long[70_001].Value, long[30_003].Value = 1e6, -1e6
	kept := thin(long)
	if len(kept) > maxPoints+4 || len(kept) < maxPoints/4 {
		t.Errorf("%d points are left", len(kept))
	}
	if kept[0] != long[0] || kept[len(kept)-1] != long[len(long)-1] || !slices.Contains(kept, long[70_001]) || !slices.Contains(kept, long[30_003]) {
		t.Error("an end or an extreme is missing")
	}
	if !slices.IsSortedFunc(kept, func(a, b Point) int { return int(a.At - b.At) }) {
		t.Error("the points are not in order")
	}
	short := wave("", 7).Points
	if !slices.Equal(thin(short), short) {
		t.Error("a short series has changed")
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{0, 115, "0 50 100"},
		{0, 0.023, "0.000 0.005 0.010 0.015 0.020"},
		{0, 4000, "0 1000 2000 3000 4000"},
		{-1, 1, "-1.0 -0.5 0.0 0.5 1.0"},
	} {
		var labels []string
		for _, tick := range values(test.low, test.high) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != test.want {
			t.Errorf("%v to %v: %s, want %s", test.low, test.high, got, test.want)
		}
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.svg": SVG, "b/c.PNG": PNG} {
		if got, err := FormatOf(name); got != want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "svg", "a.jpg", "a.svg.gz"} {
		if _, err := FormatOf(name); err == nil {
			t.Errorf("%q has a format", name)
		}
	}
}
