package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"example.com/uft/transfer"
)

const (
	// period is how often the account of the transfers is taken.
	period = time.Second
	// pause is how far apart two of them are at least, however many transfers
	// begin and end: each takes the locks of all connections.
	pause = 100 * time.Millisecond
	// window is how long the rate of a transfer looks back.
	window = 5 * time.Second
)

// monitor takes the account of the transfers, and remembers what rates are
// reckoned from.
type monitor struct {
	status func() (transfer.Status, <-chan struct{})
	now    func() time.Time

	mu        sync.Mutex
	past      history
	text      []byte          // the latest account, in JSON
	taken     time.Time       // when it was taken
	outdated  <-chan struct{} // closed when a transfer has begun or ended since
	published chan struct{}   // closed at the next account
}

func newMonitor(status func() (transfer.Status, <-chan struct{})) *monitor {
	return &monitor{status: status, now: time.Now, past: history{}, published: make(chan struct{})}
}

// run takes the account once a period, and when a transfer begins or ends, until
// ctx ends.
func (m *monitor) run(ctx context.Context) {
	for {
		m.follow()
		m.mu.Lock()
		outdated, next := m.outdated, m.taken.Add(period).Sub(m.now())
		m.mu.Unlock()
		select {
		case <-outdated:
			next = pause
		case <-time.After(next):
			continue
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return
		}
	}
}

// current returns the account in JSON. Where the latest one is outdated, and too
// young for another, it waits for the next one.
func (m *monitor) current(ctx context.Context) []byte {
	text, newer := m.follow()
	m.mu.Lock()
	outdated := m.outdated
	m.mu.Unlock()
	select {
	case <-outdated:
	default:
		return text
	}
	select {
	case <-newer:
		text, _ = m.follow()
	case <-ctx.Done():
	}
	return text
}

// follow returns the account in JSON, taken anew unless the latest one is younger
// than the pause, and a channel that is closed when there is a newer one.
func (m *monitor) follow() ([]byte, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.text != nil && now.Sub(m.taken) < pause {
		return m.text, m.published
	}
	status, outdated := m.status()
	m.past.add(now, status.Running)
	m.text, m.taken, m.outdated = encode(newStatus(now, &status, m.past)), now, outdated
	close(m.published)
	m.published = make(chan struct{})
	return m.text, m.published
}

// history has for each running transfer, by its ID, how far it was at several
// moments of the window, oldest first.
type history map[uint64][]sample

// sample is how far a transfer was at a moment.
type sample struct {
	at    time.Time
	bytes int64
}

// add notes how far the transfers are, and forgets those that are over. Notes
// closer together than half a period are not worth keeping.
func (h history) add(now time.Time, list []transfer.Running) {
	running := make(map[uint64]bool, len(list))
	for i := range list {
		r := &list[i]
		running[r.ID] = true
		samples := h[r.ID]
		if len(samples) > 0 && now.Sub(samples[len(samples)-1].at) < period/2 {
			continue
		}
		old := 0
		for old+1 < len(samples) && now.Sub(samples[old+1].at) >= window {
			old++
		}
		h[r.ID] = append(slices.Delete(samples, 0, old), sample{at: now, bytes: r.Bytes})
	}
	for id := range h {
		if !running[id] {
			delete(h, id)
		}
	}
}

// rate returns how fast a transfer has been in the window, or since it began, in
// bit/s of the file.
func (h history) rate(now time.Time, r *transfer.Running) float64 {
	from := sample{at: r.Begun}
	if samples := h[r.ID]; len(samples) > 0 && samples[0].at.Before(now) && now.Sub(r.Begun) > window {
		from = samples[0]
	}
	elapsed := now.Sub(from.at)
	if elapsed <= 0 {
		return 0
	}
	return float64(max(0, r.Bytes-from.bytes)) * 8 / elapsed.Seconds()
}
