// Package processors has a program run on as many processors as the others of
// its machine leave (docs/adr/0016-processors.md).
//
// Go's scheduler uses all processors there are. Where another program needs one
// of two, the stages of a transfer are then moved from processor to processor by
// the system, each time away from the cache that holds their bytes, and both
// programs pay for it. A scheduler that knows of its one processor hands bytes
// from stage to stage while they are in its cache.
package processors

import (
	"context"
	"math"
	"os"
	"runtime"
	"time"
)

// period is how often the machine is looked at. The system counts in hundredths
// of a second, so a period has some twenty of them on two processors.
const period = 100 * time.Millisecond

// Follow has Go's scheduler follow, until ctx ends, what others leave of the
// processors. It is for programs, once in each, and does nothing where the
// system does not tell, where there is one processor only, or where whoever
// started the program has said how many it is to use (GOMAXPROCS).
func Follow(ctx context.Context) {
	most := runtime.GOMAXPROCS(0)
	if most == 1 || os.Getenv("GOMAXPROCS") != "" {
		return
	}
	usage, err := openUsage()
	if err != nil {
		return
	}
	go func() {
		defer usage.close()
		follow(ctx, usage.read, usage.processors, most)
	}()
}

// follow ends with ctx, or where the system tells no more. Then all processors are
// used again, since nobody would notice that the others have gone.
func follow(ctx context.Context, read func() (reading, error), processors, most int) {
	defer func() {
		if runtime.GOMAXPROCS(0) != most {
			runtime.GOMAXPROCS(most)
		}
	}()
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	s := share{most: most, now: most}
	before, err := read()
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var after reading
		if after, err = read(); err == nil && s.follow(processors, before, after) {
			runtime.GOMAXPROCS(s.now)
		}
		before = after
	}
}

// A reading is what the processors that the program may use have done up to a
// moment.
type reading struct {
	at   time.Time
	busy time.Duration // of all of them together, by whomever
	own  time.Duration // by this program
}

// A share is how many processors a program uses.
type share struct {
	most int // what Go's scheduler found: no more than these
	now  int
	next int // what the last period asked for
}

// follow takes the readings at both ends of a period, and reports whether now
// has changed: two periods have to agree.
func (s *share) follow(processors int, before, after reading) bool {
	elapsed := after.at.Sub(before.at).Seconds()
	if elapsed <= 0 {
		return false
	}
	own := (after.own - before.own).Seconds()
	others := max(0, (after.busy-before.busy).Seconds()-own) / elapsed
	fit := min(s.most, max(1, int(math.Round(float64(processors)-others))))
	agreed := fit == s.next
	s.next = fit
	if !agreed || fit == s.now {
		return false
	}
	s.now = fit
	return true
}
