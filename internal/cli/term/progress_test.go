package term

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canvas is a writer that several goroutines may use.
type canvas struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *canvas) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// take returns what was written since the last call.
func (c *canvas) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.text.Reset()
	return c.text.String()
}

// drawn returns a Progress in Bar mode that draws only when draw is called.
// Two requests are made, since the first one to be taken only promises that
// the drawing before it is complete.
func drawn(c *canvas) (p *Progress, draw func()) {
	request := make(chan any)
	p = NewProgress(c, Bar)
	p.options = []mpb.ContainerOption{mpb.WithOutput(c), mpb.WithManualRefresh(request), mpb.WithWidth(100)}
	return p, func() {
		for range 3 {
			request <- time.Time{}
		}
	}
}

func TestBarShowsFigures(t *testing.T) {
	var c canvas
	p, draw := drawn(&c)
	p.Start("a-name\x1bthat-is-much-too-long-for-the-line", 64<<20)
	p.Update(Sample{Bytes: 32 << 20, Loss: 0.051, Rate: 93.1e6})
	draw()
	line := c.take()
	for _, want := range []string{`a-name\x1bthat-…  [`, "===>", "  32.0/64.0 MiB  ", "93.1 Mbit/s", "3 s left", "loss 5.1 %"} {
		if !strings.Contains(line, want) {
			t.Errorf("the bar %q does not show %q", line, want)
		}
	}
	p.Update(Sample{Bytes: 512 << 10})
	draw()
	if line := c.take(); !strings.Contains(line, "512.0 KiB/64.0 MiB") {
		t.Errorf("two units: %q", line)
	}
	p.Update(Sample{Bytes: 1, Loss: -1})
	draw()
	// The drawing before may have been late, so only the last line counts.
	lines := strings.Split(strings.TrimSpace(c.take()), "\n")
	if line := lines[len(lines)-1]; !strings.Contains(line, "1 B/64.0 MiB") || strings.Contains(line, "loss") {
		t.Errorf("a loss that is not known: %q", line)
	}
	p.Update(Sample{Bytes: 64 << 20})
	draw()
	if line := c.take(); !strings.Contains(line, "64.0/64.0 MiB") {
		t.Errorf("the bar %q is gone before Finish", line)
	}
	p.Finish()
	p.Finish()
	p.Update(Sample{Bytes: 1})
}

func TestBarOfUnknownAndOfNoSize(t *testing.T) {
	var c canvas
	p, draw := drawn(&c)
	p.Start("stdin", -1)
	p.Update(Sample{Bytes: 2048, Rate: 8000})
	draw()
	if line := c.take(); !strings.Contains(line, "stdin  2.0 KiB  8.0 kbit/s  loss 0.0 %") {
		t.Errorf("unknown size: %q", line)
	}
	p.Start("empty", 0)
	p.Update(Sample{})
	draw()
	if line := c.take(); !strings.Contains(line, "0/0 B") {
		t.Errorf("no size: %q", line)
	}
	p.Finish()
}

func TestMessagesPassTheBar(t *testing.T) {
	var c canvas
	p, draw := drawn(&c)
	p.Start("file", 10)
	if _, err := p.Write([]byte("a message\n")); err != nil {
		t.Fatal(err)
	}
	draw()
	if text := c.take(); !strings.Contains(text, "a message\n") {
		t.Errorf("the message is missing in %q", text)
	}
	p.Finish()
	c.take()
	if _, err := p.Write([]byte("after\n")); err != nil || c.take() != "after\n" {
		t.Errorf("a message without a bar: %v", err)
	}
}

func TestLinesAndQuiet(t *testing.T) {
	var c canvas
	p := NewProgress(&c, Lines)
	p.Start("file\n1", 2048)
	p.Update(Sample{Bytes: 1024})
	p.Finish()
	p.Start("stdin", -1)
	p.Finish()
	if got, want := c.take(), "file\\n1: 2.0 KiB\nstdin: size unknown\n"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	p = NewProgress(&c, Quiet)
	p.Start("file", 1)
	p.Update(Sample{Bytes: 1})
	p.Finish()
	if got := c.take(); got != "" {
		t.Errorf("quiet, yet printed %q", got)
	}
}

func TestTimeLeft(t *testing.T) {
	tests := []struct {
		sample Sample
		total  int64
		want   time.Duration
		ok     bool
	}{
		{Sample{Bytes: 0, Rate: 8000}, 10_000, 10 * time.Second, true},
		{Sample{Bytes: 9_999, Rate: 8000}, 10_000, time.Second, true},
		{Sample{Bytes: 10_000, Rate: 8000}, 10_000, 0, true},
		{Sample{Bytes: 20_000, Rate: 8000}, 10_000, 0, true},
		{Sample{Bytes: 0, Rate: 0}, 10_000, 0, false},
		{Sample{Bytes: 0, Rate: math.NaN()}, 10_000, 0, false},
		{Sample{Bytes: 0, Rate: 8000}, -1, 0, false},
		{Sample{Bytes: 0, Rate: 1}, math.MaxInt64, 0, false},
	}
	for _, test := range tests {
		if got, ok := timeLeft(test.sample, test.total); got != test.want || ok != test.ok {
			t.Errorf("timeLeft(%+v, %d) = %v, %v; want %v, %v", test.sample, test.total, got, ok, test.want, test.ok)
		}
	}
}
