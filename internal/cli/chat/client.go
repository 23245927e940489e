package chat

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
)

// patience is how long a client waits for a server to answer at all.
const patience = 10 * time.Second

// A talk is a client's conversation with its server, in one mode.
type talk interface {
	// receive waits for the next message. whole is as of lineReader.
	receive() (message []byte, whole bool, err error)
	// say sends a message. A *undelivered as its error, or as that of
	// receive, is no end of the conversation.
	say(message []byte) error
	// unblock ends a say that waits, and all that follow.
	unblock()
	// finish says that nothing more will be sent, where the mode can.
	finish()
	// confirms reports whether the server answers that by ending its own
	// direction, as soon as it has got everything.
	confirms() bool
	close()
}

// undelivered says what became of a message where there is no connection that
// could be lost.
type undelivered struct {
	reason string
	closed bool // nobody listens at the server's port
}

func (u *undelivered) Error() string { return u.reason }

// openTalk connects to the server of a command.
func openTalk(ctx context.Context, c *Command, console *console) (talk, error) {
	switch c.Mode {
	case TCP:
		return dialTCP(ctx, c, console)
	case UDP:
		return dialUDP(ctx, c, console)
	default:
		return dialOwn(ctx, c, console)
	}
}

// serverAddress is the "host:port" of a client's server.
func serverAddress(c *Command) string {
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// client is one run of a client.
type client struct {
	command *Command
	console *console
	talk    talk
	ended   chan error    // why receiving ended
	heard   chan struct{} // something has come
	refused chan struct{} // a message has found nobody, and nothing has come since
}

// runClient talks to the server until one of the two ends.
func runClient(ctx context.Context, c *Command, console *console) error {
	if c.Mode != Own {
		console.note("%v", bareWarning(c.Mode))
	}
	t, err := openTalk(ctx, c, console)
	if err != nil {
		return err
	}
	cl := &client{
		command: c, console: console, talk: t,
		ended: make(chan error, 1), heard: make(chan struct{}, 1), refused: make(chan struct{}, 1),
	}
	defer t.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, t.unblock)
	go func() {
		cl.ended <- cl.listen()
		t.unblock()
	}()
	console.start(prompt("client", c, c.Port))
	return cl.converse(ctx)
}

// listen shows what the server says until the conversation is over.
func (cl *client) listen() error {
	for {
		message, whole, err := cl.talk.receive()
		var lost *undelivered
		switch {
		case errors.As(err, &lost):
			cl.miss(lost)
			continue
		case err != nil:
			return err
		}
		cl.console.print(rows("Server", message))
		if !whole {
			cl.console.note("the message is longer than %s: it comes in pieces", term.Bytes(maxMessage))
		}
		drain(cl.refused)
		put(cl.heard)
	}
}

// miss says that a message has not arrived.
func (cl *client) miss(lost *undelivered) {
	cl.console.note("%v", lost)
	if lost.closed {
		put(cl.refused)
	}
}

// put leaves a sign in a channel that has room for one.
func put(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drain takes it out again.
func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// converse sends what is typed until the end.
func (cl *client) converse(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return errInterrupted
		case err := <-cl.ended:
			return cl.conclude(err)
		case in := <-cl.console.inputs:
			more, err := cl.take(in)
			switch {
			case err != nil && ctx.Err() != nil:
				return errInterrupted
			case err != nil:
				return cl.broken(err)
			case !more:
				return cl.part(ctx)
			}
		}
	}
}

// take does what was typed. It returns false when that was to end.
func (cl *client) take(in input) (more bool, err error) {
	switch {
	case errors.Is(in.err, io.EOF):
		return false, nil
	case in.err != nil:
		return false, failf(exit.Interrupted, "%w", in.err)
	}
	cl.console.remark(in)
	o := understand(in.line, false)
	switch o.verb {
	case say, end:
		err = cl.talk.say(o.text)
		var lost *undelivered
		if errors.As(err, &lost) {
			cl.miss(lost)
			err = nil
		}
		return o.verb == say, err
	case help:
		cl.console.table(commands(false))
	case nope:
		cl.console.note("%s", o.text)
	}
	return true, nil
}

// broken explains why nothing can be sent any more. Who receives knows better.
func (cl *client) broken(err error) error {
	if code(err) == exit.Interrupted {
		return err
	}
	select {
	case reason := <-cl.ended:
		return cl.conclude(reason)
	case <-time.After(time.Second):
		return failf(exit.Unreachable, "the connection is lost: %w", cause(err))
	}
}

// conclude says why the conversation ended before the user wanted it to.
func (cl *client) conclude(err error) error {
	reason, lost := connectionEnd(err)
	if lost != nil {
		return failf(exit.Unreachable, "the connection is lost: %s", reason)
	}
	cl.console.note("the server has ended the conversation")
	return nil
}

// part ends the conversation. A server that confirms the end has got
// everything. Others may have something left to say, and the client waits until
// it has been quiet for a while.
func (cl *client) part(ctx context.Context) error {
	cl.talk.finish()
	wait := cl.command.Wait
	switch {
	case cl.talk.confirms():
		wait = max(wait, farewell)
	case cl.command.Mode == UDP && cl.console.interactive():
		wait = 0 // nothing says that there is anything to wait for
	}
	quiet := time.NewTimer(wait)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-cl.heard:
			quiet.Reset(wait)
		case err := <-cl.ended:
			if reason, lost := connectionEnd(err); lost != nil {
				return failf(exit.Unreachable, "the connection is lost: %s", reason)
			}
			return nil
		case <-quiet.C:
			return cl.parted()
		}
	}
}

// parted is the outcome where nothing more is heard of the server.
func (cl *client) parted() error {
	if cl.talk.confirms() {
		return failf(exit.Unreachable, "the server has not confirmed that it got everything")
	}
	select {
	case <-cl.refused: // which was said
		return failf(exit.Unreachable, "the last message has not arrived")
	default:
		return nil
	}
}
