package plot

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Sizes of a figure.
const (
	usualWidth  = 18 * vg.Centimeter
	panelHeight = 4.2 * vg.Centimeter
	titleHeight = 1 * vg.Centimeter
	margin      = 0.4 * vg.Centimeter
	dotsPerInch = 144 // of a PNG
)

// colours of the series of a panel, in their order. Okabe and Ito chose them
// so that people who see few colours can tell them apart.
var colours = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // blue
	color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // vermilion
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // green
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, // purple
	color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, // orange
}

var (
	gridColour = color.Gray{Y: 0xe0}
	markColour = color.Gray{Y: 0x70}
)

// draw puts the panels on a canvas of that format.
func (f Figure) draw(format Format) (io.WriterTo, error) {
	width := usualWidth
	if f.Width > 0 {
		width = vg.Length(f.Width) * vg.Centimeter
	}
	height := titleHeight + vg.Length(len(f.Panels))*panelHeight
	var file io.WriterTo
	var canvas vg.CanvasSizer
	if format == PNG {
		c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))}
		file, canvas = c, c
	} else {
		c := vgsvg.New(width, height)
		file, canvas = c, c
	}
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())

	rows := make([][]*plot.Plot, len(f.Panels))
	for i, p := range f.Panels {
		made, err := f.panel(p, i == 0, i == len(f.Panels)-1)
		if err != nil {
			return nil, err
		}
		rows[i] = []*plot.Plot{made}
	}
	tiles := draw.Tiles{
		Rows: len(rows), Cols: 1, PadY: margin,
		PadLeft: margin, PadRight: margin, PadTop: margin, PadBottom: margin,
	}
	canvases := plot.Align(rows, tiles, all)
	for i := range rows {
		rows[i][0].Draw(canvases[i][0])
	}
	return file, nil
}

// panel makes one of them; the top one has the title and the names of the
// marks, the bottom one the times.
func (f Figure) panel(p Panel, top, bottom bool) (*plot.Plot, error) {
	made := plot.New()
	sansSerif(made)
	if top {
		made.Title.Text = f.Title
	}
	made.Y.Label.Text = p.Label
	made.X.Min, made.X.Max = f.span()
	made.X.Tick.Marker = times(bottom)
	if bottom {
		made.X.Label.Text = "seconds"
	}
	made.Legend.Top = true
	made.Legend.ThumbnailWidth = 0.6 * vg.Centimeter
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColour, gridColour
	made.Add(grid)
	low, high := 0.0, 0.0 // every axis shows the zero: heights can be compared
	for i, s := range p.Series {
		points := drawable(s.Points)
		if len(points) == 0 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color = colours[i%len(colours)]
		line.Width = vg.Points(0.9)
		made.Add(line)
		made.Legend.Add(s.Name, line)
		for _, xy := range points {
			low, high = min(low, xy.Y), max(high, xy.Y)
		}
	}
	if high == low {
		high = low + 1
	}
	made.Y.Min, made.Y.Max = low, low+(1.06+0.1*float64(len(p.Series)))*(high-low) // room for the legend
	if err := f.addMarks(made, top, len(p.Series)); err != nil {
		return nil, err
	}
	return made, nil
}

// drawable thins points out and drops those that are no numbers.
func drawable(points []Point) plotter.XYs {
	var xys plotter.XYs
	for _, p := range thin(points) {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			xys = append(xys, plotter.XY{X: p.At.Seconds(), Y: p.Value})
		}
	}
	return xys
}

const (
	// lateMark is from which part of the time on the name of a mark stands to its
	// left.
	lateMark = 0.7
	// nameRoom is how much of the time a name takes the place of; one that
	// follows sooner stands below it.
	nameRoom = 0.15
	// nameHeight is the height of a name, in points.
	nameHeight = 10
)

// addMarks draws the events, the top panel, of so many series, with their names.
func (f Figure) addMarks(made *plot.Plot, named bool, series int) error {
	span := made.X.Max - made.X.Min
	row, latest := 0, math.Inf(-1)
	for _, m := range f.Marks {
		at := m.At.Seconds()
		if at < made.X.Min || at > made.X.Max {
			continue
		}
		line, err := plotter.NewLine(plotter.XYs{{X: at, Y: made.Y.Min}, {X: at, Y: made.Y.Max}})
		if err != nil {
			return err
		}
		line.Color = markColour
		line.Width = vg.Points(0.6)
		line.Dashes = []vg.Length{vg.Points(3), vg.Points(2)}
		made.Add(line)
		if !named {
			continue
		}
		label, err := plotter.NewLabels(plotter.XYLabels{
			XYs: plotter.XYs{{X: at, Y: made.Y.Max}}, Labels: []string{m.Name},
		})
		if err != nil {
			return err
		}
		style := &label.TextStyle[0]
		style.Color, style.Font.Variant, style.Font.Size = markColour, "Sans", vg.Points(7)
		style.YAlign = draw.YTop
		if row++; at-latest > nameRoom*span {
			row = 0
		}
		latest = at
		label.Offset = vg.Point{X: vg.Points(2), Y: vg.Points(float64(-nameHeight * row))}
		if at > made.X.Min+lateMark*span {
			// To the right it would not fit, and above there is the legend.
			style.XAlign = draw.XRight
			label.Offset = vg.Point{X: vg.Points(-2), Y: vg.Points(float64(-nameHeight * (row + series)))}
		}
		made.Add(label)
	}
	return nil
}

// sansSerif sets fonts and sizes.
func sansSerif(p *plot.Plot) {
	p.Title.TextStyle.Font.Size = vg.Points(11)
	p.Title.Padding = vg.Points(6)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size = vg.Points(8)
		axis.Tick.Label.Font.Size = vg.Points(7)
		axis.Label.TextStyle.Font.Variant, axis.Tick.Label.Font.Variant = "Sans", "Sans"
		axis.Padding = 0
	}
	p.Y.Tick.Marker = plot.TickerFunc(values)
	p.Title.TextStyle.Font.Variant = "Sans"
	p.Legend.TextStyle.Font.Variant = "Sans"
	p.Legend.TextStyle.Font.Size = vg.Points(7)
}

// steps are the distances of ticks, in powers of ten.
var steps = []float64{1, 2, 5, 10}

// ticks returns about count round numbers between low and high.
func ticks(low, high float64, count int, labels bool) (all []plot.Tick) {
	raw := (high - low) / float64(count)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := power * steps[slices.IndexFunc(steps, func(s float64) bool { return s*power >= 0.75*raw || s == 10 })]
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	for k := math.Ceil(low/step - 1e-9); k*step <= high*(1+1e-9); k++ {
		t := plot.Tick{Value: k*step + 0} // which makes a zero of minus zero
		if labels {
			t.Label = strconv.FormatFloat(t.Value, 'f', digits, 64)
		}
		all = append(all, t)
	}
	return all
}

// values are the ticks of a panel's own axis.
func values(low, high float64) []plot.Tick { return ticks(low, high, 4, true) }

// times are those of the common axis, with numbers at the bottom only.
func times(labels bool) plot.Ticker {
	return plot.TickerFunc(func(low, high float64) []plot.Tick {
		all := ticks(low, high, 10, labels)
		if !labels {
			for i := range all {
				all[i].Label = " " // a tick without a label is a minor one, which has no grid
			}
		}
		return all
	})
}
