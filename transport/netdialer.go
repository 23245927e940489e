package transport

import (
	"context"
	"maps"
	"net"
	"sync"
)

// A StreamDialer opens streams by address, for programs that know nothing of
// connections with many streams: its DialContext is that of http.Transport. It
// keeps one connection to each address, and makes a new one when that is over.
// The zero value accepts any server, as Dial does without VerifyServer.
type StreamDialer struct {
	// Config is what connections are made with; see Dial. It is not to be
	// changed after the first call.
	Config *Config

	mu     sync.Mutex
	closed bool
	dials  map[string]*sharedDial // by address
}

// A sharedDial is a connection that is being made, or that was made, for all
// who want a stream to its address.
type sharedDial struct {
	done chan struct{} // closed when conn or err is there
	conn *Conn
	err  error
	// gaveUp: the context of the one who dialled ended, which is no reason for
	// the others to give up.
	gaveUp bool
}

// isOver reports whether there is nothing to wait for and nothing to use.
func (d *sharedDial) isOver() bool {
	return isDone(d.done) && (d.err != nil || isDone(d.conn.done))
}

// DialContext opens a stream to the server at address, "host:port". The network
// is not looked at: http.Transport asks for "tcp". The server hears of the
// stream with the first byte that is written to it.
//
// It waits for the end of the handshake, so that nothing which is written can be
// replayed. At the other side of [Listener.Streams] that costs no time.
func (d *StreamDialer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	c, err := d.connection(ctx, address)
	if err != nil {
		return nil, err
	}
	stream, err := c.OpenStream(ctx)
	if err != nil {
		return nil, err // not (*Stream)(nil), which would be a net.Conn
	}
	return stream, nil
}

// Close closes all connections, and with them all streams. DialContext fails
// from then on.
func (d *StreamDialer) Close() error {
	d.mu.Lock()
	d.closed = true
	dials := d.dials
	d.dials = nil
	d.mu.Unlock()
	for _, shared := range dials {
		// A connection that is still being made is closed by who makes it.
		if isDone(shared.done) && shared.err == nil {
			_ = shared.conn.Close()
		}
	}
	return nil
}

// connection returns the connection to an address. One caller makes it, and
// those that come meanwhile wait for it.
func (d *StreamDialer) connection(ctx context.Context, address string) (*Conn, error) {
	for {
		shared, mine, err := d.shared(address)
		if err != nil {
			return nil, err
		}
		if mine {
			d.dial(ctx, address, shared)
			return shared.conn, shared.err
		}
		select {
		case <-shared.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if !shared.gaveUp {
			return shared.conn, shared.err
		}
	}
}

// shared returns what there is for an address, or something new that is for the
// caller to dial.
func (d *StreamDialer) shared(address string) (shared *sharedDial, mine bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, false, ErrClosed
	}
	maps.DeleteFunc(d.dials, func(_ string, old *sharedDial) bool { return old.isOver() })
	if shared = d.dials[address]; shared != nil {
		return shared, false, nil
	}
	if d.dials == nil {
		d.dials = map[string]*sharedDial{}
	}
	shared = &sharedDial{done: make(chan struct{})}
	d.dials[address] = shared
	return shared, true, nil
}

// dial makes the connection of a sharedDial.
func (d *StreamDialer) dial(ctx context.Context, address string, shared *sharedDial) {
	shared.conn, shared.err = dialConnected(ctx, address, d.Config)
	shared.gaveUp = shared.err != nil && ctx.Err() != nil
	d.mu.Lock()
	closed := d.closed
	close(shared.done)
	d.mu.Unlock()
	if closed && shared.err == nil {
		_ = shared.conn.Close()
	}
}

// dialConnected connects, and waits for the end of the handshake.
func dialConnected(ctx context.Context, address string, cfg *Config) (*Conn, error) {
	c, err := Dial(ctx, address, cfg)
	if err != nil {
		return nil, err
	}
	if err := c.awaitHandshake(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// awaitHandshake waits for the end of the handshake. Where the context ends
// before, so does the connection.
func (c *Conn) awaitHandshake(ctx context.Context) error {
	select {
	case <-c.connected:
		return nil
	case <-c.done:
		return c.Err()
	case <-ctx.Done():
		_ = c.Close()
		return context.Cause(ctx)
	}
}
