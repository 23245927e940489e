// Echo sends its standard input over a stream, and prints what comes back. It
// shows how a connection begins and ends, and how a client knows its server.
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"example.com/uft/transport"
)

const usage = `Examples:
  echo serve 127.0.0.1:4242                    # prints its address and FINGERPRINT
  echo send 127.0.0.1:4242 FINGERPRINT < somefile
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

// run is the program, without what only a process has.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1], stdout)
	case len(args) == 3 && args[0] == "send":
		return send(ctx, args[1], args[2], stdin, stdout)
	case len(args) == 1 && args[0] == "-h":
		_, err := io.WriteString(stdout, usage)
		return err
	}
	fmt.Fprint(stderr, usage)
	return errors.New("it is called in one of these ways")
}

// serve echoes what comes until the context ends.
func serve(ctx context.Context, address string, stdout io.Writer) error {
	// A server without Config.Identity has a new key, and so another
	// fingerprint, each time it starts.
	listener, err := transport.Listen(address, nil)
	if err != nil {
		return err
	}
	var conns sync.WaitGroup
	defer conns.Wait()
	defer listener.Close() // first: it ends the calls that keep the others busy
	fmt.Fprintln(stdout, listener.Addr(), fingerprint(listener.Identity()))
	for {
		conn, err := listener.Accept(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // we were asked to stop
		case err != nil:
			return err
		}
		conns.Go(func() { serveConn(ctx, conn) })
	}
}

// serveConn echoes each stream of a connection by itself, so that none waits
// for another. How many there are at once is bounded by the transport.
func serveConn(ctx context.Context, conn *transport.Conn) {
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		stream, err := conn.AcceptStream(ctx)
		if err != nil {
			return // the client has closed the connection, or has gone silent
		}
		streams.Go(func() {
			// What a client sends before the handshake is over may be a replay,
			// see Conn.EarlyData. To echo something twice does no harm.
			if _, err := io.Copy(stream, stream); err != nil {
				stream.Reset(1) // so that the client does not take a part for all
				return
			}
			// What was written still arrives. The connection is left to the
			// client, who alone knows that it has got everything.
			_ = stream.Close()
		})
	}
}

// send sends what it reads, and prints what comes back.
func send(ctx context.Context, address, want string, stdin io.Reader, stdout io.Writer) error {
	conn, err := transport.Dial(ctx, address, &transport.Config{
		// Without VerifyServer any server is taken for the right one: whoever
		// can answer in its place then reads everything, and writes the answer.
		VerifyServer: func(key ed25519.PublicKey) error {
			if got := fingerprint(key); got != want {
				return fmt.Errorf("its fingerprint is %s, not %s", got, want)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	// Close does not wait for what was written. Here it need not: we come to it
	// when everything has come back.
	defer conn.Close()
	// A context bounds the call that it is given to; a stream, which is a
	// net.Conn, takes none. To end the connection ends its calls.
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	stream, err := conn.OpenStream(ctx)
	if err != nil {
		return err
	}
	// Reading at the same time keeps both directions going, however much there
	// is: a peer whose answers nobody reads has to stop reading, too.
	sent := make(chan error, 1)
	go func() {
		if _, err := io.Copy(stream, stdin); err != nil {
			sent <- err
			stream.Reset(1) // not CloseWrite, which says that this is all
			return
		}
		sent <- stream.CloseWrite()
	}()
	if _, err := io.Copy(stdout, stream); err != nil {
		select {
		case cause := <-sent: // what stopped the sending tells more
			return errors.Join(cause, err)
		default: // standard input may never end
			return err
		}
	}
	return <-sent
}

// fingerprint is short enough to be compared by people, and names one key.
func fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
