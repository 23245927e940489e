package transport

import (
	"sync"
	"time"
)

// A signal wakes everybody who waits for something to change. It is guarded
// by the mutex of the connection: a waiter takes the channel while it finds
// that it has to wait, so no change between the two goes unnoticed. Nothing is
// allocated while nobody waits.
type signal struct{ waiters chan struct{} }

// wait returns a channel that the next wake closes.
func (s *signal) wait() <-chan struct{} {
	if s.waiters == nil {
		s.waiters = make(chan struct{})
	}
	return s.waiters
}

// wake ends the wait of all who wait now.
func (s *signal) wake() {
	if s.waiters != nil {
		close(s.waiters)
		s.waiters = nil
	}
}

// A deadline is a point in time that can be moved while somebody waits for it.
// The zero deadline never comes.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	expired chan struct{} // closed once the deadline has passed
}

// set moves the deadline; a zero time takes it away.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		// The function of the timer runs or has run, and has closed, or is
		// about to close, a channel that is not to be used any more.
		d.expired = nil
	}
	d.timer = nil
	if d.expired == nil || isDone(d.expired) {
		d.expired = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	expired := d.expired
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, func() { close(expired) })
	} else {
		close(expired)
	}
}

// wait returns a channel that is closed when the deadline passes.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expired == nil {
		d.expired = make(chan struct{})
	}
	return d.expired
}

// isDone reports whether a channel that carries no values is closed.
func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
