package uft

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/plot"
	"example.com/uft/internal/trace"
)

// plotWord is the command that draws a trace.
const plotWord = "plot"

// plotHelp is what `uft plot -h` prints.
const plotHelp = `uft plot draws a trace: rate, round trip, bytes in flight and loss over time.

  uft HOST -t FILE --trace run.qlog     write what happens
  uft plot run.qlog                     draw it, into run.svg
  uft plot run.qlog -o run.png          draw it into another file

Traces come from uft -t, -r, -a, -s, from uft sim, from serveur, client and
medium, each with --trace FILE. Of a trace of several connections the one with
the most bytes is drawn.

  -o, --output FILE         the picture, FILE.svg or FILE.png
      --connection ID       another connection of the trace: the first letters of
                            its number, as the title of the picture shows it
      --width CENTIMETRES   of the picture, 8 to 60 (default 18)
      --title TEXT          in place of the command line
  -h, --help                print this help

Exit codes: 0 drawn, 1 no trace or nothing in it, 2 usage, 3 cannot be read,
7 cannot be written.
`

// plotting is a command line of `uft plot`.
type plotting struct {
	file, output, connection, title string
	width                           float64
	help                            bool
}

// usualWidth is that of a picture, in centimetres.
const usualWidth = 18

// plotArguments returns the command line of `uft plot` if args are one: its
// first word is plot, and it has neither -t nor -r, with which plot is a host.
func plotArguments(args []string) (rest []string, asked bool) {
	if len(args) == 0 || args[0] != plotWord {
		return nil, false
	}
	tokens := scan(flagSet(options(&Command{}, &given{})), args)
	if has(tokens, "transmit") || has(tokens, "request") {
		return nil, false
	}
	return args[1:], true
}

// parsePlot reads the command line after the word plot.
func parsePlot(args []string) (plotting, error) {
	p := plotting{width: usualWidth}
	flags := flagSet([]option{
		{name: "output", shorthand: "o", take: into(&p.output, parsePath)},
		{name: "connection", take: into(&p.connection, parsePath)},
		{name: "width", take: into(&p.width, parseWidth)},
		{name: "title", take: into(&p.title, parsePath)},
		{name: "help", shorthand: "h", toggle: &p.help},
	})
	tokens := scan(flags, args)
	if has(tokens, "help") {
		return plotting{help: true}, nil
	}
	for _, t := range tokens {
		if t.option == unknown {
			return plotting{}, usageErrorf("uft plot has no option %s", t.text)
		}
	}
	if err := checkValues(flags, tokens); err != nil {
		return plotting{}, err
	}
	if err := flags.Parse(args); err != nil {
		return plotting{}, describe(err)
	}
	switch flags.NArg() {
	case 0:
		return plotting{}, usageErrorf("uft plot needs the trace to draw: uft plot run.qlog")
	case 1:
		p.file = flags.Arg(0)
	default:
		return plotting{}, usageErrorf("uft plot draws one trace, but there is also %q", flags.Arg(1))
	}
	if p.output == "" {
		p.output = pictureOf(p.file)
	}
	if _, err := plot.FormatOf(p.output); err != nil {
		return plotting{}, usageErrorf("-o: %w", err)
	}
	if p.output == p.file {
		return plotting{}, usageErrorf("the picture would replace the trace %q: name it with -o", p.file)
	}
	return p, nil
}

// pictureOf is the name of the picture of a trace where none is given: that of
// the trace with another ending.
func pictureOf(file string) string {
	for _, ending := range []string{".qlog", ".sqlog", ".json", ".trace"} {
		if name, ok := strings.CutSuffix(file, ending); ok && name != "" {
			return name + ".svg"
		}
	}
	return file + ".svg"
}

// runPlot draws, and returns the exit code.
func runPlot(args []string, std stdio) int {
	p, err := parsePlot(args)
	switch {
	case err != nil:
		std.report(fmt.Errorf("%w; see uft plot --help", err))
		return Code(err)
	case p.help:
		_, err = io.WriteString(std.out, plotHelp)
	default:
		err = p.draw()
	}
	if err != nil {
		std.report(err)
	}
	return Code(err)
}

// draw reads the trace and writes the picture.
func (p *plotting) draw() error {
	file, err := os.Open(p.file)
	if err != nil {
		return fail(exit.Source, err)
	}
	defer file.Close()
	var s story
	header, err := trace.Read(file, s.tell)
	if err != nil {
		return fail(exit.Other, fmt.Errorf("%s: %w", p.file, err))
	}
	figure, err := s.figure(header, p.connection)
	if err != nil {
		return fail(exit.Other, fmt.Errorf("%s: %w", p.file, err))
	}
	if p.title != "" {
		figure.Title = p.title
	}
	figure.Width = p.width
	figure.Title = clipped(figure.Title, p.width)
	format, err := plot.FormatOf(p.output)
	if err == nil {
		err = writePicture(p.output, figure, format)
	}
	if errors.Is(err, plot.ErrEmpty) {
		return fail(exit.Other, fmt.Errorf("%s: %w", p.file, err))
	}
	return fail(exit.Destination, err)
}

// writePicture writes a figure into a file, and leaves none behind that is not
// whole.
func writePicture(name string, figure plot.Figure, format plot.Format) error {
	var picture strings.Builder
	if err := figure.Write(&picture, format); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(picture.String()), 0o666)
}

// parseWidth reads a number of centimetres.
func parseWidth(value string) (float64, error) {
	var width float64
	if _, err := fmt.Sscanf(value+"\n", "%g\n", &width); err != nil || !(width >= 8 && width <= 60) {
		return 0, errors.New("write a number of centimetres from 8 to 60")
	}
	return width, nil
}
