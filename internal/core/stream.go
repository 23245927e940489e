package core

import (
	"errors"
	"fmt"
	"io"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/wire"
)

// Errors of the stream and bulk operations.
var (
	// ErrStreamLimit: the peer allows no further stream at the moment.
	ErrStreamLimit = errors.New("the peer allows no more streams for the moment")
	// ErrTransferLimit: all 65,536 transfer ids of the connection were used.
	ErrTransferLimit = errors.New("no transfer id is left on this connection")
	// ErrNoSource: the connection was made without a BlockSource.
	ErrNoSource = errors.New("the connection has no source of file bytes")
	// ErrNoStream: there is no such stream or transfer (any more).
	ErrNoStream = errors.New("no such stream")
	// ErrFinished: the stream's sending side was finished or reset before.
	ErrFinished = errors.New("the stream was finished")
)

// StreamError reports that the peer broke one direction of a stream off.
type StreamError struct {
	ID   uint64
	Code uint64
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("the peer broke stream %d off (code %d)", e.ID, e.Code)
}

// streamBuffer bounds the bytes that a stream holds unacknowledged.
const streamBuffer = 256 << 10

// stream is ordered bytes, both ways (docs/protocol.md §9.1).
type stream struct {
	id     uint64
	place  uint64 // in the order of opening, both sides' streams together
	queued bool   // is in streamSet.ready

	// Sending side.
	out         sendBuffer
	credit      sendCredit // limit of MAX_STREAM_DATA, an absolute offset
	finish      bool       // the application wrote its last byte
	finPending  bool       // a STREAM frame with FIN must go out
	finAcked    bool
	reset       *uint64 // code of our RESET_STREAM
	resetSend   bool
	stopped     *uint64 // code of the peer's STOP_SENDING
	wantWrite   bool    // WriteStream found no room
	finalSize   uint64  // of our RESET_STREAM
	streamsUsed uint64  // connection credit used: highest offset sent

	// Receiving side.
	in        receiveBuffer
	window    receiveCredit
	size      uint64 // final size, when sizeKnown
	sizeKnown bool
	broken    *uint64 // code of the peer's RESET_STREAM
	stop      *uint64 // code of our STOP_SENDING
	stopSend  bool
	over      bool // nothing more is to be read
}

// room is the room in the send buffer.
func (s *stream) room() int { return max(0, streamBuffer-s.out.buffered()) }

// sendDone reports that nothing of the sending side is left to do: the peer
// has the end, and everything before it.
func (s *stream) sendDone() bool { return s.finAcked && s.out.buffered() == 0 }

// pending reports whether the stream has a frame to send.
func (s *stream) pending(connection uint64) bool {
	if s.resetSend || s.stopSend || s.window.pending {
		return true
	}
	if s.reset != nil {
		return false
	}
	return s.out.pending(s.limit(connection)) || (s.finPending && s.out.next == s.out.end())
}

// limit is the offset below which new bytes may be sent, given what is left of
// the connection's credit.
func (s *stream) limit(connection uint64) uint64 {
	return min(s.credit.limit, s.streamsUsed+connection)
}

// OpenStream opens a stream.
func (c *Conn) OpenStream() (uint64, error) {
	if err := c.usable(); err != nil {
		return 0, err
	}
	if c.streams.opened >= c.streams.peerMax {
		return 0, ErrStreamLimit
	}
	id := c.streams.opened<<1 | uint64(c.role)
	c.streams.opened++
	c.streams.add(c.newStream(id))
	return id, nil
}

// WriteStream appends p to the stream's send buffer and returns how much there
// was room for. Where that is less than len(p), EventStreamWritable follows
// when there is room again.
func (c *Conn) WriteStream(id uint64, p []byte) (int, error) {
	s := c.streams.get(id)
	switch {
	case c.Err() != nil:
		return 0, c.Err()
	case s == nil:
		return 0, ErrNoStream
	case s.stopped != nil:
		return 0, &StreamError{ID: id, Code: *s.stopped}
	case s.finish || s.reset != nil:
		return 0, ErrFinished
	}
	n := min(len(p), s.room())
	s.out.write(p[:n])
	s.wantWrite = n < len(p)
	c.streams.wake(s)
	return n, nil
}

// FinishStream ends the sending side after what was written.
func (c *Conn) FinishStream(id uint64) error {
	s := c.streams.get(id)
	if s == nil {
		return ErrNoStream
	}
	if !s.finish && s.reset == nil {
		s.finish, s.finPending = true, true
		c.streams.wake(s)
	}
	return nil
}

// ReadStream reads what has arrived in order. It returns 0, nil when nothing is
// there, and io.EOF after the last byte.
func (c *Conn) ReadStream(now instant.Time, id uint64, p []byte) (int, error) {
	s := c.streams.get(id)
	if s == nil {
		return 0, ErrNoStream
	}
	if s.broken != nil {
		s.over = true
		c.retireStream(s)
		return 0, &StreamError{ID: id, Code: *s.broken}
	}
	n := s.in.read(p)
	c.consumeStream(now, s, uint64(n))
	switch {
	case n > 0:
		return n, nil
	case s.sizeKnown && s.in.base == s.size:
		s.over = true
		c.retireStream(s)
		return 0, io.EOF
	}
	return 0, c.err
}

// consumeStream gives back the credit of n bytes of a stream.
func (c *Conn) consumeStream(now instant.Time, s *stream, n uint64) {
	if n == 0 {
		return
	}
	c.streams.credit.consume(now, c.creditRTT(), n)
	if !s.sizeKnown { // else the peer needs no more of this stream's own credit
		s.window.consume(now, c.creditRTT(), n)
		c.streams.wake(s)
	}
}

// ResetStream gives the sending side up.
func (c *Conn) ResetStream(id, code uint64) {
	s := c.streams.get(id)
	if s == nil || s.reset != nil || s.sendDone() {
		return
	}
	s.finAcked, s.finPending = false, false
	s.reset, s.resetSend, s.finalSize = &code, true, s.streamsUsed
	s.out = sendBuffer{}
	c.streams.wake(s)
}

// StopStream tells the peer that nothing more of the stream is read. What was
// received and not read is dropped.
func (c *Conn) StopStream(id, code uint64) {
	s := c.streams.get(id)
	if s == nil || s.stop != nil || s.over {
		return
	}
	s.stop = &code
	if s.broken == nil {
		unread := s.window.received - s.in.base
		s.in = receiveBuffer{base: s.window.received}
		c.consumeStream(c.now, s, unread)
	}
	// Where the length is known, nobody has to be told: what is still under
	// way has used its credit already.
	s.stopSend = !s.sizeKnown
	s.over = s.sizeKnown
	c.retireStream(s)
	c.streams.wake(s)
}

// handleStream takes a STREAM frame (docs/protocol.md §9.1).
func (c *Conn) handleStream(f *wire.Stream) error {
	s, err := c.peerStream(f.ID)
	if s == nil || err != nil {
		return err
	}
	end := f.Offset + uint64(len(f.Data))
	if err := c.checkFinalSize(s, end, f.Fin); err != nil {
		return err
	}
	if end > s.window.received {
		fresh := end - s.window.received
		if !s.window.use(fresh) || !c.streams.credit.use(fresh) {
			return violation(wire.CodeFlowControl, "stream %d beyond its credit", f.ID)
		}
	}
	if s.stop != nil {
		c.dropStream(s)
	}
	if s.broken != nil || s.stop != nil || s.over {
		return nil
	}
	before := s.in.readable()
	s.in.add(f.Offset, f.Data)
	if s.in.readable() > before || (s.sizeKnown && s.in.base+uint64(s.in.readable()) == s.size) {
		c.emit(Event{Kind: EventStreamReadable, ID: s.id})
	}
	return nil
}

// dropStream gives back what came on a stream that the application does not
// read any more.
func (c *Conn) dropStream(s *stream) {
	if s.broken == nil {
		fresh := s.window.received - s.in.base
		s.in.base = s.window.received
		c.consumeStream(c.now, s, fresh)
	}
	if s.sizeKnown {
		s.over, s.stopSend = true, false
		c.retireStream(s)
	}
}

// checkFinalSize enforces that a stream has one length.
func (c *Conn) checkFinalSize(s *stream, end uint64, last bool) error {
	if s.sizeKnown && (end > s.size || (last && end != s.size)) {
		return violation(wire.CodeFinalSizeError, "stream %d has two lengths", s.id)
	}
	if last && !s.sizeKnown {
		if end < s.window.received {
			return violation(wire.CodeFinalSizeError, "stream %d ends before bytes already sent", s.id)
		}
		s.size, s.sizeKnown = end, true
	}
	return nil
}

// handleResetStream takes a RESET_STREAM frame.
func (c *Conn) handleResetStream(f *wire.ResetStream) error {
	s, err := c.peerStream(f.ID)
	if s == nil || err != nil {
		return err
	}
	if err := c.checkFinalSize(s, f.FinalSize, true); err != nil {
		return err
	}
	if s.broken != nil || s.over {
		return nil
	}
	if f.FinalSize > s.window.received {
		fresh := f.FinalSize - s.window.received
		if !s.window.use(fresh) || !c.streams.credit.use(fresh) {
			return violation(wire.CodeFlowControl, "stream %d reset beyond its credit", f.ID)
		}
	}
	// What will never be read is given back to the connection's credit.
	c.streams.credit.consume(c.now, c.creditRTT(), f.FinalSize-s.in.base)
	code := f.Code
	s.broken, s.in = &code, receiveBuffer{}
	if s.stop != nil {
		s.over = true // the application has asked for this and does not read on
		c.retireStream(s)
		return nil
	}
	c.emit(Event{Kind: EventStreamReset, ID: s.id, Code: code})
	return nil
}

// handleStopSending takes a STOP_SENDING frame: the answer is a reset.
func (c *Conn) handleStopSending(f *wire.StopSending) error {
	s, err := c.peerStream(f.ID)
	if s == nil || err != nil {
		return err
	}
	if s.stopped == nil {
		code := f.Code
		s.stopped = &code
		c.ResetStream(s.id, code)
		c.emit(Event{Kind: EventStreamStopped, ID: s.id, Code: f.Code})
	}
	return nil
}
