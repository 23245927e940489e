package transfer

import (
	"context"
	"time"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// outgoing is one file on its way to the peer.
type outgoing struct {
	c      *control
	source *openSource
	asked  bool // the peer has asked for it
	bulk   *transport.BulkSender
	sender *xfer.Sender // guarded by c.mu
	meter  meter
	cause  error // what this side knows of a failure of its own; guarded by c.mu

	ctx    context.Context // ends when the transfer is over, or the conversation
	cancel context.CancelFunc
}

// offer offers open sources to the peer, as one offer. answers is the request
// that the only one answers, or nil. On an error the sources are closed.
func (c *control) offer(sources []*openSource, answers *uint64) ([]*outgoing, error) {
	list := make([]*outgoing, 0, len(sources))
	entries := make([]xfer.Entry, 0, len(sources))
	for _, source := range sources {
		bulk, err := c.conn.OpenBulk(c.ctx)
		if err != nil {
			for _, out := range list {
				out.bulk.Reset(uint64(xfer.CodeCancelled))
				out.cancel()
			}
			for _, source := range sources {
				source.close()
			}
			if why := c.why(); why != nil {
				err = why // says more than that the conversation is over
			}
			return nil, err
		}
		ctx, cancel := context.WithCancel(c.ctx)
		list = append(list, &outgoing{c: c, source: source, asked: answers != nil, bulk: bulk, meter: newMeter(c.conn), ctx: ctx, cancel: cancel})
		entries = append(entries, source.entry(bulk.ID()))
	}
	c.update(func() { c.offerLocked(list, entries, answers) })
	return list, nil
}

func (c *control) offerLocked(list []*outgoing, entries []xfer.Entry, answers *uint64) {
	for i, sender := range c.session.Offer(entries, answers) {
		list[i].sender = sender
		c.outgoing[sender.ID()] = list[i]
	}
}

// notice looks at what a message has changed. c.mu is held.
func (o *outgoing) notice() {
	if o.sender.Over() {
		o.cancel()
	}
}

// pump reads the file and hands it to the connection, to its end or until the
// transfer is over.
func (o *outgoing) pump() {
	defer o.source.close()
	hasher := xfer.NewChunkHasher()
	var scratch []byte
	for i := uint64(0); o.ctx.Err() == nil; i++ {
		var ended bool
		var err error
		if o.holds(i) {
			if scratch == nil {
				scratch = make([]byte, xfer.ChunkSize)
			}
			ended, err = o.pumpHeld(scratch)
		} else {
			ended, err = o.pumpChunk(hasher)
		}
		if err != nil {
			o.giveUp(err)
			return
		}
		if ended {
			o.finish()
			return
		}
	}
	o.bulk.Reset(uint64(xfer.CodeCancelled))
}

// holds reports whether the receiver has told a hash of chunk i.
func (o *outgoing) holds(i uint64) bool {
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	return o.sender.Holds(i)
}

// pumpChunk sends the next chunk slab by slab: no slab waits for the hash of
// the whole.
func (o *outgoing) pumpChunk(hasher *xfer.ChunkHasher) (ended bool, err error) {
	total := 0
	for total < xfer.ChunkSize && !ended {
		buf, err := o.bulk.Buffer(o.ctx)
		if err != nil {
			return false, err
		}
		var n int
		n, ended, err = o.source.fill(buf[:min(len(buf), xfer.ChunkSize-total)])
		if err != nil {
			o.bulk.Release(buf)
			return false, err
		}
		hasher.Add(buf[:n])
		if total += n; ended {
			// CHUNK and END leave before the last bytes, in time to be there
			// when those are.
			if err := o.announce(hasher, total); err != nil {
				o.bulk.Release(buf)
				return false, err
			}
		}
		if err := o.bulk.Send(buf[:n]); err != nil {
			return false, err
		}
	}
	if !ended {
		err = o.announce(hasher, total)
	}
	return ended, err
}

// announce tells the hash of a chunk of n bytes.
func (o *outgoing) announce(hasher *xfer.ChunkHasher, n int) error {
	if n == 0 {
		return nil
	}
	if !o.c.awaitRoom(o.ctx, o.c.session.Queued) {
		return o.ctx.Err()
	}
	o.c.update(func() { o.sender.Chunk(hasher.Sum(), n) })
	return nil
}

// pumpHeld reads the next chunk into scratch and sends it unless the receiver
// has the very same one.
func (o *outgoing) pumpHeld(scratch []byte) (ended bool, err error) {
	n, ended, err := o.source.fill(scratch)
	if err != nil || n == 0 {
		return ended, err
	}
	held := false
	hash := xfer.HashChunk(scratch[:n])
	if !o.c.awaitRoom(o.ctx, o.c.session.Queued) {
		return false, o.ctx.Err()
	}
	o.c.update(func() { held = o.sender.Chunk(hash, n) })
	if held {
		o.bulk.Skip(int64(n))
		return ended, nil
	}
	for rest := scratch[:n]; len(rest) > 0; {
		buf, err := o.bulk.Buffer(o.ctx)
		if err != nil {
			return false, err
		}
		part := copy(buf, rest)
		rest = rest[part:]
		if err := o.bulk.Send(buf[:part]); err != nil {
			return false, err
		}
	}
	return ended, nil
}

// A file is read ahead of its sending, on a slow path by a long time. Whether it
// has changed is looked at when no more than lastStretch of it is still to be
// sent: so a change during the sending is found in a file of any size.
const (
	lastStretch   = xfer.ChunkSize
	stretchPeriod = 5 * time.Millisecond
)

// awaitLastStretch waits until the file is nearly sent, or the transfer is over.
func (o *outgoing) awaitLastStretch() {
	if o.source.file == nil {
		return
	}
	o.c.mu.Lock()
	read := int64(o.sender.Read())
	o.c.mu.Unlock()
	var ticker *time.Ticker
	for {
		sent, _ := o.bulk.Progress()
		if read-sent <= lastStretch {
			return
		}
		if ticker == nil {
			ticker = time.NewTicker(stretchPeriod)
			defer ticker.Stop()
		}
		select {
		case <-ticker.C:
		case <-o.ctx.Done():
			return
		}
	}
}

// finish says that all was read, if the file was the same to the end.
func (o *outgoing) finish() {
	o.awaitLastStretch()
	if err := o.source.unchanged(); err != nil {
		o.giveUp(err)
		return
	}
	o.c.update(func() {
		o.sender.End()
		o.notice()
	})
	// Where the connection is lost that is noticed everywhere.
	_ = o.bulk.Finish()
}

// giveUp ends the transfer because of an error, which is the file's unless the
// transfer or the connection was over anyway.
func (o *outgoing) giveUp(err error) {
	if _, stopped := o.bulk.Stopped(); !stopped && o.ctx.Err() == nil && o.c.conn.Err() == nil {
		o.fail(sourceCode(err), err)
	}
	o.bulk.Reset(uint64(xfer.CodeCancelled))
}

// fail ends the transfer for a reason of this side.
func (o *outgoing) fail(code xfer.Code, cause error) {
	o.c.update(func() {
		if !o.sender.Over() {
			o.cause = cause
			o.sender.Fail(code, reasonText(cause))
		}
		o.notice()
	})
}

// result waits until the transfer is over, or ctx is, and says what became of
// it.
func (o *outgoing) result(ctx context.Context) Result {
	select {
	case <-o.ctx.Done():
	case <-ctx.Done():
		o.fail(xfer.CodeCancelled, context.Cause(ctx))
		o.bulk.Reset(uint64(xfer.CodeCancelled))
	}
	c := o.c
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Result{Name: o.source.name, Path: o.source.path, Bytes: int64(o.sender.Read())}
	o.meter.read(&r, true)
	switch failure := o.sender.Failure(); {
	case failure != nil:
		r.Err = failureError(r.Name, failure, true, o.cause)
	case o.sender.Over():
		r.Root, r.Already = o.sender.Root().String(), o.sender.Same()
	case o.sentAll() && o.committable() && kindOfConnection(c.reason()) == KindConnection:
		r.Err = &Error{Kind: KindUnknown, Name: r.Name, Err: c.reason()}
	default:
		r.Err = connectionError(r.Name, c.reason())
	}
	delete(c.outgoing, o.sender.ID())
	c.session.Forget(o.sender, nil)
	return r
}

// sentAll reports whether the receiver may have the whole file: what was only
// read ahead it cannot have. c.mu is held.
func (o *outgoing) sentAll() bool {
	sent, _ := o.bulk.Progress()
	return o.sender.Ended() && sent >= int64(o.sender.Read())
}

// committable reports whether the receiver can have committed the file as far as
// the handshake is concerned. A server does not before it is complete. A client
// that asked for the file knows that its own is complete before we do.
func (o *outgoing) committable() bool { return o.asked || isClosed(o.c.conn.Connected()) }

// progress returns how far the transfer is.
func (o *outgoing) progress() Update {
	_, acked := o.bulk.Progress()
	u := Update{Name: o.source.name, Sending: true, Bytes: acked, Total: o.source.size()}
	if u.Total < 0 {
		o.c.mu.Lock()
		if o.sender.Ended() {
			u.Total = int64(o.sender.Read())
		}
		o.c.mu.Unlock()
	}
	return u
}
