package seal

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"
)

// ALPN is the name by which the peers agree, inside the handshake, that they
// speak version 1 of this protocol (docs/protocol.md §14.1).
const ALPN = "uft/1"

// An Engine is one side of one handshake. It neither waits nor reads a clock
// by itself: it acts only inside the calls below, which belong to one
// goroutine at a time. Whoever creates an Engine must call Close, whatever
// the handshake came to, and may use none of it afterwards.
//
// Whatever a call leads to is queued as events. After every call the caller
// takes them with NextEvent until there are none.
type Engine interface {
	// Start begins the handshake: a client queues its first message, a
	// server waits. It is called once.
	Start() error

	// HandleCrypto takes the next bytes of the peer's handshake messages of
	// one level. They must be in order, without gaps or repetition, and
	// may end anywhere. The engine does not keep data. An error is an
	// [*AlertError] and ends the handshake; the alert is what the peer is told.
	HandleCrypto(level Level, data []byte) error

	// NextEvent returns the oldest event, and false if there is none. What
	// the event holds belongs to the caller.
	NextEvent() (Event, bool)

	// SendTicket queues a session ticket for the client, by which it can resume this
	// session and use 0-RTT. Only a server calls it, once, after
	// EventHandshakeDone; an engine without ticket keys queues nothing.
	SendTicket() error

	// Close ends the handshake and lets go of everything. It may be called
	// more than once.
	Close() error
}

// EventKind says what an [Event] is about.
type EventKind uint8

// The events of a handshake, with the fields that they set.
const (
	// EventWriteCrypto: Data goes to the peer, in order, at Level.
	EventWriteCrypto EventKind = iota + 1
	// EventReadKeys: Read opens the packets that the peer sends at Level.
	// At a server, keys of level Early mean that 0-RTT was accepted.
	EventReadKeys
	// EventWriteKeys: Write seals the packets that go to the peer at Level.
	// At a client, keys of level Early mean that 0-RTT is offered.
	EventWriteKeys
	// EventPeerParameters: Parameters are the peer's transport parameters.
	// Until EventHandshakeDone nothing proves that they are genuine.
	EventPeerParameters
	// EventEarlyDataRejected: the server has not read, and will not read,
	// what the client sent as 0-RTT. It comes before the Application keys.
	EventEarlyDataRejected
	// EventHandshakeDone: the peer is who it says it is, and has the same
	// keys. State describes the outcome. The Application read keys may
	// follow this event.
	EventHandshakeDone
	// EventSession: Session is what a client may keep, secretly, and give
	// in ClientConfig.Session to a later connection to the same server. It
	// replaces any earlier one.
	EventSession
)

// String returns the name of the kind for logs and test failures.
func (k EventKind) String() string {
	switch k {
	case EventWriteCrypto:
		return "write crypto"
	case EventReadKeys:
		return "read keys"
	case EventWriteKeys:
		return "write keys"
	case EventPeerParameters:
		return "peer parameters"
	case EventEarlyDataRejected:
		return "early data rejected"
	case EventHandshakeDone:
		return "handshake done"
	case EventSession:
		return "session"
	default:
		return fmt.Sprintf("EventKind(%d)", uint8(k))
	}
}

// An Event is one step of a handshake. Which fields are set depends on Kind.
type Event struct {
	Kind       EventKind
	Level      Level
	Data       []byte
	Read       *Keys
	Write      *Keys
	Parameters []byte
	Session    []byte
	State      *tls.ConnectionState
}

// AlertError is the error of a handshake that failed. Alert is the TLS alert
// (RFC 8446 §6) that describes it to the peer.
type AlertError struct {
	Alert uint8
	Err   error
}

// Error names the alert and the cause.
func (e *AlertError) Error() string {
	return fmt.Sprintf("handshake failed: %v (alert %d)", e.Err, e.Alert)
}

// Unwrap returns the cause, such as the error of ClientConfig.Verify.
func (e *AlertError) Unwrap() error { return e.Err }

// alertInternalError is the alert of a failure that is our own (RFC 8446 §6.2).
const alertInternalError = 80

// alertError gives err the form in which an Engine returns errors.
func alertError(err error) error {
	if err == nil {
		return nil
	}
	failure := &AlertError{Alert: alertInternalError, Err: err}
	var alert tls.AlertError
	if errors.As(err, &alert) {
		failure.Alert = uint8(alert)
	}
	return failure
}

// ClientConfig is what a client brings to a TLS handshake.
type ClientConfig struct {
	// Verify decides whether the server is the right one, by its public
	// key. It is called for full and for resumed handshakes, and must not
	// be nil. It must only decide: the server's proof that it owns the key
	// is checked after Verify returns, so a key that is new may be
	// remembered at EventHandshakeDone and not before. Its error is
	// wrapped in the handshake's [*AlertError].
	Verify func(ed25519.PublicKey) error

	// Parameters are the transport parameters that the server is sent.
	Parameters []byte

	// Session is what an EventSession of an earlier connection to this
	// server carried, or nil. One that cannot be read is ignored: it costs a
	// full handshake, not the connection.
	Session []byte

	// EarlyData offers 0-RTT if the session allows it.
	EarlyData bool

	// Time is the clock that certificates and tickets are judged by; nil is time.Now.
	Time func() time.Time

	// Rand is the source of randomness; nil is crypto/rand. crypto/tls
	// takes its ephemeral keys from crypto/rand in any case.
	Rand io.Reader
}

// ServerConfig is what a server brings to a TLS handshake.
type ServerConfig struct {
	// Certificate presents the server's identity; see [SelfSigned].
	Certificate tls.Certificate

	// Parameters are the transport parameters that the client is sent.
	Parameters []byte

	// Tickets are the ticket keys that all handshakes of this process
	// share; nil neither gives nor takes tickets.
	Tickets *Tickets

	// AllowEarly accepts 0-RTT where the ticket permits it. It is set only
	// where a token has proved the client's address (docs/protocol.md §6).
	AllowEarly bool

	// Time and Rand are as in ClientConfig.
	Time func() time.Time
	Rand io.Reader
}
