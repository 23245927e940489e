package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const (
	// redrawEvery is the time between two drawings of the bar.
	redrawEvery = 200 * time.Millisecond
	// nameWidth is how many columns of the line the file name may take.
	// With 16 the whole line fits the classic 80 with a short bar.
	nameWidth = 16
	// longestLeft bounds the time left that is worth showing.
	longestLeft = 100 * time.Hour
)

// Sample is how far a transfer has come.
type Sample struct {
	Bytes int64   // file bytes acknowledged (sending) or received
	Loss  float64 // share of datagrams lost, 0 to 1; negative where that is not known
	Rate  float64 // file data lately, in bit/s
}

// Progress shows transfers one after the other. Its methods may be called from
// several goroutines.
//
// In Bar mode each transfer has a bar that vanishes when it is finished, so
// that what stays on the terminal is the summary. In Lines mode Start prints
// one line; the line at the end is the Summary. In Quiet mode nothing is
// printed.
type Progress struct {
	w       io.Writer
	mode    Mode
	options []mpb.ContainerOption

	mu     sync.Mutex
	sample Sample
	total  int64
	screen *mpb.Progress // nil while no bar is shown
	bar    *mpb.Bar
}

// NewProgress returns a Progress that draws on w.
func NewProgress(w io.Writer, mode Mode) *Progress {
	return &Progress{w: w, mode: mode, options: []mpb.ContainerOption{
		mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(redrawEvery),
	}}
}

// Start begins to show a transfer of total bytes, -1 if that is not known. It
// finishes the transfer shown before, if there is one.
func (p *Progress) Start(name string, total int64) {
	p.Finish()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sample, p.total = Sample{}, total
	switch p.mode {
	case Lines:
		size := "size unknown"
		if total >= 0 {
			size = Bytes(total)
		}
		fmt.Fprintf(p.w, "%s: %s\n", Escape(name), size)
	case Bar:
		p.screen = mpb.New(p.options...)
		p.bar = p.screen.New(total, p.filler(),
			mpb.BarFillerTrim(),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(runewidth.Truncate(Escape(name), nameWidth, "…")+"  ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.figures() })),
		)
	}
}

// Update shows how far the transfer has come. Without a Start it does nothing.
func (p *Progress) Update(s Sample) {
	p.mu.Lock()
	p.sample = s
	bar, total := p.bar, p.total
	p.mu.Unlock()
	if bar == nil {
		return
	}
	// A bar that reaches its end stops taking part. The last byte is not the
	// end of a transfer, though: the hash and the confirmation follow.
	if total > 0 {
		bar.SetCurrent(min(s.Bytes, total-1))
	}
}

// Finish takes the bar away. It may be called more than once.
func (p *Progress) Finish() {
	p.mu.Lock()
	screen, bar := p.screen, p.bar
	p.screen, p.bar = nil, nil
	p.mu.Unlock()
	// The lock is free here: drawing the last time asks for the figures.
	if bar != nil {
		bar.Abort(true)
		screen.Wait()
	}
}

// Write prints whole lines of messages, above the bar where there is one.
func (p *Progress) Write(lines []byte) (int, error) {
	p.mu.Lock()
	screen := p.screen
	p.mu.Unlock()
	if screen != nil {
		if n, err := screen.Write(lines); err == nil {
			return n, nil
		}
		// The bar was finished meanwhile: write to where it was.
	}
	return p.w.Write(lines)
}

// filler returns the shape of the bar: none while the total is unknown.
func (p *Progress) filler() mpb.BarFillerBuilder {
	if p.total < 0 {
		return mpb.NopStyle()
	}
	return mpb.BarStyle()
}

// figures returns what stands after the bar: bytes, rate, time left, loss.
func (p *Progress) figures() string {
	p.mu.Lock()
	s, total := p.sample, p.total
	p.mu.Unlock()
	var parts []string
	if total >= 0 {
		parts = append(parts, "  "+ofTotal(Bytes(s.Bytes), Bytes(total)))
	} else {
		parts = append(parts, Bytes(s.Bytes))
	}
	parts = append(parts, Rate(s.Rate))
	if left, ok := timeLeft(s, total); ok {
		parts = append(parts, formatLeft(left)+" left")
	}
	if s.Loss >= 0 {
		parts = append(parts, "loss "+Percent(s.Loss))
	}
	return strings.Join(parts, "  ")
}

// ofTotal joins two amounts, and writes their unit once if it is the same.
func ofTotal(done, total string) string {
	number, unit, _ := strings.Cut(done, " ")
	if strings.HasSuffix(total, " "+unit) {
		done = number
	}
	return done + "/" + total
}

// timeLeft returns how long the rest takes at the current rate, in whole
// seconds; ok is false where that is not known or too far away to mean much.
func timeLeft(s Sample, total int64) (left time.Duration, ok bool) {
	if total < 0 || !(s.Rate > 0) {
		return 0, false
	}
	seconds := float64(max(total-s.Bytes, 0)) * 8 / s.Rate
	if seconds > longestLeft.Seconds() {
		return 0, false
	}
	return (time.Duration(seconds*float64(time.Second)) + time.Second - 1).Truncate(time.Second), true
}

// formatLeft prints whole seconds as such: tenths would only flicker.
func formatLeft(left time.Duration) string {
	if left < time.Minute {
		return fmt.Sprintf("%d s", int(left.Seconds()))
	}
	return Duration(left)
}
