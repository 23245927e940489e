package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// incoming is one file on its way to this side.
type incoming struct {
	c                 *control
	name              string
	receiver          *xfer.Receiver          // guarded by c.mu; nil until the offer has come
	bulk              *transport.BulkReceiver // guarded by c.mu; nil until its first byte has come
	attached          chan struct{}           // closed when bulk is set
	changed           chan struct{}           // the receiver has something new
	refusal           *xfer.Failure           // of the request; guarded by c.mu
	cause             error                   // what this side knows of a failure of its own; guarded by c.mu
	arrived           int64                   // bytes taken; guarded by c.mu
	meter             meter
	started, finished func() // told when run begins and ends; may be nil

	target target    // where the file goes;
	writer io.Writer // or this
	device io.Closer // to be closed at the end, or nil

	refused error // where the destination cannot be used at all

	existing *store.Source // to compare with, or nil
	sink     store.Sink    // the new file, or nil

	ctx    context.Context // ends when the transfer is over, or the conversation
	cancel context.CancelFunc
	done   chan struct{} // closed when nothing of it is left
}

// newIncoming returns a file that is still to be offered.
func (c *control) newIncoming(name string) *incoming {
	ctx, cancel := context.WithCancel(c.ctx)
	return &incoming{
		c: c, name: name, meter: newMeter(c.conn),
		attached: make(chan struct{}), changed: make(chan struct{}, 1),
		ctx: ctx, cancel: cancel, done: make(chan struct{}),
	}
}

// attach brings the bytes to the file. c.mu is held.
func (in *incoming) attach(bulk *transport.BulkReceiver) {
	in.bulk = bulk
	close(in.attached)
	in.skip()
}

// notice looks at what a message has changed. c.mu is held.
func (in *incoming) notice() {
	if in.receiver.Over() {
		in.cancel()
	}
	in.skip()
	poke(in.changed)
}

// skip tells the transport which bytes will not come. c.mu is held.
func (in *incoming) skip() {
	size, known := in.receiver.Size()
	if in.bulk == nil || !known {
		return
	}
	for i, ok := in.receiver.NextSkip(); ok; i, ok = in.receiver.NextSkip() {
		start := int64(i) * xfer.ChunkSize
		in.bulk.Skip(start, start+int64(xfer.ChunkLen(size, i)))
	}
}

// update calls f, which may change the receiver.
func (in *incoming) update(f func()) {
	in.c.update(func() {
		f()
		in.notice()
	})
}

// fail refuses the file, or gives it up.
func (in *incoming) fail(code xfer.Code, cause error) {
	in.update(func() {
		if !in.receiver.Over() {
			in.cause = cause
			in.receiver.Fail(code, reasonText(cause))
		}
	})
}

// run receives the file, from the decision to the commit.
func (in *incoming) run() {
	defer close(in.done)
	if in.started != nil {
		in.started()
	}
	if in.finished != nil {
		defer in.finished()
	}
	defer in.cleanUp()
	if err := in.accept(); err != nil {
		in.fail(sinkCode(err), err)
		return
	}
	if !in.receive() || !in.settle() {
		return
	}
	if err := in.commit(); err != nil {
		in.fail(sinkCode(err), err)
	}
}

// cleanUp drops what a file that came to nothing leaves, and forgets the
// transfer. Where it was committed, aborting does nothing.
func (in *incoming) cleanUp() {
	c := in.c
	c.mu.Lock()
	failure := in.receiver.Failure()
	delete(c.incoming, in.receiver.ID())
	c.session.Forget(nil, in.receiver)
	if in.bulk != nil && failure != nil {
		in.bulk.Stop(uint64(failure.Code))
	}
	c.mu.Unlock()
	if in.sink != nil {
		_ = in.sink.Abort() // a part file that cannot be removed is swept later
	}
	if in.existing != nil {
		_ = in.existing.Close() // it was only read
	}
	in.closeTarget()
	in.cancel()
}

func (in *incoming) closeTarget() {
	if in.target != nil {
		in.target.close()
	}
	if in.device != nil {
		_ = in.device.Close() // what was written has been written
	}
}

// receive takes the bytes as they come. It returns false where the transfer is
// over.
func (in *incoming) receive() bool {
	select {
	case <-in.attached:
	case <-in.ctx.Done():
		return false
	}
	assembly := in.newAssembly()
	defer assembly.close()
	for {
		slab, err := in.bulk.Next(in.ctx)
		if err == io.EOF {
			return in.check(assembly.end())
		}
		if err != nil {
			return in.broken(err)
		}
		in.c.mu.Lock()
		in.arrived += int64(len(slab.Data))
		in.c.mu.Unlock()
		if !in.check(assembly.put(slab)) {
			return false
		}
	}
}

// check gives the file up where err says so.
func (in *incoming) check(err error) bool {
	if err != nil {
		in.fail(sinkCode(err), err)
	}
	return err == nil && in.ctx.Err() == nil
}

// broken waits for the message that explains why the sender has broken the
// bytes off: it is on its way on the stream.
func (in *incoming) broken(err error) bool {
	var stream *transport.StreamError
	if errors.As(err, &stream) && stream.Remote {
		select {
		case <-in.ctx.Done():
		case <-time.After(brokenLimit):
			in.fail(xfer.CodeProtocol, errors.New("the bytes were broken off and no ERROR said why"))
		}
	}
	return false
}

// brokenLimit is how long an ERROR may take longer than the end of the bytes.
const brokenLimit = 10 * time.Second

// plan waits until it is decided what becomes of the bytes of chunk i.
func (in *incoming) plan(i uint64) xfer.Plan {
	for {
		in.c.mu.Lock()
		plan := in.receiver.Plan(i)
		in.c.mu.Unlock()
		if plan != xfer.Wait {
			return plan
		}
		select {
		case <-in.changed:
		case <-in.ctx.Done():
			return xfer.Drop
		}
	}
}

// settle waits until everything is verified, copying what the existing file
// has. It returns false where the transfer is over without that.
func (in *incoming) settle() bool {
	for {
		if err := in.copyChunks(); !in.check(err) {
			return false
		}
		in.c.mu.Lock()
		complete := in.receiver.Complete()
		size, _ := in.receiver.Size()
		in.c.mu.Unlock()
		if complete {
			// Bytes beyond the end that the hashes know would be in the file.
			if bulk, _ := in.bulk.Size(); bulk != int64(size) {
				in.fail(xfer.CodeIntegrity, fmt.Errorf("%d bytes came for a file of %d", bulk, size))
				return false
			}
			return true
		}
		select {
		case <-in.changed:
		case <-in.ctx.Done():
			return false
		}
	}
}

// commit makes the verified file appear, durable, and tells the sender. Where it
// takes the place of another it waits for the end of the handshake: what comes
// before that may have been held up by somebody on the path, once, for as long as
// they liked, and must not replace what is newer (docs/protocol.md §6.6).
func (in *incoming) commit() error {
	in.c.mu.Lock()
	same := in.receiver.Same()
	size, _ := in.receiver.Size()
	in.c.mu.Unlock()
	if !same && in.mayReplace() {
		select {
		case <-in.c.conn.Connected():
		case <-in.ctx.Done():
			return nil
		}
	}
	var err error
	switch {
	case in.target == nil:
	case same:
		err = in.existing.Unchanged()
	default:
		err = in.busy(xfer.ActivitySyncing, &size, func() error {
			sink, err := in.open()
			if err != nil {
				return err
			}
			return sink.Commit()
		})
	}
	if err != nil {
		return err
	}
	in.update(in.receiver.Committed)
	return nil
}

// mayReplace reports whether the commit may take the place of a file that is
// there. (One that appears between this and the commit could only be one that
// comes at this very moment, too.)
func (in *incoming) mayReplace() bool {
	if in.target == nil || !in.target.replaces() {
		return false
	}
	there, err := in.target.existing()
	if err == nil {
		_ = there.Close() // it was only opened
	}
	return !errors.Is(err, store.ErrNotFound)
}

// result says what became of the transfer, once it is done.
func (in *incoming) result() Result {
	c := in.c
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Result{Name: in.name}
	if in.target != nil {
		r.Path = in.target.path()
	}
	in.meter.read(&r, false)
	switch {
	case in.refusal != nil:
		r.Err = failureError(in.name, in.refusal, false, nil)
	case in.receiver == nil && in.cause != nil:
		r.Err = failureError(in.name, &xfer.Failure{Code: xfer.CodeCancelled}, false, in.cause)
	case in.receiver == nil || !in.receiver.Over():
		r.Err = connectionError(in.name, c.reason())
	case in.receiver.Failure() != nil:
		r.Err = failureError(in.name, in.receiver.Failure(), false, in.cause)
	default:
		size, _ := in.receiver.Size()
		r.Bytes, r.Root, r.Already = int64(size), in.receiver.Root().String(), in.receiver.Same()
	}
	return r
}

// progress returns how far the transfer is.
func (in *incoming) progress() Update {
	in.c.mu.Lock()
	defer in.c.mu.Unlock()
	u := Update{Name: in.name, Bytes: in.arrived, Total: -1}
	if in.receiver != nil {
		if size, known := in.receiver.Size(); known {
			u.Total = int64(size)
		}
	}
	return u
}
