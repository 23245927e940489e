package doctor

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// Limits of a clock that serves, implementation constants: the pace of a
// transfer is set in steps of 1 ms, and the clock is read for every train.
const (
	coarsestStep = time.Millisecond
	slowestRead  = 2 * time.Microsecond
)

// checkClock says something only where the clock would slow transfers down.
func checkClock(context.Context, Options) []Finding {
	const readings = 4000
	begin := time.Now()
	step := time.Hour
	last := begin
	for range readings {
		now := time.Now()
		if d := now.Sub(last); d > 0 {
			step = min(step, d)
		}
		last = now
	}
	for step == time.Hour && time.Since(begin) < 100*time.Millisecond { // a clock that has not moved yet
		if d := time.Since(last); d > 0 {
			step = d
		}
	}
	return weighClock(step, last.Sub(begin)/readings)
}

// weighClock weighs the smallest step of a clock and the time that it takes to
// read it.
func weighClock(step, read time.Duration) []Finding {
	f := Finding{
		Check: "clock", Verdict: Note,
		Values: map[string]any{"step_ns": step.Nanoseconds(), "read_ns": read.Nanoseconds()},
	}
	switch {
	case read > slowestRead:
		f.Text = fmt.Sprintf("takes %v to read, which slows every train down", read)
		if runtime.GOOS == "linux" {
			f.Verdict = Fix
			f.Fix = "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"
		}
	case step > coarsestStep:
		f.Text = fmt.Sprintf("moves in steps of %v, so the pace of datagrams is uneven", step)
	default:
		return nil
	}
	return []Finding{f}
}
