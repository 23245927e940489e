package chat

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// farewell bounds how long the end of a connection waits for the other side to
// take what was sent, and to say so.
const farewell = 5 * time.Second

// Codes with which a server ends a connection of mode Own.
const (
	codeEnd      = 0 // in good order
	codeBehind   = 1 // the client takes nothing any more
	codeFull     = 2 // there are too many clients
	codeStranger = 3 // the client does not greet like one of chat
)

// A stream is bytes both ways whose directions end separately: a TCP connection
// or a stream of our transport.
type stream interface {
	net.Conn
	CloseWrite() error
}

// A wire is a connection with one line for each message. At a server it is a
// peer, at a client a talk.
type wire struct {
	stream stream
	lines  *lineReader
	remote string
	how    func() string // for /who
	rtt    func() (time.Duration, bool)

	// abort ends the connection at once, and tells the other side the code and
	// the reason where that can be told.
	abort func(code uint64, reason string)
	// over is closed when the other side has ended the connection too; nil
	// where the system goes on delivering by itself.
	over <-chan struct{}

	out *outbox // at a server
}

func newWire(s stream) *wire {
	return &wire{stream: s, lines: newLineReader(s), out: newOutbox()}
}

func (w *wire) address() string { return w.remote }

func (w *wire) mode() string { return w.how() }

func (w *wire) roundTrip() (time.Duration, bool) { return w.rtt() }

func (w *wire) send(message []byte, wait bool) error { return w.out.put(message, wait) }

func (w *wire) drop(reason string) {
	w.out.abandon()
	w.abort(codeBehind, reason)
}

// write takes what is sent to the client to the connection, and ends its
// direction after the last of it.
func (w *wire) write() {
	var batch []byte
	for {
		if batch = w.out.take(len(batch)); batch == nil {
			break
		}
		if _, err := w.stream.Write(batch); err != nil {
			w.out.abandon() // the reader finds out why
			return
		}
	}
	_ = w.stream.CloseWrite() // or the connection is over anyway
}

// host lets the client at the other end of a wire into the room until it goes.
// At the end of ctx it is told that the server ends.
func (r *room) host(ctx context.Context, w *wire) {
	m, err := r.join(w)
	if err != nil {
		w.abort(codeFull, err.Error())
		return
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		w.write()
		if ctx.Err() != nil && w.over == nil {
			// The system delivers what was written. nc and others do not end
			// their direction because the server has ended its own.
			_ = w.stream.SetReadDeadline(time.Now().Add(time.Second))
		}
	})
	var last *time.Timer
	var once sync.Once
	leave := func() {
		once.Do(func() {
			last = time.AfterFunc(farewell, func() { w.abort(codeEnd, "the server ends") })
			w.out.close()
		})
	}
	unplan := context.AfterFunc(ctx, leave)
	for {
		line, whole, readError := w.lines.next()
		if readError != nil {
			err = readError
			break
		}
		r.message(m, line, whole)
	}
	if ctx.Err() == nil {
		reason, _ := connectionEnd(err)
		r.leave(m, reason)
	}
	if !errors.Is(err, io.EOF) {
		w.out.abandon()
		w.abort(codeEnd, "")
	}
	// What is under way to a client that has only ended its own direction
	// still arrives.
	leave()
	unplan()
	writing.Wait()
	if w.over != nil {
		<-w.over
	}
	last.Stop()
	w.abort(codeEnd, "")
}

// receive returns the next message, at a client.
func (w *wire) receive() (message []byte, whole bool, err error) { return w.lines.next() }

// say sends a message, at a client, and waits until the connection has taken
// it.
func (w *wire) say(message []byte) error {
	_, err := w.stream.Write(append(message[:len(message):len(message)], '\n'))
	return err
}

// unblock ends a say that waits.
func (w *wire) unblock() { _ = w.stream.SetWriteDeadline(time.Unix(1, 0)) }

// finish says that nothing more will be sent.
func (w *wire) finish() { _ = w.stream.CloseWrite() }

// confirms: a server that reads the end of the client's direction ends its own.
func (w *wire) confirms() bool { return w.over != nil }

func (w *wire) close() { w.abort(codeEnd, "") }
