package transfer

import "context"

// maxQueued is how many messages may wait to be written before whoever makes
// more of them has to wait (docs/protocol.md §10.1).
const maxQueued = 256

// awaitRoom waits while more than maxQueued messages wait to be written, as
// counted by waiting, which is called with c.mu held. It returns false where
// ctx ended first.
//
// The reader of messages waits for what it owes the peer alone, and whoever
// reads a file waits for the whole queue. So the reader never waits for
// messages that this side says of its own accord, and two sides that do so
// cannot both stop reading: a program without hundreds of open offers and
// requests is never owed so much, and reads on.
func (c *control) awaitRoom(ctx context.Context, waiting func() int) bool {
	for {
		c.mu.Lock()
		full := waiting() > maxQueued
		if full && c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// makeRoom wakes whoever waits for room. c.mu is held.
func (c *control) makeRoom() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}
