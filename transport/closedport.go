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
	// unansweredProbes is how many of the core's own probes must have gone
	// unanswered in the meantime. Silence alone may be that of a server that
	// has nothing to say.
	unansweredProbes = 2
	// closedAnswers is how many answers in a row make it certain: one may come
	// from a server that is just being restarted.
	closedAnswers = 2
)

// A ClosedPortError says that the machine of the server answers, and that
// nobody listens on the port there: the server has ended, or never ran.
//
// Client turns it around: it is the client's program that has ended.
type ClosedPortError struct{ Handshake, Client bool }

// Error says what was found.
func (e *ClosedPortError) Error() string {
	if e.Client {
		return "transport: the client is gone: its program has ended"
	}
	if e.Handshake {
		return "transport: nobody listens on this port (connection refused)"
	}
	return "transport: the server is gone: nobody listens on its port any more"
}

// portWatch finds out that the program on the other side has ended. A
// program that is killed closes nothing, and the idle timeout is long because
// networks come back; its machine, though, says at once that the port is
// closed. Only the owner uses it.
type portWatch struct {
	next    instant.Time // when to ask, at the earliest
	pause   time.Duration
	answers chan bool // of the question under way; nil: none is
	closed  int       // answers in a row that said so
	probes  uint64    // that the core had sent in vain when the server was last heard
	silent  bool      // enough probes are unanswered since
	refused refusals  // of a server's datagrams since the client was last heard
}

// refusals is a row of datagrams that came back.
type refusals struct {
	seen        uint64 // of Conn.refusals
	first, last instant.Time
}

const (
	// refusedFor is how long datagrams must come back, at least, before a
	// client's program is taken for ended: longer than a client that lives is
	// silent (docs/protocol.md §11.3).
	refusedFor      = 5 * time.Second
	leastRefusedFor = 2 * time.Second
	// refusedTogether is how far apart the refusals of one row may be.
	refusedTogether = 3 * time.Second
)

// note takes the number of refusals so far.
func (r *refusals) note(n uint64, now instant.Time) {
	if n == r.seen {
		return
	}
	r.seen = n
	if !r.first.IsSet() || now.Sub(r.last) > refusedTogether {
		r.first = now
	}
	r.last = now
}

// heard notes that the other side is there.
func (w *portWatch) heard(now instant.Time, probes uint64) {
	w.next, w.pause, w.closed, w.probes = now.Add(firstAsk), firstAsk, 0, probes
}

// deadline returns when the watch wants the owner's attention. As long as the
// core has not probed in vain it is the core's own deadlines that lead there.
func (w *portWatch) deadline() instant.Time {
	if !w.silent || w.answers != nil {
		return instant.Never
	}
	return w.next
}

// watchPort asks when it is time to, and ends the connection when the answers
// leave no doubt. probes is how often the core has probed in vain, in all.
func (c *Conn) watchPort(now instant.Time, probes uint64) {
	w := &c.port
	if c.connection != 0 {
		return // TCP tells by itself
	}
	if !w.next.IsSet() {
		w.heard(now, probes)
	}
	w.silent = probes >= w.probes+unansweredProbes
	if c.offer != nil {
		c.watchClient(now)
		return
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
	if !w.silent || now.Before(w.next) {
		return
	}
	answers := make(chan bool, 1)
	w.answers = answers
	remote := c.remote
	go func() {
		answers <- c.socket.portClosed(remote)
		c.wakeOwner()
	}()
}

// watchClient ends a server's connection to a client whose program has ended. A
// server asks nobody: its client may sit behind anything that answers strangers.
// It goes by what comes back of its own datagrams.
func (c *Conn) watchClient(now instant.Time) {
	row := &c.port.refused
	row.note(c.refusals.Load(), now)
	enough := refusedFor
	if c.cfg.KeepAlive > 0 {
		enough = min(max(3*c.cfg.KeepAlive, leastRefusedFor), refusedFor)
	}
	if !c.port.silent || row.last.Sub(row.first) < enough {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && !c.closing {
		c.core.Abandon(now, &ClosedPortError{Client: true, Handshake: !c.core.Connected()})
	}
}

// portAnswered weighs one answer.
func (c *Conn) portAnswered(closed bool, now instant.Time) {
	w := &c.port
	if !closed || !w.silent {
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
	tcpMayDo := c.cfg.dialCarrier != nil && !c.core.Answered() && !c.tcpFailed.Load()
	if c.err == nil && !c.closing && !tcpMayDo {
		c.core.Abandon(now, &ClosedPortError{Handshake: !c.core.Connected()})
	}
}
