package transport

import (
	"context"
	"net"
	"sync"
)

// refusedCode is the code by which a stream or a transfer that nobody will take
// is broken off; it is the application's, and says no more than that.
const refusedCode = 0

// Streams returns the server as a net.Listener, for programs that know nothing
// of connections with many streams, such as net/http. Its Accept returns, as a
// net.Conn, each [Stream] that a client opens on whatever connection, once the
// first byte of it has come. A connection without streams holds up nobody.
//
// A stream is handed out when the handshake of its connection is over, not
// before: what a client sends earlier (0-RTT) may be a replay, which a net.Conn
// has no way to tell, and a replayed order is a second one. A replay never
// completes the handshake.
//
// Close is that of a TCP listener: Accept ends with an error that wraps
// [net.ErrClosed], and new connections and streams are refused, but those that
// were accepted live on, so that http.Server.Shutdown can wait for them. The
// Listener is to be closed after that: it ends the connections and what serves
// them here, which is two goroutines for each and one for all. A connection is
// closed by the client, which alone knows that it needs no further stream, or
// by the idle timeout; streams that nobody has accepted by then go with it.
//
// Streams takes all connections from now on: it is called once, and instead of
// [Listener.Accept]. Transfers that clients begin are refused.
//
// [StreamDialer] is the other end.
func (l *Listener) Streams() net.Listener {
	s := &streamListener{
		listener: l,
		streams:  make(chan *Stream),
		closed:   make(chan struct{}),
		ended:    make(chan struct{}),
	}
	go s.acceptConns()
	return s
}

// A streamListener is the net.Listener of a server's streams.
type streamListener struct {
	listener *Listener
	// streams has no buffer: a stream waits in its connection, which bounds how
	// many there are, and the connections take turns.
	streams chan *Stream
	closed  chan struct{} // by Close
	once    sync.Once
	ended   chan struct{} // closed when the Listener is
}

// Accept returns the next stream, a *Stream.
func (s *streamListener) Accept() (net.Conn, error) {
	if isDone(s.closed) {
		return nil, ErrClosed
	}
	select {
	case stream := <-s.streams:
		return stream, nil
	case <-s.closed:
	case <-s.ended:
	}
	return nil, ErrClosed
}

// Addr returns the address of the Listener.
func (s *streamListener) Addr() net.Addr { return s.listener.Addr() }

// Close ends Accept, and lets the streams live that it has returned.
func (s *streamListener) Close() error {
	err := error(ErrClosed)
	s.once.Do(func() {
		close(s.closed)
		err = nil
	})
	return err
}

// acceptConns takes the connections of the Listener until it is closed.
func (s *streamListener) acceptConns() {
	defer close(s.ended)
	for {
		c, err := s.listener.Accept(context.Background())
		if err != nil {
			return
		}
		go s.acceptStreams(c)
		go refuseTransfers(c)
	}
}

// acceptStreams hands out the streams of one connection until it is over.
func (s *streamListener) acceptStreams(c *Conn) {
	select {
	case <-c.connected:
	case <-c.done:
		return // whatever it sent may be a replay
	}
	if isDone(s.closed) {
		c.startClose(0, "the server takes no more connections")
		return
	}
	for {
		stream, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		s.handOut(stream)
	}
}

// handOut gives a stream to Accept, or refuses it after Close. It does not
// outlast the connection, so that as few goroutines wait for Accept as there
// are connections.
func (s *streamListener) handOut(stream *Stream) {
	select {
	case s.streams <- stream:
	case <-s.closed:
		stream.Reset(refusedCode)
	case <-stream.conn.done:
		stream.Reset(refusedCode)
	}
}

// refuseTransfers breaks the transfers of a connection off: nobody would take
// their bytes, and they would stay in memory.
func refuseTransfers(c *Conn) {
	for {
		transfer, err := c.AcceptBulk(context.Background())
		if err != nil {
			return
		}
		transfer.Stop(refusedCode)
	}
}
