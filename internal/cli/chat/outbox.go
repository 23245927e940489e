package chat

import (
	"errors"
	"sync"
)

// maxOutbox bounds the bytes that wait for a client which does not take them.
const maxOutbox = 4 << 20

var (
	errBehind = errors.New("takes nothing any more")
	errLeft   = errors.New("has left")
)

// An outbox holds what is on its way to one client, so that a client that is
// slow or stuck holds up nobody but itself.
type outbox struct {
	mu      sync.Mutex
	changed sync.Cond
	pending []byte // lines
	size    int    // bytes pending, and those being written
	closed  bool   // nothing more is put in
	broken  bool   // nothing more is taken out
}

func newOutbox() *outbox {
	o := &outbox{}
	o.changed.L = &o.mu
	return o
}

// put adds a message as a line. Where there is no room it waits, or returns
// errBehind.
func (o *outbox) put(message []byte, wait bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := len(message) + 1
	for !o.closed && o.size+size > maxOutbox {
		if !wait {
			return errBehind
		}
		o.changed.Wait()
	}
	if o.closed {
		return errLeft
	}
	o.pending = append(append(o.pending, message...), '\n')
	o.size += size
	o.changed.Broadcast()
	return nil
}

// take returns all that waits, and what was taken before has been written then.
// It returns nil when the outbox is closed and empty.
func (o *outbox) take(written int) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size -= written
	o.changed.Broadcast()
	for len(o.pending) == 0 && !o.closed {
		o.changed.Wait()
	}
	if o.broken {
		return nil
	}
	taken := o.pending
	o.pending = nil
	return taken
}

// close lets nothing more in. What is in still goes out.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.changed.Broadcast()
}

// abandon closes the outbox and throws away what is in it.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.broken = true, true
	o.changed.Broadcast()
}
