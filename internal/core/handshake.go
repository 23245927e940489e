package core

import (
	"crypto/ed25519"
	"errors"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// flightCopies says how long after the one before a handshake flight is sent
// again, unless it was acknowledged (docs/protocol.md §6.2).
var flightCopies = [...]time.Duration{25 * time.Millisecond, 75 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond}

// repeatedDone is how many times HANDSHAKE_DONE rides along with what else is
// sent before it is acknowledged: without it the client probes for nothing else.
const repeatedDone = 3

// earlyData is the 0-RTT keys of a connection.
type earlyData struct {
	read, write *seal.Keys
	answers     int // Application packets sent while the handshake was under way
}

// installInitialKeys derives the keys of the Initial space (§5.2).
func (c *Conn) installInitialKeys(destination wire.ConnectionID) {
	client, server := seal.InitialKeys(destination)
	s := &c.spaces[recovery.Initial]
	if c.role == Client {
		s.write, s.read = client, server
	} else {
		s.write, s.read = server, client
	}
}

func (c *Conn) startEngine() error {
	if err := c.engine.Start(); err != nil {
		_ = c.engine.Close()
		return err
	}
	return c.drainEngine()
}

// levelSpace is the packet-number space of a TLS level; 0-RTT shares that of
// the Application packets.
func levelSpace(l seal.Level) recovery.Space {
	switch l {
	case seal.Initial:
		return recovery.Initial
	case seal.Handshake:
		return recovery.Handshake
	default:
		return recovery.Application
	}
}

// handleCrypto takes handshake bytes of one space and feeds what is in order
// to the engine.
func (c *Conn) handleCrypto(sp recovery.Space, f *wire.Crypto) error {
	s := &c.spaces[sp]
	if f.Offset+uint64(len(f.Data)) > s.in.base+maxCryptoBuffer {
		return violation(wire.CodeProtocolViolation, "more than %d handshake bytes out of order", maxCryptoBuffer)
	}
	s.in.add(f.Offset, f.Data)
	n := s.in.readable()
	if n == 0 {
		return nil
	}
	level := [...]seal.Level{seal.Initial, seal.Handshake, seal.Application}[sp]
	if err := c.engine.HandleCrypto(level, s.in.peek()); err != nil {
		return c.engineError(err)
	}
	s.in.discard(n)
	return c.drainEngine()
}

// engineError turns a TLS alert into the error code that the peer is told.
func (c *Conn) engineError(err error) error {
	var alert *seal.AlertError
	if errors.As(err, &alert) {
		return &handshakeError{code: wire.CodeCryptoBase + wire.ErrorCode(alert.Alert), err: err}
	}
	return &handshakeError{code: wire.CodeInternalError, err: err}
}

// handshakeError keeps the cause of a failed handshake, such as a server
// identity that the application refused, for EventClosed.
type handshakeError struct {
	code wire.ErrorCode
	err  error
}

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// drainEngine acts upon everything the engine has to say.
func (c *Conn) drainEngine() error {
	for {
		e, ok := c.engine.NextEvent()
		if !ok {
			return nil
		}
		if err := c.handleEngineEvent(e); err != nil {
			return err
		}
	}
}

func (c *Conn) handleEngineEvent(e seal.Event) error {
	switch e.Kind {
	case seal.EventWriteCrypto:
		s := &c.spaces[levelSpace(e.Level)]
		s.out.write(e.Data)
	case seal.EventReadKeys:
		if e.Level == seal.Early {
			c.early.read = e.Read
		} else {
			c.spaces[levelSpace(e.Level)].read = e.Read
		}
	case seal.EventWriteKeys:
		if e.Level == seal.Early {
			c.early.write = e.Write
		} else {
			c.spaces[levelSpace(e.Level)].write = e.Write
		}
		if e.Level == seal.Application {
			c.phase.firstSent = c.spaces[appSpace].next // what went before was 0-RTT
		}
	case seal.EventPeerParameters:
		return c.handleParameters(e.Parameters)
	case seal.EventEarlyDataRejected:
		c.rejectEarlyData()
	case seal.EventHandshakeDone:
		c.completeHandshake(e)
	case seal.EventSession:
		c.emit(Event{Kind: EventSession, Data: e.Session})
	}
	return nil
}

// completeHandshake follows the engine's word that the peer is genuine.
func (c *Conn) completeHandshake(e seal.Event) {
	if e.State != nil && len(e.State.PeerCertificates) > 0 {
		c.peerIdentity, _ = e.State.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	}
	c.state = stateOpen
	c.provePath()
	c.emit(Event{Kind: EventConnected})
	if c.role == Server {
		c.pending.handshakeDone = true
		c.pending.sendToken = len(c.pending.newToken) > 0
		c.confirm()
		c.doneAgain = c.now.Add(c.recovery.PTO(recovery.Application)) // a copy of the Finished is no question yet
		// A ticket that cannot be made costs the client its 0-RTT, no more.
		_ = c.engine.SendTicket()
	}
}

// confirm ends the handshake for good: both sides have the Application keys.
func (c *Conn) confirm() {
	if c.confirmed {
		return
	}
	c.confirmed = true
	if c.pathSet.unproven {
		c.challenge(c.path, c.pathSet.in, c.pathSet.out)
	}
	c.recovery.SetHandshakeConfirmed()
	c.recovery.SetHandshakePending(false)
	c.dropSpace(recovery.Initial)
	c.dropSpace(recovery.Handshake)
	c.early = earlyData{}
	c.startPathMTU()
	c.followPathMTU(wire.FullDataDatagram)
}

// dropSpace forgets the keys and everything in flight of a space (§6.3).
func (c *Conn) dropSpace(sp recovery.Space) {
	s := &c.spaces[sp]
	if s.dropped {
		return
	}
	c.recovery.ForEachOutstanding(sp, func(p recovery.Packet) bool {
		c.logs.release(p.Log)
		return true
	})
	c.recovery.DiscardSpace(sp)
	*s = space{dropped: true, next: s.next, received: new(recovery.Received)}
}

// rejectEarlyData has everything that left as 0-RTT be sent again, as if for
// the first time: within the limits that the server has now told, which may be
// lower than the remembered ones.
func (c *Conn) rejectEarlyData() {
	c.early.write = nil
	c.requeueAll(recovery.Application)
	c.rewindBulk()
	c.rewindStreams()
	c.emit(Event{Kind: EventEarlyDataRejected})
}

// localParameters is what this side tells the peer about itself (§6.4).
func (c *Conn) localParameters() wire.Parameters {
	p := wire.Parameters{
		InitialSource:        c.localID,
		IdleTimeout:          c.cfg.IdleTimeout,
		InitialMaxData:       c.cfg.DataWindow,
		InitialMaxStreamData: c.cfg.StreamWindow,
		InitialMaxStreams:    c.cfg.MaxStreams,
		InitialMaxBulkData:   c.cfg.BulkWindow,
		MaxAckDelay:          maxAckDelay,
		MaxDatagram:          uint64(c.cfg.MaxDatagram),
		BlockSize:            uint64(max(c.cfg.BlockSize, 0)),
		RepairMemory:         uint64(max(c.cfg.RepairMemory, 0)),
	}
	if c.role == Server {
		p.OriginalDestination, p.HasOriginalDestination = c.originalDestination, true
		if c.retrySource != nil {
			p.RetrySource, p.HasRetrySource = *c.retrySource, true
		}
		if c.cfg.ResetKey != nil {
			p.StatelessReset, p.HasStatelessReset = seal.ResetToken(c.cfg.ResetKey, c.localID), true
		}
	}
	return p
}

// handleParameters checks and takes the peer's transport parameters. The
// connection IDs in them prove that nobody changed those of the headers.
func (c *Conn) handleParameters(data []byte) error {
	p, err := wire.ParseParameters(data)
	if err != nil {
		return err
	}
	if p.InitialSource != c.remoteID {
		return violation(wire.CodeTransportParameter, "the connection ID of the handshake is not that of the packets")
	}
	if c.role == Client {
		if !p.HasOriginalDestination || p.OriginalDestination != c.originalDestination {
			return violation(wire.CodeTransportParameter, "the server answers another connection attempt")
		}
		retried := c.retrySource != nil
		if p.HasRetrySource != retried || (retried && p.RetrySource != *c.retrySource) {
			return violation(wire.CodeTransportParameter, "the Retry was not the server's")
		}
	} else if p.HasOriginalDestination || p.HasRetrySource || p.HasStatelessReset {
		return violation(wire.CodeTransportParameter, "a client sent a server's parameter")
	}
	c.peer, c.peerKnown = p, true
	c.recovery.SetMaxAckDelay(p.MaxAckDelay)
	c.raiseLimits()
	return nil
}

// raiseLimits takes the credits of the peer's transport parameters.
func (c *Conn) raiseLimits() {
	c.raiseStreamLimits(&c.peer)
	c.bulkOut.credit.raise(c.peer.InitialMaxBulkData)
	c.repairOut.keeping = c.repairKeeps()
}

// idleTimeout is the shorter of both sides' (§11.3).
func (c *Conn) idleTimeout() time.Duration {
	d := c.cfg.IdleTimeout
	if c.peerKnown && c.peer.IdleTimeout > 0 {
		d = min(d, c.peer.IdleTimeout)
	}
	if !c.confirmed {
		// The server may have given up, and forgets without a word.
		d = min(d, c.cfg.HandshakeTimeout)
	}
	return d
}

// handshakeDeadline is when a handshake that goes nowhere is given up.
func (c *Conn) handshakeDeadline() instant.Time {
	if c.state != stateHandshake {
		return instant.Never
	}
	return c.start.Add(c.cfg.HandshakeTimeout)
}
