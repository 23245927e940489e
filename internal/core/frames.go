package core

import (
	"slices"
	"time"

	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// eliciting says what the frames of a packet ask of the receiver.
type eliciting struct {
	any bool // an acknowledgement
	now bool // at once
}

// handleFrames takes the frames of one packet, in order.
func (c *Conn) handleFrames(path *Path, t wire.PacketType, sp recovery.Space, payload []byte) (eliciting, error) {
	f := &c.frame
	if t == wire.PacketShort && f.Data.ConsumeOnly(payload) {
		return eliciting{any: true}, c.handleData(&f.Data) // nearly all packets
	}
	var asks eliciting
	p := wire.NewParser(payload, t)
	for {
		ok, err := p.Next(f)
		if err != nil {
			return asks, err
		}
		if !ok {
			return asks, nil
		}
		if f.Type.AckEliciting() {
			asks.any = true
		}
		if f.Type == wire.FrameImmediateAck {
			asks.now = true
		}
		if err := c.handleFrame(path, sp, f); err != nil {
			return asks, err
		}
		if c.state == stateDraining {
			return asks, nil
		}
	}
}

// handleFrame acts upon one frame: the table of docs/protocol.md §4.
func (c *Conn) handleFrame(path *Path, sp recovery.Space, f *wire.Frame) error {
	switch f.Type {
	case wire.FrameAck, wire.FrameAckBitmap:
		return c.handleAck(sp, &f.Ack)
	case wire.FrameCrypto:
		if err := c.handleCrypto(sp, &f.Crypto); err != nil {
			return err
		}
		return c.replayWaiting()
	case wire.FrameStream, wire.FrameStreamFin:
		return c.handleStream(&f.Stream)
	case wire.FrameResetStream:
		return c.handleResetStream(&f.ResetStream)
	case wire.FrameStopSending:
		return c.handleStopSending(&f.StopSending)
	case wire.FrameMaxData:
		if c.streams.sendCredit.raise(f.MaxData.Limit) {
			c.streams.wakeAll()
		}
	case wire.FrameMaxStreamData:
		s, err := c.peerStream(f.MaxStreamData.ID)
		if s != nil {
			s.credit.raise(f.MaxStreamData.Limit)
			c.streams.wake(s)
		}
		return err
	case wire.FrameMaxStreams:
		c.streams.peerMax = max(c.streams.peerMax, f.MaxStreams.Count)
	case wire.FrameData, wire.FrameDataKeep:
		return c.handleData(&f.Data)
	case wire.FrameBulkEnd:
		return c.handleBulkEnd(&f.BulkEnd)
	case wire.FrameResetBulk:
		return c.handleResetBulk(&f.ResetBulk)
	case wire.FrameStopBulk:
		return c.handleStopBulk(&f.StopBulk)
	case wire.FrameParity:
		return c.handleParity(&f.Parity)
	case wire.FrameBulkHave:
		return c.handleBulkHave(&f.BulkHave)
	case wire.FrameMaxBulkData:
		c.bulkOut.credit.raise(f.MaxBulkData.Limit)
	case wire.FramePathChallenge:
		c.validation.answer(*path, f.PathChallenge.Data)
	case wire.FramePathResponse:
		c.handlePathResponse(*path, f.PathResponse.Data)
	case wire.FrameConnectionClose:
		c.handleConnectionClose(&f.ConnectionClose)
	case wire.FrameApplicationClose:
		c.drain(&ApplicationError{Code: f.ApplicationClose.Code, Reason: f.ApplicationClose.Reason})
	case wire.FrameHandshakeDone:
		if c.role == Server {
			return violation(wire.CodeProtocolViolation, "HANDSHAKE_DONE from a client")
		}
		if c.state == stateOpen {
			c.confirm()
		}
	case wire.FrameNewToken:
		if c.role == Server {
			return violation(wire.CodeProtocolViolation, "NEW_TOKEN from a client")
		}
		if len(f.NewToken.Token) > wire.MaxToken {
			return nil // of no use: see NewClient
		}
		c.emit(Event{Kind: EventToken, Data: slices.Clone(f.NewToken.Token)})
	}
	return nil
}

// handleConnectionClose ends the connection as the peer says.
func (c *Conn) handleConnectionClose(f *wire.ConnectionClose) {
	c.drain(&PeerError{Code: wire.ErrorCode(f.Code), Reason: f.Reason})
}

// maxReceiveTime is a century: what is beyond would overflow in nanoseconds.
const maxReceiveTime = 100 * 365 * 24 * 3600 * 1_000_000

// handleAck acts upon an acknowledgement (§7.3).
func (c *Conn) handleAck(sp recovery.Space, f *wire.Ack) error {
	if f.PathID != 0 {
		return violation(wire.CodeProtocolViolation, "acknowledgement for unknown path %d", f.PathID)
	}
	if len(f.Ranges) == 0 || f.Largest >= c.spaces[sp].next {
		return violation(wire.CodeProtocolViolation, "acknowledgement of packet %d, which was never sent", f.Largest)
	}
	ack := recovery.Ack{
		Largest: f.Largest, Delay: f.Delay, Ranges: f.Ranges,
		ReceiveTime: time.Duration(min(f.ReceiveTime, maxReceiveTime)) * time.Microsecond,
		CE:          f.CE, SocketDrops: f.SocketDrops,
	}
	if err := c.recovery.OnAck(c.now, sp, &ack, &c.fates); err != nil {
		return violation(wire.CodeProtocolViolation, "%v", err)
	}
	if sp == recovery.Application {
		c.phase.acknowledged(f.Largest)
		if c.state == stateOpen && c.phase.acked {
			c.confirm() // the server has opened it, so it has our Finished (RFC 9001 §4.1.2)
		}
	}
	c.limits.peerBacklog = f.Backlog
	c.applyFates()
	return nil
}
