package transfer

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

const (
	// firstStream is how long a client may take to say anything.
	firstStream = 10 * time.Second
	// lowestRate and highestRate bound the gross rate, in bit/s, that is served.
	lowestRate  = 8000
	highestRate = 1 << 50
)

// ServerConfig says what a server does for any client that reaches it.
type ServerConfig struct {
	Dir       string // the folder written into and served from
	Accept    bool   // write files that clients send
	Serve     bool   // send files that clients ask for
	Overwrite bool   // replace existing files
	Hidden    bool   // write and serve names with a leading dot
	MaxSize   int64  // the largest file written, in bytes; 0 means no limit

	// Log is told of every transfer at its start and its end, by several
	// goroutines, one at a time.
	Log func(Event)
}

// An Event is the start or the end of a transfer at a server.
type Event struct {
	Client  net.Addr
	Sending bool   // the server sends the file; otherwise it receives it
	Started bool   // this is the start: Result has only the name
	Result  Result // at the end
}

// Server receives and serves the files of one folder, for any number of
// connections at once.
type Server struct {
	config  ServerConfig
	folder  *store.Folder
	running *running
	logMu   sync.Mutex
}

// NewServer opens the folder of a server. Part files that a crash left there
// long ago are removed.
func NewServer(config ServerConfig) (*Server, error) {
	folder, err := store.Open(config.Dir, store.Options{Hidden: config.Hidden, MaxSize: config.MaxSize})
	if err != nil {
		kind := KindDestination
		if !config.Accept {
			kind = KindSource
		}
		return nil, &Error{Kind: kind, Err: err}
	}
	if config.Accept {
		_, _ = folder.SweepParts(store.Abandoned, time.Now()) // what is left takes room and does no other harm
	}
	return &Server{config: config, folder: folder, running: newRunning()}, nil
}

// Close closes the folder. The calls of Serve and ServeConn have ended before.
func (s *Server) Close() error { return s.folder.Close() }

// Serve serves every connection of a listener until ctx ends. Then it closes
// the connections that are left, and the listener. Where that interrupts no
// transfer it returns nil.
func (s *Server) Serve(ctx context.Context, listener *transport.Listener) error {
	var connections sync.WaitGroup
	var mu sync.Mutex
	var interrupted error
	for {
		conn, err := listener.Accept(ctx)
		if err != nil {
			connections.Wait()
			_ = listener.Close() // it may be closed already: that may be the error
			if ctx.Err() != nil {
				return interrupted
			}
			return connectionError("", err)
		}
		connections.Go(func() {
			if err := s.ServeConn(ctx, conn); err != nil && KindOf(err) == KindInterrupted {
				mu.Lock()
				interrupted = err
				mu.Unlock()
			}
		})
	}
}

// ServeConn serves one connection until the client closes it, and closes it
// itself where that does not happen within 10 s after the last transfer. The
// error says why the connection ended early; that a single file came to nothing
// is told to Log.
func (s *Server) ServeConn(ctx context.Context, conn *transport.Conn) error {
	defer conn.Close() //nolint:errcheck // always nil
	hello := xfer.Hello{Mode: xfer.ModeService, Program: program}
	if s.config.Accept {
		hello.Abilities |= xfer.AbilityWrites
	}
	if s.config.Serve {
		hello.Abilities |= xfer.AbilitySends
	}
	c, err := acceptControl(ctx, conn, hello)
	if err != nil {
		return err
	}
	c.onOffer = func(r *xfer.Receiver) *incoming { return s.receive(c, r) }
	requests := &answers{server: s, c: c, setRate: conn.SetRate, yield: conn.SetBackground}
	c.onRequest = requests.take
	c.start()
	return c.attend(ctx, farewell)
}

// acceptControl waits for the stream that a client opens. The conversation is
// not started yet.
func acceptControl(ctx context.Context, conn *transport.Conn, hello xfer.Hello) (*control, error) {
	wait, cancel := context.WithTimeout(ctx, firstStream)
	defer cancel()
	stream, err := conn.AcceptStream(wait)
	switch {
	case err == nil:
	case wait.Err() != nil && ctx.Err() == nil:
		return nil, &Error{Kind: KindConnection, Err: errors.New("the client said nothing")}
	default:
		return nil, connectionError("", err)
	}
	return newControl(conn, stream, hello), nil
}

// attend waits for the end of a conversation at the side of the server: the
// client ends it, or says nothing for limit while no transfer is under way.
func (c *control) attend(ctx context.Context, limit time.Duration) error {
	quietSince := time.Now()
	ticker := time.NewTicker(limit / 20)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return c.interrupt(context.Cause(ctx))
		case <-c.conn.Done():
			<-c.heard // what the client said before it closed the connection
			return c.farewell(nil)
		case <-c.ctx.Done():
			return c.farewell(nil)
		case <-c.ended:
			// The client has said all, and waits for us to have done so too.
			c.jobs.Wait()
			c.finish(0)
			c.awaitClose(ctx, limit)
			return c.farewell(nil)
		case <-ticker.C:
			if !c.quiet() {
				quietSince = time.Now()
			} else if time.Since(quietSince) > limit {
				return c.farewell(nil)
			}
		}
	}
}

// awaitClose waits until the peer has closed the connection, limit at most.
func (c *control) awaitClose(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.conn.Done():
	case <-ctx.Done():
	case <-timer.C:
	}
}

// interrupt ends a conversation because the user wants it. It is an error
// where a transfer was under way; one of which both sides know the end, and which
// only tidies up, was not.
func (c *control) interrupt(cause error) error {
	c.mu.Lock()
	busy := c.session.Active() > 0
	c.mu.Unlock()
	c.close(cause, xfer.CodeCancelled, "interrupted")
	c.stop(cause)
	if busy {
		return &Error{Kind: KindInterrupted, Err: cause}
	}
	return nil
}

// farewell ends what is left of a conversation that is over.
func (c *control) farewell(err error) error {
	c.mu.Lock()
	if err == nil && c.session.Active() > 0 {
		err = c.reason()
	}
	var broken *xfer.ProtocolError
	if errors.As(c.err, &broken) {
		err = c.err
	}
	why := c.reason() // what is still under way learns it
	c.mu.Unlock()
	if why == nil {
		why = transport.ErrClosed
	}
	_ = c.conn.Close() // always nil
	c.stop(why)
	if err != nil {
		return connectionError("", err)
	}
	return nil
}

// receive begins to receive a file that a client offers. c.mu is held.
func (s *Server) receive(c *control, r *xfer.Receiver) *incoming {
	name := r.Entry().Name
	in := c.newIncoming(name)
	in.target = &folderTarget{folder: s.folder, dir: s.config.Dir, name: name, overwrite: s.config.Overwrite}
	var listed *measured
	in.finished = func() {
		result := in.result()
		s.running.end(listed, false, &result)
		s.log(Event{Client: c.conn.RemoteAddr(), Result: result})
	}
	in.started = func() {
		listed = s.running.begin(in, c.conn, &in.meter, false)
		s.log(Event{Client: c.conn.RemoteAddr(), Started: true, Result: Result{Name: name}})
	}
	return in
}

func (s *Server) log(e Event) {
	if s.config.Log == nil {
		return
	}
	s.logMu.Lock()
	defer s.logMu.Unlock()
	s.config.Log(e)
}
