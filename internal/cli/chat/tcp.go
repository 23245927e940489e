package chat

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// tcpKeepAlive has the system ask a silent peer for a sign of life, so that one
// whose machine is gone is noticed within about 15 s.
var tcpKeepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3}

// maxFailures is how many calls of a socket in a row may fail before it is taken
// for broken. One alone may be about a client that has gone meanwhile.
const maxFailures = 100

// tcpDoor is the door of bare TCP.
type tcpDoor struct{ listener *net.TCPListener }

func openTCP(c *Command, console *console) (door, error) {
	config := net.ListenConfig{KeepAliveConfig: tcpKeepAlive}
	listener, err := config.Listen(context.Background(), "tcp", where(c))
	if err != nil {
		return nil, listenError(c, err)
	}
	console.note("listening on %v by TCP", listener.Addr())
	return &tcpDoor{listener: listener.(*net.TCPListener)}, nil
}

func (d *tcpDoor) address() net.Addr { return d.listener.Addr() }

func (d *tcpDoor) serve(ctx context.Context, r *room) error {
	defer context.AfterFunc(ctx, func() { _ = d.listener.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	for failures := 0; ; {
		conn, err := d.listener.AcceptTCP()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err != nil:
			if failures++; failures > maxFailures {
				return fmt.Errorf("no more clients can come: %w", cause(err))
			}
			// Such as: too many files are open. It passes as clients go.
			time.Sleep(10 * time.Millisecond)
			continue
		}
		failures = 0
		clients.Go(func() { r.host(ctx, newTCPWire(conn)) })
	}
}

// newTCPWire makes a wire of a bare TCP connection.
func newTCPWire(conn *net.TCPConn) *wire {
	limitSilence(conn, idleTimeout)
	w := newWire(conn)
	w.how = TCP.String
	w.remote = conn.RemoteAddr().String()
	w.abort = func(uint64, string) { _ = conn.Close() }
	w.rtt = func() (time.Duration, bool) { return tcpRoundTrip(conn) }
	return w
}

// dialTCP connects to a server by bare TCP.
func dialTCP(ctx context.Context, c *Command, console *console) (talk, error) {
	dialer := net.Dialer{Timeout: patience, KeepAliveConfig: tcpKeepAlive}
	conn, err := dialer.DialContext(ctx, "tcp", serverAddress(c))
	if err != nil {
		return nil, dialError(ctx, c, err)
	}
	w := newTCPWire(conn.(*net.TCPConn))
	console.note("connected to %s by TCP", w.remote)
	return w, nil
}
