package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

const (
	// program is what HELLO says of this side.
	program = "uft"
	// maxOffered is how many files of one Send are open at once.
	maxOffered = 256
	// farewell is how long a side waits at the end for the other to have read
	// its last messages (docs/protocol.md §10.6).
	farewell = 10 * time.Second
	// parting is how long a client that has all it asked for waits for that: on
	// a long path not until the server has answered, but until the last DONE
	// has left twice (docs/protocol.md §7.6). Where both are lost, the close
	// says as much.
	parting = 30 * time.Millisecond
)

// Client sends files to a server and fetches files from it, over one
// connection. Its methods may be called by several goroutines at once.
type Client struct {
	c *control

	mu       sync.Mutex
	code     xfer.Code // that the connection is closed with
	fetching int       // calls of Fetch under way
	fetched  bool      // the server waits for our last word: DONE,
	owed     bool      // or why not,
	refused  xfer.Code // and this is why not of a file that was fetched
	parting  bool      // our direction ends: what fails now cannot be said
}

// Options go with a call of Send or Fetch.
type Options struct {
	// Background asks the server to send what is fetched in the background
	// (transport.Config). What is sent goes as the connection was told.
	Background bool
	// Progress is told how far the transfers are: every 100 ms for the oldest
	// that is not over, and once at the end of each. Calls do not overlap.
	Progress func(Update)
}

// NewClient begins to talk to the server at the other end of a connection. It
// takes the connection over: Close closes it.
func NewClient(ctx context.Context, conn *transport.Conn) (*Client, error) {
	c, err := openControl(ctx, conn, xfer.Hello{Mode: xfer.ModeService, Program: program})
	if err != nil {
		return nil, err
	}
	return &Client{c: c}, nil
}

// openControl begins a conversation as the client.
func openControl(ctx context.Context, conn *transport.Conn, hello xfer.Hello) (*control, error) {
	stream, err := conn.OpenStream(ctx)
	if err != nil {
		return nil, connectionError("", err)
	}
	c := newControl(conn, stream, hello)
	c.start()
	return c, nil
}

// Close ends the conversation and closes the connection. Where a file failed on
// this side, it waits until the server has read that, 10 s at most; where all
// that was fetched is here, a few milliseconds. A call that is under way is
// interrupted.
func (cl *Client) Close() error {
	code := cl.part()
	cl.c.close(context.Canceled, code, closeText(code))
	cl.c.stop(context.Canceled)
	return nil
}

// part lets the server read our last word, as far as it is worth waiting for,
// and returns the code to close with. Code 0 says that every file that was asked
// for is here (docs/protocol.md §10.6), so it is for nothing else.
func (cl *Client) part() xfer.Code {
	cl.mu.Lock()
	code, fetched, owed, refused := cl.code, cl.fetched, cl.owed, cl.refused
	cl.parting = true
	cl.mu.Unlock()
	if code != 0 {
		return code
	}
	if owed {
		if cl.c.finish(farewell) {
			refused = 0 // it has been read
		}
	} else if fetched {
		cl.c.finish(parting)
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	switch {
	case cl.fetching > 0:
		return xfer.CodeCancelled
	case cl.code != 0: // meanwhile
		return cl.code
	}
	return refused
}

func closeText(code xfer.Code) string {
	if code == xfer.CodeCancelled {
		return "interrupted"
	}
	return ""
}

// note remembers what the end of the connection has to tell the server.
func (cl *Client) note(r *Result) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	switch KindOf(r.Err) {
	case KindConnection, KindIdentity, KindInterrupted: // nothing more can be said
	default:
		cl.owed = cl.owed || r.Err != nil
	}
	if KindOf(r.Err) == KindInterrupted && r.Err != nil {
		cl.code = xfer.CodeCancelled
	}
}

// noteFetch does the same for a file that was fetched.
func (cl *Client) noteFetch(r *Result) {
	cl.note(r)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.fetching--
	cl.fetched = cl.fetched || r.Err == nil
	if r.Err != nil && KindOf(r.Err) == KindConnection && cl.code == 0 {
		// Whether the server knows is not known here, and 0 would say that
		// the file is here.
		cl.code = xfer.CodeCancelled
	}
	var failed *Error
	if errors.As(r.Err, &failed) && !failed.Remote {
		cl.refused = cmp.Or(cl.refused, xfer.Code(failed.Code))
		if cl.parting {
			cl.code = cmp.Or(cl.code, cl.refused)
		}
	}
}

// Send sends files to the server, and returns what became of each, in the same
// order. It goes on after failures. When ctx ends, what is not done is
// cancelled.
func (cl *Client) Send(ctx context.Context, sources []Source, options Options) []Result {
	results := make([]Result, len(sources))
	pending := make([]int, 0, len(sources))
	names := map[string]bool{}
	for i := range sources {
		name := sources[i].name()
		results[i] = Result{Name: name, Path: sources[i].Path}
		if names[name] {
			results[i].Err = &Error{Kind: KindSource, Name: name, Err: errors.New("another file of this name is sent already")}
			continue
		}
		names[name] = true
		pending = append(pending, i)
	}
	watch := startReporter(options.Progress)
	defer watch.stop()
	cl.c.sendAll(ctx, sources, pending, results, watch)
	for i := range results {
		cl.note(&results[i])
	}
	return results
}

// sendAll sends the pending sources, offering as many at once as may be open.
func (c *control) sendAll(ctx context.Context, sources []Source, pending []int, results []Result, watch *reporter) {
	slots := make(chan struct{}, maxOffered)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for len(pending) > 0 {
		var batch []int
		select {
		case slots <- struct{}{}:
			batch, pending = pending[:1], pending[1:]
		case <-ctx.Done():
			for _, i := range pending {
				results[i].Err = failureError(results[i].Name, &xfer.Failure{Code: xfer.CodeCancelled}, true, context.Cause(ctx))
			}
			return
		}
		for len(pending) > 0 && len(slots) < cap(slots) {
			slots <- struct{}{}
			batch, pending = batch[:len(batch)+1], pending[1:]
		}
		list := c.offerBatch(sources, batch, results)
		for k, out := range list {
			if out == nil {
				<-slots
				continue
			}
			watch.add(out)
			waiting.Go(func() {
				results[batch[k]] = out.result(ctx)
				watch.remove(out, results[batch[k]].Bytes)
				<-slots
			})
		}
		for _, out := range list {
			if out != nil {
				c.pump(out)
			}
		}
	}
}

// offerBatch opens and offers some of the sources. The list has nil where that
// failed, and the result then says why.
func (c *control) offerBatch(sources []Source, batch []int, results []Result) []*outgoing {
	list := make([]*outgoing, len(batch))
	var opened []*openSource
	var places []int
	for k, i := range batch {
		source, err := sources[i].open()
		if err != nil {
			results[i].Err = failureError(results[i].Name, &xfer.Failure{Code: sourceCode(err)}, true, err)
			continue
		}
		opened, places = append(opened, source), append(places, k)
	}
	if len(opened) == 0 {
		return list
	}
	offered, err := c.offer(opened, nil)
	if err != nil {
		for _, k := range places {
			results[batch[k]].Err = connectionError(results[batch[k]].Name, err)
		}
		return list
	}
	for n, k := range places {
		list[k] = offered[n]
	}
	return list
}

// pump reads a file until all of it is handed over, or the transfer is over.
func (c *control) pump(out *outgoing) {
	if out.source.file != nil {
		out.pump()
		return
	}
	// A reader is the application's, and may not return from a Read.
	pumped := make(chan struct{})
	go func() {
		out.pump()
		close(pumped)
	}()
	select {
	case <-pumped:
	case <-out.ctx.Done():
	}
}

// Fetch asks the server for a file, to be sent at a gross rate of at most rate
// bit/s, 0 for what the path carries, and returns what became of it. When ctx
// ends, the transfer is cancelled.
func (cl *Client) Fetch(ctx context.Context, name string, to Destination, rate int64, options Options) Result {
	cl.mu.Lock()
	cl.fetching++
	cl.mu.Unlock()
	r := cl.fetch(ctx, name, to, rate, options)
	cl.noteFetch(&r)
	return r
}

func (cl *Client) fetch(ctx context.Context, name string, to Destination, rate int64, options Options) Result {
	c := cl.c
	if clipped := xfer.ClipText(name); clipped != name {
		return Result{Name: name, Err: &Error{Kind: KindSource, Name: name, Err: errors.New("no file can have this name: it is not UTF-8, or too long")}}
	}
	if rate < 0 {
		return Result{Name: name, Err: &Error{Kind: KindOther, Name: name, Err: fmt.Errorf("a rate of %d bit/s", rate)}}
	}
	in := c.newIncoming(name)
	var err error
	if in.target, in.writer, in.device, err = to.open(name); err != nil {
		return Result{Name: name, Err: &Error{Kind: KindDestination, Name: name, Err: err}}
	}
	watch := startReporter(options.Progress)
	defer watch.stop()
	watch.add(in)
	var id uint64
	c.update(func() {
		id = c.session.Request(name, uint64(rate), options.Background)
		c.asked[id] = in
	})
	select {
	case <-in.done:
	case <-in.ctx.Done():
	case <-ctx.Done():
		c.withdraw(in, id, context.Cause(ctx))
	}
	c.release(in, id)
	r := in.result()
	watch.remove(in, r.Bytes)
	return r
}

// withdraw cancels a fetch. An offer that comes later finds nobody who asked,
// and is refused.
func (c *control) withdraw(in *incoming, id uint64, cause error) {
	c.mu.Lock()
	offered := in.receiver != nil
	delete(c.asked, id)
	in.cause = cause
	c.mu.Unlock()
	if offered {
		in.fail(xfer.CodeCancelled, cause)
	}
	in.cancel()
}

// release waits, when a fetch is over, until nothing of it is left, except for
// a writer of the application.
func (c *control) release(in *incoming, id uint64) {
	c.mu.Lock()
	delete(c.asked, id)
	offered := in.receiver != nil
	c.mu.Unlock()
	switch {
	case !offered:
		in.cancel()
		in.closeTarget()
	case in.writer == nil:
		<-in.done
	}
}
