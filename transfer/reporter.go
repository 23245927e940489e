package transfer

import (
	"slices"
	"sync"
	"time"
)

// reporter tells the application how far its transfers are.
type reporter struct {
	progress func(Update) // nil: nobody wants to know
	ended    chan struct{}
	loop     sync.WaitGroup

	mu     sync.Mutex // held over calls of progress, so that they do not overlap
	active []moving   // oldest first
}

// moving is a transfer that can tell how far it is.
type moving interface {
	progress() Update
}

func startReporter(progress func(Update)) *reporter {
	w := &reporter{progress: progress, ended: make(chan struct{})}
	if progress != nil {
		w.loop.Go(w.run)
	}
	return w
}

func (w *reporter) run() {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.report()
		case <-w.ended:
			return
		}
	}
}

func (w *reporter) report() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.active) > 0 {
		w.progress(w.active[0].progress())
	}
}

// add begins to report a transfer.
func (w *reporter) add(m moving) {
	if w.progress == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = append(w.active, m)
}

// remove reports a transfer for the last time.
func (w *reporter) remove(m moving, bytes int64) {
	if w.progress == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = slices.DeleteFunc(w.active, func(other moving) bool { return other == m })
	last := m.progress()
	last.Bytes, last.Done = bytes, true
	w.progress(last)
}

func (w *reporter) stop() {
	close(w.ended)
	w.loop.Wait()
}
