package core

import (
	"fmt"
	"time"

	"example.com/uft/internal/wire"
)

// EventKind says what an Event reports.
type EventKind uint8

// The events of a connection. The fields of Event that each one fills are
// named beside it.
const (
	// EventConnected: the handshake is complete; the peer is who it proved to
	// be, and for a server nothing after this point can be a replay.
	EventConnected EventKind = iota
	// EventEarlyDataRejected: the server did not take the 0-RTT packets; the
	// core sends their contents again by itself.
	EventEarlyDataRejected
	// EventSession: Data is a session to store for resumption (client).
	EventSession
	// EventToken: Data is an address token to store (client).
	EventToken
	// EventStreamOpened: the peer opened stream ID.
	EventStreamOpened
	// EventStreamReadable: ReadStream of stream ID will return something.
	EventStreamReadable
	// EventStreamWritable: WriteStream of stream ID will take something again.
	EventStreamWritable
	// EventStreamReset: the peer reset its side of stream ID with Code.
	EventStreamReset
	// EventStreamStopped: the peer will not read stream ID any more; Code.
	EventStreamStopped
	// EventBulkOpened: the first sign of the peer's transfer ID.
	EventBulkOpened
	// EventBulkEnded: the peer's transfer ID has Size bytes in all.
	EventBulkEnded
	// EventBulkReset: the peer gave up its transfer ID with Code.
	EventBulkReset
	// EventBulkStopped: the peer wants no more of our transfer ID; Code.
	EventBulkStopped
	// EventBulkDelivered: every byte of our transfer ID, and its end, was
	// acknowledged.
	EventBulkDelivered
	// EventRateHalved: the path delivers next to nothing of the fixed rate, so
	// the circuit breaker halved it, to Size bit/s.
	EventRateHalved
	// EventBlockSizeRefused: datagrams with blocks of Size bytes, which
	// Config.BlockSize asked for, do not get through; smaller ones go on.
	EventBlockSizeRefused
	// EventClosed: the connection is over; Err says why. The last event.
	EventClosed
)

// Event is something that the application should know.
type Event struct {
	Kind EventKind
	ID   uint64 // stream ID or transfer id
	Code uint64
	Size uint64
	Data []byte
	Err  error
}

// Block is a run of file bytes that arrived, each for the first time. Bytes is
// borrowed from the buffer given to HandleTrain and valid until the next call
// of a Handle method.
type Block struct {
	Transfer uint16
	Offset   uint64
	Bytes    []byte
}

// LocalError is a connection error that this side found and blames on what
// the peer sent (or, for InternalError, on itself).
type LocalError struct {
	Code   wire.ErrorCode
	Reason string
}

func (e *LocalError) Error() string {
	return fmt.Sprintf("connection closed by this side: %v: %s", e.Code, e.Reason)
}

// PeerError is a connection error that the peer reported.
type PeerError struct {
	Code   wire.ErrorCode
	Reason string
}

func (e *PeerError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("connection closed by the peer: %v", e.Code)
	}
	return fmt.Sprintf("connection closed by the peer: %v: %q", e.Code, e.Reason)
}

// ApplicationError is the close that an application asked for: the peer's, or
// where Local is set our own.
type ApplicationError struct {
	Local  bool
	Code   uint64
	Reason string
}

func (e *ApplicationError) Error() string {
	side := "the peer"
	if e.Local {
		side = "this side"
	}
	return fmt.Sprintf("closed by %s (code %d) %q", side, e.Code, e.Reason)
}

// TimeoutError reports that nothing came from the peer for too long.
type TimeoutError struct {
	Handshake bool // no first contact
	After     time.Duration
}

func (e *TimeoutError) Error() string {
	if e.Handshake {
		return fmt.Sprintf("no answer within %v", e.After)
	}
	return fmt.Sprintf("nothing heard from the peer for %v", e.After)
}

// ResetError reports a stateless reset: the peer has lost the connection's
// state, most likely because it was restarted.
type ResetError struct{}

func (e *ResetError) Error() string {
	return "the peer does not know this connection any more (restarted?)"
}

// VersionError reports that the server speaks none of our versions.
type VersionError struct{ Versions []uint32 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the server speaks protocol versions %#x, not %#x", e.Versions, wire.Version1)
}

// Stats is a snapshot of a connection's counters.
type Stats struct {
	DatagramsSent, DatagramsReceived uint64
	BytesSent, BytesReceived         uint64 // UDP payload
	PacketsSent                      uint64
	PacketsLost                      uint64 // declared lost, spurious ones taken back
	PacketsSpurious                  uint64
	PacketsUndecryptable             uint64
	Duplicates                       uint64 // packets received twice
	DataBytesSent                    uint64 // file bytes in DATA frames, repeats included
	DataBytesRepeated                uint64 // of these, sent before
	DataBytesReceived                uint64 // file bytes, each counted once
	DataBytesAcked                   uint64
	ParityBytesSent                  uint64 // bytes of shares in PARITY frames (docs/protocol.md §9.4)
	BytesRepaired                    uint64 // of DataBytesReceived, those that parity gave
	ProbeTimeouts                    uint64
	SmoothedRTT, MinRTT              time.Duration
	Inflight                         int   // gross bytes sent and without a fate
	Window                           int   // congestion window, gross bytes
	PacingRate                       int64 // bytes per second
	Controller                       string
	BlockSize                        int    // file bytes of a full DATA frame
	Bandwidth                        int64  // gross bytes per second that the controller believes in
	PeerSocketDrops                  uint64 // datagrams that the peer's own socket dropped
	Limits                           LimitTimes
}
