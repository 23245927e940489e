package chat

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/trust"
	"example.com/uft/internal/identity"
	"example.com/uft/transport"
)

// greeting is the first line of each side in mode Own. By the client's the
// server learns of the stream, which would show only with its first byte; by
// both it is known that chat is at the other end, and which version of it.
const greeting = "chat 1"

const (
	// keepAlive is how long the other side is silent before it is asked for a
	// sign of life.
	keepAlive = time.Second
	// idleTimeout is how long it may give none. A person sits in front of it.
	idleTimeout = 15 * time.Second
)

// ownConfig is what both sides have in common.
func ownConfig(c *Command) *transport.Config {
	return &transport.Config{
		Carrier: c.Carrier, KeepAlive: keepAlive, IdleTimeout: idleTimeout,
		HandshakeTimeout: patience, MaxConnections: maxClients,
	}
}

// ownDoor is the door of mode Own.
type ownDoor struct{ listener *transport.Listener }

func openOwn(c *Command, console *console) (door, error) {
	key, err := trust.Key(c.Key, func(line string) { console.note("%s", line) })
	if err != nil {
		return nil, err
	}
	config := ownConfig(c)
	config.Identity = key
	listener, err := transport.Listen(where(c), config)
	if err != nil {
		return nil, listenError(c, err)
	}
	console.note("listening on %v, encrypted, key %s", listener.Addr(), identity.Fingerprint(key.Public().(ed25519.PublicKey)))
	return &ownDoor{listener: listener}, nil
}

func (d *ownDoor) address() net.Addr { return d.listener.Addr() }

func (d *ownDoor) serve(ctx context.Context, r *room) error {
	defer d.listener.Close() //nolint:errcheck // always nil
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := d.listener.Accept(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("no more clients can come: %w", cause(err))
		}
		clients.Go(func() {
			w, err := admit(ctx, conn)
			if err != nil {
				_ = conn.CloseWithError(codeStranger, "this is a server of "+greeting+", and you do not greet it") // always nil
				return
			}
			r.host(ctx, w)
		})
	}
}

// admit waits for the greeting of a client and answers it.
func admit(ctx context.Context, conn *transport.Conn) (*wire, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := conn.AcceptStream(bounded)
	if err != nil {
		return nil, err
	}
	return greet(bounded, conn, s)
}

// greet exchanges the greetings on a stream and returns the wire that it then
// is.
func greet(ctx context.Context, conn *transport.Conn, s *transport.Stream) (*wire, error) {
	defer context.AfterFunc(ctx, func() { _ = s.SetReadDeadline(time.Unix(1, 0)) })()
	w := newWire(s)
	w.how = func() string { return fmt.Sprintf("%v (%v)", Own, conn.Carrier()) }
	w.remote = conn.RemoteAddr().String()
	w.over = conn.Done()
	w.abort = func(code uint64, reason string) { _ = conn.CloseWithError(code, reason) } // always nil
	w.rtt = func() (time.Duration, bool) {
		rtt := conn.Stats().SmoothedRTT
		return rtt, rtt > 0
	}
	if err := w.say([]byte(greeting)); err != nil {
		return nil, err
	}
	line, _, err := w.lines.next()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, err
	case string(line) != greeting:
		return nil, errNoChat
	}
	return w, nil
}

var errNoChat = errors.New("the other side is not " + greeting)

// dialOwn connects to a server in mode Own and checks who it is.
func dialOwn(ctx context.Context, c *Command, console *console) (talk, error) {
	trusted, err := trust.NewServer(c.Host, c.Port, c.Fingerprint, c.KnownHosts)
	if err != nil {
		return nil, err
	}
	config := ownConfig(c)
	config.VerifyServer = trusted.Verify
	conn, err := transport.Dial(ctx, serverAddress(c), config)
	if err != nil {
		return nil, dialError(ctx, c, err)
	}
	if message := trusted.Remember(); message != "" {
		console.note("%s", message)
	}
	w, err := introduce(ctx, conn)
	if err != nil {
		_ = conn.Close() // always nil
		if ctx.Err() != nil {
			return nil, errInterrupted
		}
		return nil, failf(exit.Unreachable, "%s port %d: no chat server there: %w", c.Host, c.Port, cause(err))
	}
	console.note("connected to %s, encrypted, by %v", w.remote, conn.Carrier())
	if c.Carrier == transport.AnyCarrier && conn.Carrier() == transport.TCP {
		console.note("UDP gets no answer from there, so TCP carries everything")
	}
	return w, nil
}

// introduce opens the stream of a client and greets the server.
func introduce(ctx context.Context, conn *transport.Conn) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := conn.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	return greet(ctx, conn, s)
}
