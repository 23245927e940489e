package core

import (
	"slices"

	"example.com/uft/internal/wire"
)

// streamSet is the streams of a connection, in the order of their opening,
// which is also the order in which they are served.
type streamSet struct {
	byID   map[uint64]*stream
	order  []*stream
	opened uint64 // by us
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
	t.byID[s.id] = s
	t.order = append(t.order, s)
}

// retire forgets a stream of which both directions are over.
func (t *streamSet) retire(s *stream) {
	if !s.sendDone() || !s.receiveDone() {
		return
	}
	if t.byID[s.id] == nil {
		return
	}
	delete(t.byID, s.id)
	if i := slices.Index(t.order, s); i >= 0 {
		t.order = slices.Delete(t.order, i, i+1)
	}
}

// retireStream forgets a finished stream and, where the peer had opened it,
// allows the peer another.
func (c *Conn) retireStream(s *stream) {
	known := c.streams.byID[s.id] != nil
	c.streams.retire(s)
	if known && c.streams.byID[s.id] == nil && s.id&1 != uint64(c.role) {
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
}

// pending reports whether any stream, or the set itself, has a frame to send.
func (t *streamSet) pending() bool {
	if t.sendMax || t.credit.pending {
		return true
	}
	left := t.sendCredit.left()
	return slices.ContainsFunc(t.order, func(s *stream) bool { return s.pending(left) })
}

// unacked is how many stream bytes were sent and not acknowledged.
func (t *streamSet) unacked() (n uint64) {
	for _, s := range t.order {
		n += s.out.unacked()
	}
	return n
}
