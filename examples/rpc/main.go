// Rpc calls functions of a server. It shows one stream for each call: many calls
// share a connection, none waits for another, and each can be given up alone.
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/uft/transport"
)

const usage = `Examples:
  rpc serve 127.0.0.1:4242                     # prints its address and FINGERPRINT
  rpc call 127.0.0.1:4242 FINGERPRINT 2s sqrt=2 sqrt=-1 wait=0.5 wait=60
The 2s is how long each call may take.
`

// A request is what a client writes to the stream of a call.
type request struct {
	Function string
	Argument float64
}

// A response is what the server answers: an error is a part of it, so that it is
// told from one of the connection.
type response struct {
	Result float64
	Error  string `json:",omitempty"`
}

// functions are what a server does. Their context ends when the client has given
// the call up.
var functions = map[string]func(context.Context, float64) (float64, error){
	"sqrt": func(_ context.Context, x float64) (float64, error) {
		if x < 0 {
			return 0, fmt.Errorf("%v has no root", x)
		}
		return math.Sqrt(x), nil
	},
	"wait": func(ctx context.Context, seconds float64) (float64, error) {
		select {
		case <-time.After(time.Duration(seconds * float64(time.Second))):
			return seconds, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "rpc:", err)
		os.Exit(1)
	}
}

// run is the program, without what only a process has.
func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(ctx, args[1], stdout)
	case len(args) > 4 && args[0] == "call":
		return callAll(ctx, args[1], args[2], args[3], args[4:], stdout)
	case len(args) == 1 && args[0] == "-h":
		_, err := io.WriteString(stdout, usage)
		return err
	}
	fmt.Fprint(stderr, usage)
	return errors.New("it is called in one of these ways")
}

// serve answers calls until the context ends.
func serve(ctx context.Context, address string, stdout io.Writer) error {
	listener, err := transport.Listen(address, nil)
	if err != nil {
		return err
	}
	// Every stream of every client is a call. This net.Listener hands it out
	// when the handshake is over: what comes earlier may be a replay, and a call
	// that is replayed is a second call.
	streams := listener.Streams()
	var calls sync.WaitGroup
	defer calls.Wait()
	defer listener.Close() // first: it ends the calls
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	fmt.Fprintln(stdout, listener.Addr(), fingerprint(listener.Identity()))
	for {
		stream, err := streams.Accept()
		switch {
		case ctx.Err() != nil:
			return nil // we were asked to stop
		case err != nil:
			return err
		}
		calls.Go(func() { answer(ctx, stream.(*transport.Stream)) })
	}
}

// answer is the server's side of a call.
func answer(ctx context.Context, stream *transport.Stream) {
	// What was written still arrives; the connection is left to the client.
	defer stream.Close()
	var call request
	if err := json.NewDecoder(io.LimitReader(stream, 4096)).Decode(&call); err != nil {
		stream.Reset(1)
		return
	}
	// The client sends nothing more, so a Read waits until it resets the stream,
	// or is gone: the work is then for nobody.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, stream) // Close ends it
		cancel()
	}()
	var reply response
	function, err := functions[call.Function], error(nil)
	if function == nil {
		err = fmt.Errorf("there is no function %q", call.Function)
	} else {
		reply.Result, err = function(ctx, call.Argument)
	}
	if err != nil {
		reply.Error = err.Error()
	}
	_ = json.NewEncoder(stream).Encode(reply) // fails when nobody waits for it
}

// callAll makes all calls at once, and prints the answers in their order.
func callAll(ctx context.Context, address, want, limit string, texts []string, stdout io.Writer) error {
	timeout, err := time.ParseDuration(limit)
	if err != nil {
		return err
	}
	conn, err := transport.Dial(ctx, address, &transport.Config{
		// Without VerifyServer, whoever answers is believed.
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
	defer conn.Close() // every call has its answer then
	results, errs := make([]float64, len(texts)), make([]error, len(texts))
	var calls sync.WaitGroup
	for i, text := range texts {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			results[i], errs[i] = call(ctx, conn, text)
		})
	}
	calls.Wait()
	failed := 0
	for i, text := range texts {
		if errs[i] == nil {
			fmt.Fprintln(stdout, text, "is", results[i])
		} else {
			fmt.Fprintln(stdout, text, "failed:", errs[i])
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d calls failed", failed, len(texts))
	}
	return nil
}

// call is the client's side of a call.
func call(ctx context.Context, conn *transport.Conn, text string) (float64, error) {
	function, number, _ := strings.Cut(text, "=")
	argument, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, err
	}
	stream, err := conn.OpenStream(ctx) // waits while the server allows no more
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	// A stream takes no context. Reset ends its calls, and tells the server,
	// which a deadline of the stream would not.
	defer context.AfterFunc(ctx, func() { stream.Reset(1) })()
	var reply response
	err = json.NewEncoder(stream).Encode(request{function, argument})
	if err == nil {
		err = json.NewDecoder(stream).Decode(&reply)
	}
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, err
	case reply.Error != "":
		return 0, errors.New(reply.Error)
	}
	return reply.Result, nil
}

// fingerprint is short enough to be compared by people, and names one key.
func fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
