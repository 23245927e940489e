package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"example.com/uft/internal/core"
)

// A Stream is an ordered sequence of bytes in each direction. It is a net.Conn;
// as with any, its methods may be called from several goroutines at once, and
// both directions are independent.
type Stream struct {
	conn *Conn
	id   uint64

	readDeadline  deadline
	writeDeadline deadline
	writing       chan struct{} // holds a value while a Write is under way
	closed        chan struct{}

	// Guarded by conn.mu.
	readable, writable signal
	broken             *StreamError // the peer broke its direction off
	readEnd            error        // of every further Read
	writeEnd           error        // of every further Write
}

var _ net.Conn = (*Stream)(nil)

func newStream(c *Conn, id uint64) *Stream {
	return &Stream{conn: c, id: id, writing: make(chan struct{}, 1), closed: make(chan struct{})}
}

// ID returns the number of the stream, the same on both sides.
func (s *Stream) ID() uint64 { return s.id }

// LocalAddr returns the local address of the connection.
func (s *Stream) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// RemoteAddr returns the peer's address of the connection.
func (s *Stream) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// SetDeadline sets both deadlines.
func (s *Stream) SetDeadline(t time.Time) error {
	s.readDeadline.set(t)
	s.writeDeadline.set(t)
	return nil
}

// SetReadDeadline sets when a Read gives up with an error that wraps
// os.ErrDeadlineExceeded; a zero time means never.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.readDeadline.set(t)
	return nil
}

// SetWriteDeadline does the same for Write, which may have written a part.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.writeDeadline.set(t)
	return nil
}

// Read reads what has arrived, waiting for the first byte. After the last byte
// of a peer that has closed its direction it returns io.EOF; where the peer
// has broken it off, a *StreamError. When the connection is over, it first
// reads what had arrived by then.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	expired := s.readDeadline.wait()
	for {
		if isDone(expired) {
			return 0, os.ErrDeadlineExceeded
		}
		n, wait, err := s.tryRead(p)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-wait:
		case <-expired:
		case <-s.closed:
		case <-s.conn.done:
		}
	}
}

// tryRead reads what is there. Where there is nothing it returns what to wait
// for.
func (s *Stream) tryRead(p []byte) (int, <-chan struct{}, error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.readEnd != nil {
		return 0, nil, s.readEnd
	}
	n, err := c.core.ReadStream(c.socket.clock.now(), s.id, p)
	switch {
	case n > 0:
		c.wakeOwner() // there may be credit to give
		return n, nil, nil
	case s.broken != nil:
		s.readEnd = s.broken
	case err == io.EOF || errors.Is(err, core.ErrNoStream):
		// The core forgets a stream with its last byte.
		s.readEnd = io.EOF
	case c.err != nil:
		s.readEnd = c.err
	case err != nil:
		s.readEnd = convertStreamError(err, s.id)
	default:
		return 0, s.readable.wait(), nil
	}
	c.wakeOwner()
	return 0, nil, s.readEnd
}

// Write writes p, waiting for room as the peer takes what came before. That it
// returns does not mean that anything has arrived. Where the peer does not
// want more it returns a *StreamError.
func (s *Stream) Write(p []byte) (written int, err error) {
	expired := s.writeDeadline.wait()
	// One Write after the other: each is a piece.
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-expired:
		return 0, os.ErrDeadlineExceeded
	case <-s.closed:
		return 0, ErrClosed
	}
	for {
		if isDone(expired) {
			return written, os.ErrDeadlineExceeded
		}
		n, wait, err := s.tryWrite(p[written:])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
		select {
		case <-wait:
		case <-expired:
		case <-s.closed:
		case <-s.conn.done:
		}
	}
}

// tryWrite writes what there is room for. Where that is not all it returns
// what to wait for.
func (s *Stream) tryWrite(p []byte) (int, <-chan struct{}, error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.writeEnd != nil:
		return 0, nil, s.writeEnd
	case c.err != nil:
		return 0, nil, c.err
	}
	n, err := c.core.WriteStream(s.id, p)
	if err != nil {
		s.writeEnd = convertStreamError(err, s.id)
		return n, nil, s.writeEnd
	}
	if n > 0 {
		c.wakeOwner()
	}
	if n < len(p) {
		return n, s.writable.wait(), nil
	}
	return n, nil, nil
}

// CloseWrite ends the sending direction: after what was written, the peer
// reads io.EOF.
func (s *Stream) CloseWrite() error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if s.writeEnd == nil {
		s.writeEnd = ErrClosed
		// The core knows no such stream when both directions are over.
		_ = c.core.FinishStream(s.id)
	}
	s.writable.wake()
	c.wakeOwner()
	return nil
}

// Close ends both directions: what was written still arrives, what the peer
// still sends does not. It ends the calls that wait.
func (s *Stream) Close() error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if isDone(s.closed) {
		return ErrClosed
	}
	if s.writeEnd == nil && c.err == nil {
		_ = c.core.FinishStream(s.id)
	}
	s.end(0)
	return nil
}

// Reset breaks both directions off. The peer's calls return a *StreamError
// with the code, and what was written and has not arrived may never do.
func (s *Stream) Reset(code uint64) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if isDone(s.closed) {
		return
	}
	if c.err == nil {
		c.core.ResetStream(s.id, code)
	}
	s.end(code)
}

// end forgets a stream whose sending direction has ended: nothing more is
// read. c.mu is held.
func (s *Stream) end(code uint64) {
	c := s.conn
	if s.readEnd == nil && c.err == nil {
		c.core.StopStream(s.id, code)
	}
	s.readEnd, s.writeEnd = ErrClosed, ErrClosed
	delete(c.streams, s.id)
	close(s.closed)
	c.wakeOwner()
}
