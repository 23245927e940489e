package core

import (
	"cmp"
	"slices"

	"example.com/uft/internal/wire"
)

// streamSet is the streams of a connection, in the order of their opening,
// which is also the order in which they are served.
type streamSet struct {
	byID   map[uint64]*stream
	order  []*stream
	ready  []*stream // those with a frame to send, in the same order
	added  uint64    // streams ever added
	opened uint64    // by us
	// peerMax is how many streams the peer lets us open.
	peerMax uint64
	// peerOpened is how many the peer has opened; all below are known.
	peerOpened uint64
	// allowed is how many the peer may open, announced by MAX_STREAMS.
	allowed    uint64
	sendMax    bool
	credit     receiveCredit // of all streams together: MAX_DATA
	sendCredit sendCredit
}

func newStreamSet(cfg *Config) streamSet {
	return streamSet{
		byID:    make(map[uint64]*stream),
		allowed: cfg.MaxStreams,
		credit:  newReceiveCredit(cfg.DataWindow, 16*cfg.DataWindow),
	}
}

func (t *streamSet) get(id uint64) *stream { return t.byID[id] }

func (t *streamSet) add(s *stream) {
	s.place = t.added
	t.added++
	t.byID[s.id] = s
	t.order = append(t.order, s)
}

// find returns where a stream stands, or would stand, in a list.
func find(list []*stream, s *stream) (at int, ok bool) {
	return slices.BinarySearchFunc(list, s, func(a, b *stream) int { return cmp.Compare(a.place, b.place) })
}

// wake puts a stream among those that are ready if it has a frame to send;
// every change that may give it one is followed by this.
func (t *streamSet) wake(s *stream) {
	if s.queued || t.byID[s.id] == nil || !s.pending(t.sendCredit.left()) {
		return
	}
	s.queued = true
	at, _ := find(t.ready, s)
	t.ready = slices.Insert(t.ready, at, s)
}

// wakeAll is wake for a change that concerns every stream.
func (t *streamSet) wakeAll() {
	for _, s := range t.order {
		t.wake(s)
	}
}

// prune takes out of the ready streams those that have nothing to send any
// more, or no credit to send it with.
func (t *streamSet) prune() {
	left := t.sendCredit.left()
	t.ready = slices.DeleteFunc(t.ready, func(s *stream) bool {
		s.queued = t.byID[s.id] != nil && s.pending(left)
		return !s.queued
	})
}

// retireStream forgets a stream of which both directions are over and, where
// the peer had opened it, allows the peer another.
func (c *Conn) retireStream(s *stream) {
	t := &c.streams
	if !s.sendDone() || !s.over || t.byID[s.id] == nil {
		return
	}
	delete(t.byID, s.id)
	if i, ok := find(t.order, s); ok {
		t.order = slices.Delete(t.order, i, i+1)
	}
	if s.id&1 != uint64(c.role) {
		c.streams.allowed++
		c.streams.sendMax = true
	}
}

func (c *Conn) newStream(id uint64) *stream {
	s := &stream{id: id, window: newReceiveCredit(c.cfg.StreamWindow, 64*c.cfg.StreamWindow)}
	s.credit.limit = c.peer.InitialMaxStreamData
	return s
}

// peerStream finds the stream of a frame. Where the peer opens it with this
// frame, it and all streams below it come into being. A nil stream without an
// error was closed long ago.
func (c *Conn) peerStream(id uint64) (*stream, error) {
	if s := c.streams.get(id); s != nil {
		return s, nil
	}
	index := id >> 1
	if id&1 == uint64(c.role) {
		if index >= c.streams.opened {
			return nil, violation(wire.CodeStateError, "stream %d was never opened", id)
		}
		return nil, nil
	}
	if index < c.streams.peerOpened {
		return nil, nil
	}
	if index >= c.streams.allowed {
		return nil, violation(wire.CodeLimitExceeded, "stream %d beyond the limit of %d", id, c.streams.allowed)
	}
	for ; c.streams.peerOpened <= index; c.streams.peerOpened++ {
		s := c.newStream(c.streams.peerOpened<<1 | id&1)
		c.streams.add(s)
		c.emit(Event{Kind: EventStreamOpened, ID: s.id})
	}
	return c.streams.get(id), nil
}

// raiseStreamLimits takes the peer's transport parameters, or its MAX frames.
func (c *Conn) raiseStreamLimits(p *wire.Parameters) {
	c.streams.peerMax = max(c.streams.peerMax, p.InitialMaxStreams)
	c.streams.sendCredit.raise(p.InitialMaxData)
	for _, s := range c.streams.order {
		s.credit.raise(p.InitialMaxStreamData)
	}
	c.streams.wakeAll()
}

// rewindStreams has everything be sent for the first time again (see
// rewindBulk).
func (c *Conn) rewindStreams() {
	t := &c.streams
	t.peerMax = c.peer.InitialMaxStreams
	t.sendCredit = sendCredit{limit: c.peer.InitialMaxData}
	for _, s := range t.order {
		s.credit.limit = c.peer.InitialMaxStreamData
		s.out.rewind()
		s.streamsUsed, s.finalSize = 0, 0
		s.finPending = s.finish && s.reset == nil
	}
	t.wakeAll()
}

// pending reports whether any stream, or the set itself, has a frame to send.
func (t *streamSet) pending() bool {
	if t.sendMax || t.credit.pending {
		return true
	}
	// What was acknowledged meanwhile is still in the list: look at the first
	// until one really has something.
	for len(t.ready) > 0 {
		s := t.ready[0]
		if t.byID[s.id] != nil && s.pending(t.sendCredit.left()) {
			return true
		}
		s.queued = false
		t.ready = t.ready[1:]
	}
	return false
}

// unacked is how many stream bytes were sent and not acknowledged.
func (t *streamSet) unacked() (n uint64) {
	for _, s := range t.order {
		n += s.out.unacked()
	}
	return n
}
