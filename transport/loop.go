package transport

import (
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/udp"
	"example.com/uft/internal/wire"
)

const (
	// segmentsPerTrain is how many full datagrams go out in one system call:
	// 61 of 1064 bytes fill 64 KiB.
	segmentsPerTrain = 61
	// trainsPerTurn is how many trains are sent before the owner looks for
	// what has come in, and how many are taken before it looks for what to
	// send, acknowledgements above all. It is about 2 MiB.
	trainsPerTurn = 32
	// maxLinger bounds how long a connection that is over still answers.
	maxLinger = 10 * time.Second
)

// deliver gives a train to the owner, or drops it when the owner is behind.
// Only the reader of the socket calls it.
func (c *Conn) deliver(t train) {
	if c.queuedMemory.Add(t.memory()) <= maxQueuedMemory {
		select {
		case c.trains <- t:
			return
		default:
		}
	}
	c.queuedMemory.Add(-t.memory())
	c.droppedHere.Add(uint64((t.length + t.segmentSize - 1) / t.segmentSize))
	t.free()
}

// take gives a train to the owner. One that TCP has delivered is never dropped,
// since nobody would send it again: the reader waits, and the sender with it.
func (c *Conn) take(t train) {
	if t.path.carried == nil {
		c.deliver(t)
		return
	}
	for c.queuedMemory.Load() >= maxQueuedMemory {
		select {
		case <-c.room:
		case <-c.leaving:
			t.free()
			return
		}
	}
	c.queuedMemory.Add(t.memory())
	select {
	case c.trains <- t:
	case <-c.leaving:
		t.free()
	}
}

// wakeOwner tells the owner that a call of the application left something to
// be done. One word is enough for several calls.
func (c *Conn) wakeOwner() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run is the owner goroutine: what comes in goes into the core, what the core
// wants to send goes out, and the one timer is set to when it wants to be
// asked again.
func (c *Conn) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	out := make([]byte, udp.MaxTrain)
	var lingering time.Time
	received := 0
	for {
		received += c.takeTrains()
		closing, more := c.advance(out, received)
		c.handleEvents()
		if closing && !more {
			c.closeLeft()
		}
		if c.isGone(&lingering) {
			break
		}
		received = 0
		if !more {
			received = c.wait(timer)
		}
	}
	c.forget()
}

// takeTrains feeds the trains that wait to the core and returns their number.
func (c *Conn) takeTrains() (taken int) {
	for ; taken < trainsPerTurn; taken++ {
		select {
		case t := <-c.trains:
			c.takeTrain(t)
		default:
			return taken
		}
	}
	return taken
}

// takeTrain feeds one train to the core, and the file bytes in it to their
// transfers.
func (c *Conn) takeTrain(t train) {
	if c.queuedMemory.Add(-t.memory()) < maxQueuedMemory {
		select {
		case c.room <- struct{}{}:
		default:
		}
	}
	c.mu.Lock()
	if c.budget != nil {
		c.core.LimitBulkWindow(c.budget.window(c.shares))
	}
	c.core.HandleTrain(c.socket.clock.now(), t.path.path, t.path.ecn, t.bytes(), t.segmentSize)
	for {
		block, ok := c.core.NextBlock()
		if !ok {
			break
		}
		c.takeBlock(block)
	}
	answered := c.offer == nil && c.core.Answered()
	c.mu.Unlock()
	if answered && !isDone(c.answered) {
		c.answeredByTCP = t.path.carried != nil
		close(c.answered)
	}
	t.free()
}

// advance lets the core's time go on and sends what it wants to send. It
// reports whether a close was part of that, and whether there is more to do at
// once.
func (c *Conn) advance(out []byte, received int) (closing, more bool) {
	c.mu.Lock()
	now := c.socket.clock.now()
	if !now.Before(c.core.Deadline()) {
		c.core.HandleTimeout(now)
	}
	c.core.SetReceiverReport(c.socket.udp.SocketDrops()+c.droppedHere.Load(), uint64(c.backlog))
	if received > 0 {
		c.progress.wake()
	}
	closing = c.closing
	probes := c.core.ProbeTimeouts()
	c.mu.Unlock()
	if received > 0 {
		c.port.heard(now, probes)
		c.port.refused = refusals{seen: c.refusals.Load()}
	}
	c.watchPort(now, probes)
	c.checkCarrier()

	drained := c.transmit(out)
	c.mu.Lock()
	c.freeAcknowledged()
	c.mu.Unlock()
	return closing, !drained
}

// transmit sends until the core has nothing more to send now, and then reports
// true, or until it is time to look for what has come in.
func (c *Conn) transmit(out []byte) (drained bool) {
	c.followCarrier()
	if c.carried != nil && !c.discarded && c.isClosing() {
		c.discarded = true
		c.carried.carrier.Discard()
	}
	for range trainsPerTurn {
		writable := c.writable()
		c.mu.Lock()
		c.core.SetWritable(writable)
		n, segmentSize, path, _ := c.core.Transmit(c.socket.clock.now(), out, segmentsPerTrain)
		c.mu.Unlock()
		if n == 0 {
			return true
		}
		if err := c.socket.send(out[:n], segmentSize, path); err != nil {
			c.noteSendError(err, segmentSize)
		}
		if len(c.trains) > 0 {
			return false
		}
	}
	return false
}

// noteSendError keeps an error of the socket for the message of a timeout. A
// train that was not sent is a lost one: what is wrong may be over the next
// moment, and if not, silence will end the connection. That the interface does
// not take a probe of the path MTU is an answer like any other.
func (c *Conn) noteSendError(err error, segmentSize int) {
	if isClosed(err) || segmentSize > wire.MaxDatagram && udp.IsTooLong(err) {
		return // of a closed socket the reader finds the same
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sendError == nil {
		close(c.sendFails)
	}
	c.sendError = err
}

// wait blocks until there is something to do. It returns the number of trains
// that it fed to the core, none or one.
func (c *Conn) wait(timer *time.Timer) (taken int) {
	c.mu.Lock()
	deadline := c.core.Deadline()
	if c.err != nil {
		// However long the core would still answer, it ends.
		deadline = instant.Min(deadline, c.socket.clock.now().Add(maxLinger))
	}
	if c.givesUpOnCarrier() {
		deadline = instant.Min(deadline, c.socket.clock.at(c.brokenAt.Add(carrierGrace)))
	}
	c.mu.Unlock()
	if c.offer == nil {
		deadline = instant.Min(deadline, c.port.deadline())
	}
	if deadline == instant.Never {
		timer.Stop()
	} else {
		timer.Reset(c.socket.clock.until(deadline))
	}
	select {
	case t := <-c.trains:
		c.takeTrain(t)
		return 1
	case <-timer.C:
	case <-c.wake:
	}
	return 0
}

// isGone reports whether the connection is over and needs no answer any more.
// lingering is when it was over.
func (c *Conn) isGone(lingering *time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return false
	}
	if lingering.IsZero() {
		*lingering = time.Now()
	}
	return c.core.Gone() || isDone(c.socket.readerDone) || time.Since(*lingering) >= maxLinger
}

// forget ends the owner: the socket no longer knows the connection.
func (c *Conn) forget() {
	close(c.leaving)
	if c.closeLeaves {
		<-c.closeSent
	}
	c.socket.remove(c)
	c.mu.Lock()
	if c.shares {
		c.budget.leave(c.slabMemory)
	}
	c.budget = nil
	c.mu.Unlock()
	for len(c.trains) > 0 {
		t := <-c.trains
		t.free()
	}
	close(c.stopped)
}

// handleEvents tells the application what has happened.
func (c *Conn) handleEvents() {
	for {
		c.mu.Lock()
		e, ok := c.core.NextEvent()
		if ok {
			c.handleEvent(e)
		}
		sendable := c.core.CanSend()
		c.mu.Unlock()
		if sendable && !isDone(c.sendable) {
			close(c.sendable)
		}
		if !ok {
			return
		}
		c.afterEvent(e)
	}
}

// handleEvent does what an event means for the connection's own state. c.mu is
// held.
func (c *Conn) handleEvent(e core.Event) {
	switch e.Kind {
	case core.EventConnected:
		close(c.connected)
	case core.EventClosed:
		err := convertError(e.Err, c.sendError)
		if c.refused != nil {
			err = c.refused
		}
		c.finish(err)
	case core.EventStreamOpened:
		c.newStreams = append(c.newStreams, c.addStream(e.ID))
		c.accepting.wake()
	case core.EventStreamReadable:
		if s := c.streams[e.ID]; s != nil {
			s.readable.wake()
		}
	case core.EventStreamReset:
		if s := c.streams[e.ID]; s != nil {
			s.broken = &StreamError{ID: e.ID, Code: e.Code, Remote: true}
			s.readable.wake()
		}
	case core.EventStreamWritable, core.EventStreamStopped:
		if s := c.streams[e.ID]; s != nil {
			s.writable.wake()
		}
	case core.EventBulkOpened:
		c.newReceivers = append(c.newReceivers, c.receiver(uint16(e.ID)))
		c.accepting.wake()
	case core.EventBulkEnded:
		if r := c.receivers[uint16(e.ID)]; r != nil {
			r.end(int64(e.Size))
		}
	case core.EventBulkReset:
		if r := c.receivers[uint16(e.ID)]; r != nil {
			r.breakOff(&StreamError{Bulk: true, ID: e.ID, Code: e.Code, Remote: true})
		}
	case core.EventBulkStopped:
		if b := c.senders[uint16(e.ID)]; b != nil {
			b.breakOff(&StreamError{Bulk: true, ID: e.ID, Code: e.Code, Remote: true})
		}
	case core.EventBulkDelivered:
		if b := c.senders[uint16(e.ID)]; b != nil {
			b.deliver()
		}
	}
}

// pathMemory is what the next connection may begin with.
func (c *Conn) pathMemory() core.PathMemory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.PathMemory()
}

// afterEvent does what an event means outside of the connection: for the
// endpoint, the Listener and the session store, none of which may be called
// with c.mu held.
func (c *Conn) afterEvent(e core.Event) {
	switch e.Kind {
	case core.EventConnected:
		c.socket.established(c)
		c.offerOnce()
	case core.EventStreamOpened, core.EventBulkOpened:
		// The first data of a client whose 0-RTT was accepted.
		c.offerOnce()
	case core.EventSession, core.EventToken, core.EventClosed:
		// Before the handshake is over there is no identity to remember
		// anything of, and no round-trip time but a guess.
		if c.memory != nil && isDone(c.connected) {
			c.memory.note(e, c.PeerIdentity(), c.pathMemory())
		}
	case core.EventRateHalved:
		if halved := c.cfg.OnRateHalved; halved != nil {
			halved(int64(e.Size))
		}
	case core.EventBlockSizeRefused:
		if refused := c.cfg.OnBlockSizeRefused; refused != nil {
			refused(int(e.Size))
		}
	}
}

// offerOnce gives a server's connection to whoever accepts it.
func (c *Conn) offerOnce() {
	if c.offer != nil && !c.offered {
		c.offered = true
		c.offer(c)
	}
}
