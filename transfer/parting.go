package transfer

import (
	"errors"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// heedClose takes a close with code 0 for what it says of the files that the
// client has asked for: they are there (docs/protocol.md §10.6). A client does
// not wait until its last DONE has arrived, and where that is lost the close, of
// which there are three copies, stands for it.
func (c *control) heedClose() {
	var closed *transport.CloseError
	if !errors.As(c.conn.Err(), &closed) || !closed.Remote || !closed.Application || closed.Code != 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, out := range c.outgoing {
		if out.asked && !out.sender.Over() && out.sentAll() {
			c.supply(out)
		}
	}
}

// supply handles the messages of the receiver that are missing. c.mu is held.
func (c *control) supply(out *outgoing) {
	s := out.sender
	missing := []xfer.Message{&xfer.Done{Transfer: s.ID(), Root: s.Root()}}
	if !s.Accepted() {
		missing = append([]xfer.Message{&xfer.Accept{Transfer: s.ID()}}, missing...)
	}
	for _, m := range missing {
		if event, err := c.session.Handle(m); err == nil {
			c.heed(&event)
		}
	}
}
