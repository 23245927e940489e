package transfer

import (
	"context"
	"errors"
	"time"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// exchangeFarewell is how long the accepting side of an exchange waits for the
// other to close the connection. Both know by then that all is done.
const exchangeFarewell = time.Second

// ExchangeConfig says what a program sends and receives over one connection.
type ExchangeConfig struct {
	Server   bool         // this side accepted the connection
	BothWays bool         // each side sends a file to the other
	Send     *Source      // the file that this side sends; nil where it sends none
	Receive  *Destination // where the file goes that the other side sends; nil where none is taken

	// Greeted is called once, when the other side has said what it is and the
	// two can work together. It may be nil, and must not wait for the exchange.
	Greeted func()
	// Progress is told how far both transfers are, as in Options.
	Progress func(Update)
}

// Exchange sends and receives one file at most each way, both at the same time,
// and closes the connection. The results are those of the files; that of a
// direction that was not asked for is empty. The other side has to be a program
// of the same kind: one that works one way only and one that works both ways
// refuse each other.
func Exchange(ctx context.Context, conn *transport.Conn, config ExchangeConfig) (sent, received Result) {
	e := exchange{config: config, conn: conn}
	if config.Send != nil {
		sent = Result{Name: config.Send.name(), Path: config.Send.Path}
		if e.source, sent.Err = config.Send.open(); sent.Err != nil {
			sent.Err = failureError(sent.Name, &xfer.Failure{Code: sourceCode(sent.Err)}, true, sent.Err)
			_ = conn.CloseWithError(uint64(xfer.CodeNotFound), "there is no file to send") // always nil
			return sent, Result{Err: sent.Err}
		}
	}
	if err := e.begin(ctx); err != nil {
		if e.source != nil {
			e.source.close()
			sent.Err = err
		}
		if config.Receive != nil {
			received.Err = err
		}
		_ = conn.Close() // always nil
		return sent, received
	}
	return e.run(ctx)
}

// exchange is one call of Exchange.
type exchange struct {
	config ExchangeConfig
	conn   *transport.Conn
	c      *control
	source *openSource

	in      *incoming     // guarded by c.mu
	offered chan struct{} // closed when in is set
}

// begin starts the conversation.
func (e *exchange) begin(ctx context.Context) error {
	hello := xfer.Hello{Mode: xfer.ModeOneWay, Program: program}
	if e.config.BothWays {
		hello.Mode = xfer.ModeBothWays
	}
	if e.config.Receive != nil {
		hello.Abilities |= xfer.AbilityWrites
	}
	var err error
	if e.config.Server {
		e.c, err = acceptControl(ctx, e.conn, hello)
	} else {
		var stream *transport.Stream
		if stream, err = e.conn.OpenStream(ctx); err == nil {
			e.c = newControl(e.conn, stream, hello)
		} else {
			err = connectionError("", err)
		}
	}
	if err != nil {
		return err
	}
	e.offered = make(chan struct{})
	e.c.onOffer = e.receive
	e.c.greeted = e.config.Greeted
	e.c.start()
	return nil
}

// receive begins to receive the file that the other side offers; there is only
// one. c.mu is held.
func (e *exchange) receive(r *xfer.Receiver) *incoming {
	if e.in != nil {
		r.Fail(xfer.CodeBusy, "this program receives one file")
		return nil
	}
	in := e.c.newIncoming(r.Entry().Name)
	var err error
	if in.target, in.writer, in.device, err = e.config.Receive.open(in.name); err != nil {
		in.refused = err
	}
	e.in = in
	close(e.offered)
	return in
}

// run does both transfers and ends the conversation.
func (e *exchange) run(ctx context.Context) (sent, received Result) {
	c := e.c
	watch := startReporter(e.config.Progress)
	defer watch.stop()
	done := make(chan struct{})
	if e.config.Receive != nil {
		go func() {
			defer close(done)
			received = e.awaitFile(ctx, watch)
		}()
	} else {
		close(done)
	}
	if e.source != nil {
		sent = e.sendFile(ctx, watch)
	}
	<-done
	err := sent.Err
	if err == nil {
		err = received.Err
	}
	e.end(ctx, err)
	c.stop(transport.ErrClosed)
	return sent, received
}

// end closes the connection in a way that tells the other side what it needs to
// know.
func (e *exchange) end(ctx context.Context, err error) {
	c := e.c
	var broken *xfer.ProtocolError
	switch {
	case ctx.Err() != nil:
		c.close(context.Cause(ctx), xfer.CodeCancelled, "interrupted")
		return
	case errors.As(err, &broken):
		// The connection is closed already, with the reason.
	case e.config.Server:
		select {
		case <-c.ended:
		case <-e.conn.Done():
		case <-time.After(farewell):
		}
		c.finish(0)
		c.awaitClose(ctx, exchangeFarewell)
	default:
		c.finish(farewell)
	}
	_ = e.conn.Close() // always nil
}

// sendFile sends this side's file.
func (e *exchange) sendFile(ctx context.Context, watch *reporter) Result {
	list, err := e.c.offer([]*openSource{e.source}, nil)
	if err != nil {
		return Result{Name: e.source.name, Path: e.source.path, Err: connectionError(e.source.name, err)}
	}
	out := list[0]
	watch.add(out)
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		e.c.pump(out)
	}()
	r := out.result(ctx)
	<-pumped
	watch.remove(out, r.Bytes)
	return r
}

// awaitFile receives the other side's file.
func (e *exchange) awaitFile(ctx context.Context, watch *reporter) Result {
	c := e.c
	select {
	case <-e.offered:
	case <-c.ctx.Done():
		return Result{Err: connectionError("", c.why())}
	case <-c.ended:
		return Result{Err: connectionError("", errors.New("the other side has no file to send"))}
	case <-ctx.Done():
		return Result{Err: &Error{Kind: KindInterrupted, Err: context.Cause(ctx)}}
	}
	c.mu.Lock()
	in := e.in
	c.mu.Unlock()
	watch.add(in)
	select {
	case <-in.done:
	case <-ctx.Done():
		in.fail(xfer.CodeCancelled, context.Cause(ctx))
		if in.writer == nil {
			<-in.done
		}
	}
	r := in.result()
	watch.remove(in, r.Bytes)
	return r
}
