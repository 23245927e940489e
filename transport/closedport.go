package transport

import (
	"time"

	"example.com/uft/internal/instant"
)

const (
	// firstAsk is how long a client hears nothing before it asks the server's
	// machine whether anybody still listens on the port.
	firstAsk = time.Second
	// longestAsk bounds the doubled pauses between further questions.
	longestAsk = 30 * time.Second
	// closedAnswers is how many answers in a row make it certain: one may come
	// from a server that is just being restarted.
	closedAnswers = 2
)

// A ClosedPortError says that the machine of the server answers, and that
// nobody listens on the port there: the server has ended, or never ran.
type ClosedPortError struct{ Handshake bool }

// Error says what was found.
func (e *ClosedPortError) Error() string {
	if e.Handshake {
		return "transport: nobody listens on this port (connection refused)"
	}
	return "transport: the server is gone: nobody listens on its port any more"
}

// portWatch finds out, at a client, that the server's program has ended. A
// program that is killed closes nothing, and the idle timeout is long because
// networks come back; its machine, though, says at once that the port is
// closed. Only the owner uses it.
type portWatch struct {
	next    instant.Time // when to ask
	pause   time.Duration
	answers chan bool // of the question under way; nil: none is
	closed  int       // answers in a row that said so
}

// heard notes that the server is there.
func (w *portWatch) heard(now instant.Time) {
	w.next, w.pause, w.closed = now.Add(firstAsk), firstAsk, 0
}

// watchPort asks when it is time to, and ends the connection when the answers
// leave no doubt.
func (c *Conn) watchPort(now instant.Time) {
	w := &c.port
	if c.offer != nil {
		return // a server's client may sit behind anything
	}
	if !w.next.IsSet() {
		w.heard(now)
	}
	if w.answers != nil {
		select {
		case closed := <-w.answers:
			w.answers = nil
			c.portAnswered(closed, now)
		default:
		}
		return
	}
	if now.Before(w.next) {
		return
	}
	answers := make(chan bool, 1)
	w.answers = answers
	remote := c.remote
	go func() {
		answers <- c.socket.udp.PortClosed(remote)
		c.wakeOwner()
	}()
}

// portAnswered weighs one answer.
func (c *Conn) portAnswered(closed bool, now instant.Time) {
	w := &c.port
	if !closed {
		w.closed = 0
		w.pause = min(2*w.pause, longestAsk)
		w.next = now.Add(w.pause)
		return
	}
	w.closed++
	w.next = now.Add(firstAsk / 2)
	if w.closed < closedAnswers {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && !c.closing {
		c.core.Abandon(now, &ClosedPortError{Handshake: !c.core.Connected()})
	}
}
