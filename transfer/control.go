package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// control is the conversation of two programs on the first stream of a
// connection: it reads messages, writes messages, and brings the bulk transfers
// that arrive to the files they belong to. The state machines of package xfer
// decide; all of them are guarded by one mutex, which is never held while
// anything is waited for.
type control struct {
	conn   *transport.Conn
	stream *transport.Stream
	ctx    context.Context // ends with the conversation
	cancel context.CancelFunc

	onOffer   func(*xfer.Receiver) *incoming // policy: what to do with a file that nobody asked for
	onRequest func(*xfer.Request)            // policy: what to do with a request
	greeted   func()                         // called when the peer's HELLO has come and fits; may be nil

	write chan struct{} // there may be messages to write
	ended chan struct{} // the peer has said all that it had to say
	heard chan struct{} // nothing more is read, for that reason or another
	loops sync.WaitGroup
	jobs  sync.WaitGroup // transfers under way

	mu        sync.Mutex
	session   *xfer.Session
	err       error // why the conversation is over
	outgoing  map[uint16]*outgoing
	incoming  map[uint16]*incoming
	bulks     map[uint16]*transport.BulkReceiver // arrived before their offer
	asked     map[uint64]*incoming               // requests without an answer
	running   int                                // jobs
	room      chan struct{}                      // closed when messages are taken to be written; nil: nobody waits
	finishing bool                               // the stream ends after what is to be written now
}

// newControl begins a conversation on a stream. The policies may be nil where
// the abilities in hello exclude them.
func newControl(conn *transport.Conn, stream *transport.Stream, hello xfer.Hello) *control {
	var offerID [16]byte
	_, _ = rand.Read(offerID[:]) // never fails, by its documentation
	ctx, cancel := context.WithCancel(context.Background())
	return &control{
		conn:     conn,
		stream:   stream,
		ctx:      ctx,
		cancel:   cancel,
		write:    make(chan struct{}, 1),
		ended:    make(chan struct{}),
		heard:    make(chan struct{}),
		session:  xfer.NewSession(hello, offerID),
		outgoing: map[uint16]*outgoing{},
		incoming: map[uint16]*incoming{},
		bulks:    map[uint16]*transport.BulkReceiver{},
		asked:    map[uint64]*incoming{},
	}
}

// start starts the goroutines of the conversation.
func (c *control) start() {
	c.loops.Go(c.readMessages)
	c.loops.Go(c.writeMessages)
	c.loops.Go(c.acceptBulks)
}

// stop ends the conversation and waits until nothing of it is left but the
// reads and writes of the application's own readers and writers.
func (c *control) stop(err error) {
	c.fail(err)
	_ = c.stream.Close() // it may be over
	c.loops.Wait()       // first, since the reader of messages begins jobs
	c.jobs.Wait()
}

// fail ends the conversation; the first reason counts.
func (c *control) fail(err error) {
	c.blame(err)
	c.cancel()
}

// close ends the conversation for a reason that the peer is told.
func (c *control) close(reason error, code xfer.Code, text string) {
	c.blame(reason)
	// Before anybody else closes the connection, on seeing the conversation end.
	_ = c.conn.CloseWithError(uint64(code), xfer.ClipText(text)) // always nil
	c.cancel()
}

// blame notes why the conversation ends.
func (c *control) blame(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// reason returns why the conversation is over. c.mu is held.
func (c *control) reason() error {
	if c.err != nil {
		return c.err
	}
	return c.conn.Err()
}

// why is reason for callers that do not hold c.mu.
func (c *control) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason()
}

// update calls f, which may change the machines, and lets the messages leave
// that follow from it.
func (c *control) update(f func()) {
	c.mu.Lock()
	f()
	c.mu.Unlock()
	poke(c.write)
}

// poke wakes whoever waits on a channel with room for one value.
func poke(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// writeMessages writes what the machines have to say, all that there is in one
// piece. Where the connection is over it throws that away, until the reader of
// messages has come to the end: what the peer said before it closed the
// connection counts, and reading that must not wait for room here.
func (c *control) writeMessages() {
	var buf []byte
	var broken error
	for {
		var finishing bool
		buf, finishing = c.takeMessages(buf[:0])
		if len(buf) > 0 && broken == nil {
			_, broken = c.stream.Write(buf)
		}
		switch {
		case broken != nil && (c.conn.Err() == nil || isClosed(c.heard)):
			c.lost(broken)
			return
		case len(buf) > 0:
			continue
		case finishing:
			_ = c.stream.CloseWrite() // where the connection is lost, that is noticed
			return
		}
		select {
		case <-c.write:
		case <-c.ctx.Done():
			return
		}
	}
}

// takeMessages appends messages that are to be written to buf, and reports
// whether these are the last.
func (c *control) takeMessages(buf []byte) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(buf) < 64<<10 {
		m := c.session.NextMessage()
		if m == nil {
			break
		}
		buf = xfer.Append(buf, m)
	}
	c.makeRoom()
	return buf, c.finishing
}

// readMessages reads what the peer has to say, as long as the peer reads the
// answers: else they would pile up here.
func (c *control) readMessages() {
	defer close(c.heard)
	var decoder xfer.Decoder
	buf := make([]byte, 32<<10)
	for {
		n, err := c.stream.Read(buf)
		decoder.Feed(buf[:n])
		for {
			m, broken := decoder.Next()
			if broken == nil && m != nil {
				broken = c.handle(m)
			}
			if broken != nil {
				c.reject(broken)
				return
			}
			if m == nil {
				break
			}
			if !c.awaitRoom(c.ctx, c.session.Owed) {
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && !decoder.Buffered():
			close(c.ended)
			c.unanswered()
			return
		default:
			c.heedClose()
			c.lost(err)
			return
		}
	}
}

// lost ends the conversation because its stream is over. What ended the
// connection says more than what that did to the stream.
func (c *control) lost(err error) {
	if cause := c.conn.Err(); cause != nil {
		err = cause
	}
	c.fail(err)
}

// reject ends the connection because the peer broke the rules of §10, or
// because the two programs cannot work together.
func (c *control) reject(err error) {
	code := xfer.CodeProtocol
	var broken *xfer.ProtocolError
	if errors.As(err, &broken) {
		code = broken.Code
	}
	c.close(err, code, err.Error())
}

// unanswered ends what waits for a peer that will not say anything more.
func (c *control) unanswered() {
	c.mu.Lock()
	waiting := c.session.Active() > 0
	c.mu.Unlock()
	if waiting {
		c.fail(errors.New("the other side ended the conversation early"))
	}
}

// handle takes a message of the peer.
func (c *control) handle(m xfer.Message) error {
	c.mu.Lock()
	event, err := c.session.Handle(m)
	if err == nil {
		c.heed(&event)
	}
	c.mu.Unlock()
	poke(c.write)
	if err == nil && event.Hello != nil && c.greeted != nil {
		c.greeted()
	}
	return err
}

// heed does what a message asks for and wakes who is concerned. c.mu is held.
func (c *control) heed(event *xfer.Event) {
	for _, r := range event.Incoming {
		c.offered(r, event.Answers)
	}
	c.dropBulks()
	if event.Request != nil {
		c.onRequest(event.Request)
	}
	if event.Refused != nil {
		if in := c.asked[*event.Refused]; in != nil {
			delete(c.asked, *event.Refused)
			in.refusal = event.Failure
			in.cancel()
		}
	}
	if s := event.Sender; s != nil {
		if out := c.outgoing[s.ID()]; out != nil {
			out.notice()
		}
	}
	if r := event.Receiver; r != nil {
		if in := c.incoming[r.ID()]; in != nil {
			in.notice()
		}
	}
}

// offered begins to receive a file. c.mu is held.
func (c *control) offered(r *xfer.Receiver, answers *uint64) {
	var in *incoming
	if answers != nil {
		in = c.asked[*answers]
		delete(c.asked, *answers)
	} else {
		in = c.onOffer(r)
	}
	if in == nil {
		// Whoever asked has given up meanwhile, or the policy has refused it.
		r.Fail(xfer.CodeCancelled, "the file is not wanted any more")
		c.session.Forget(nil, r)
		return
	}
	in.receiver = r
	c.incoming[r.ID()] = in
	if bulk := c.bulks[r.ID()]; bulk != nil {
		delete(c.bulks, r.ID())
		in.attach(bulk)
	}
	in.notice()
	if in.writer != nil {
		// The writer is the application's, and may not return from a Write.
		go in.run()
		return
	}
	c.job(in.run)
}

// job runs f as one of the transfers under way. c.mu is held.
func (c *control) job(f func()) {
	c.running++
	c.jobs.Go(func() {
		f()
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
	})
}

// acceptBulks brings the bulk transfers of the peer to the files that were
// offered, whichever of the two comes first.
func (c *control) acceptBulks() {
	for {
		bulk, err := c.conn.AcceptBulk(c.ctx)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.bulks[bulk.ID()] = bulk
		if in := c.incoming[bulk.ID()]; in != nil {
			delete(c.bulks, bulk.ID())
			in.attach(bulk)
		}
		c.dropBulks()
		c.mu.Unlock()
	}
}

// dropBulks frees the memory of the bytes of files that were refused. c.mu is
// held.
func (c *control) dropBulks() {
	for id, bulk := range c.bulks {
		if c.session.Received(id) {
			bulk.Stop(uint64(xfer.CodeCancelled))
			delete(c.bulks, id)
		}
	}
}

// finish ends the conversation from this side after all is done: the peer
// reads to the end of what was written, and then does the same, for which
// finish waits no longer than limit. It reports whether the peer has done so.
func (c *control) finish(limit time.Duration) bool {
	c.update(func() { c.finishing = true })
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-c.conn.Done():
	case <-timer.C:
	}
	return isClosed(c.ended)
}

// quiet reports whether no transfer is under way.
func (c *control) quiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running == 0 && c.session.Active() == 0
}

// isClosed reports whether a channel without values is closed.
func isClosed(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}
