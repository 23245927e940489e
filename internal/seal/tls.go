package seal

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
)

// noServerName stands where crypto/tls wants the server's name. It is an IP
// address, which is never put into a Server Name Indication, so the name that
// the user typed does not cross the network in the clear. It must not be
// empty, or crypto/tls would resume no session.
const noServerName = "0.0.0.0"

// tlsEngine is TLS 1.3 over the QUIC interface of crypto/tls (RFC 9001 §4).
type tlsEngine struct {
	conn    *tls.QUICConn
	queue   []Event
	failure error // the first error; nothing happens after it

	// At a client:
	session        *sessionSlot
	offerEarly     bool
	peerParameters []byte // kept, since a stored session includes them

	// At a server:
	tickets     *Tickets
	acceptEarly bool
	hello       *helloHasher // of what the client says first
	random      io.Reader
}

// NewTLSClient returns the client's side of a TLS handshake.
func NewTLSClient(config ClientConfig) Engine {
	e := &tlsEngine{session: &sessionSlot{}, offerEarly: config.EarlyData}
	e.session.offerSession(config.Session)
	e.conn = tls.QUICClient(&tls.QUICConfig{
		EnableSessionEvents: true,
		TLSConfig: &tls.Config{
			Rand:       config.Rand,
			Time:       config.Time,
			MinVersion: tls.VersionTLS13,
			NextProtos: []string{ALPN},
			ServerName: noServerName,
			// No authority vouches for the server: its key is pinned
			// (docs/protocol.md §6). The server's signature with that key is
			// verified by TLS all the same.
			InsecureSkipVerify: true,
			VerifyConnection:   verifyIdentity(config.Verify),
			ClientSessionCache: e.session,
		},
	})
	e.conn.SetTransportParameters(bytes.Clone(config.Parameters))
	return e
}

// NewTLSServer returns the server's side of a TLS handshake. It asks the
// client for no certificate.
func NewTLSServer(config ServerConfig) Engine {
	e := &tlsEngine{tickets: config.Tickets, acceptEarly: config.AllowEarly, hello: newHelloHasher(), random: config.Rand}
	tlsConfig := &tls.Config{
		Rand:                   config.Rand,
		Time:                   config.Time,
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{ALPN},
		Certificates:           []tls.Certificate{config.Certificate},
		SessionTicketsDisabled: config.Tickets == nil,
	}
	if config.Tickets != nil {
		tlsConfig.SetSessionTicketKeys([][32]byte{config.Tickets.key})
	}
	e.conn = tls.QUICServer(&tls.QUICConfig{EnableSessionEvents: true, TLSConfig: tlsConfig})
	e.conn.SetTransportParameters(bytes.Clone(config.Parameters))
	return e
}

// Start implements Engine.
func (e *tlsEngine) Start() error {
	return e.proceed(func() error { return e.conn.Start(context.Background()) })
}

// HandleCrypto implements Engine.
func (e *tlsEngine) HandleCrypto(level Level, data []byte) error {
	if e.hello != nil && level == Initial {
		e.hello.add(data)
	}
	return e.proceed(func() error { return e.conn.HandleData(tls.QUICEncryptionLevel(level), data) })
}

// SendTicket implements Engine.
func (e *tlsEngine) SendTicket() error {
	if e.tickets == nil {
		return nil
	}
	return e.proceed(func() error {
		id, err := e.tickets.issue(e.random)
		if err != nil {
			return err
		}
		return e.conn.SendSessionTicket(tls.QUICSessionTicketOptions{EarlyData: true, Extra: [][]byte{id}})
	})
}

// NextEvent implements Engine.
func (e *tlsEngine) NextEvent() (Event, bool) {
	if len(e.queue) == 0 {
		return Event{}, false
	}
	event := e.queue[0]
	e.queue[0] = Event{} // keys and data are not held longer than the caller holds them
	e.queue = e.queue[1:]
	return event, true
}

// Close implements Engine. What crypto/tls returns is the error of the
// handshake that it has just broken off, which is no news to the caller.
func (e *tlsEngine) Close() error {
	_ = e.conn.Close()
	e.queue = nil
	return nil
}

// proceed makes one step of crypto/tls and queues the events it leads to. They
// are taken at once, because some of them hold up the handshake until they
// are answered, and because their data is overwritten by the next one.
func (e *tlsEngine) proceed(step func() error) error {
	if e.failure != nil {
		return e.failure
	}
	err := step()
	for err == nil {
		event := e.conn.NextEvent()
		if event.Kind == tls.QUICNoEvent {
			return nil
		}
		err = e.handle(event)
	}
	e.failure = alertError(err)
	return e.failure
}

// handle translates one event of crypto/tls.
func (e *tlsEngine) handle(event tls.QUICEvent) error {
	level := Level(event.Level)
	switch event.Kind {
	case tls.QUICWriteData:
		e.queue = append(e.queue, Event{Kind: EventWriteCrypto, Level: level, Data: bytes.Clone(event.Data)})
	case tls.QUICSetReadSecret, tls.QUICSetWriteSecret:
		return e.queueKeys(event)
	case tls.QUICTransportParameters:
		e.peerParameters = bytes.Clone(event.Data)
		e.queue = append(e.queue, Event{Kind: EventPeerParameters, Parameters: bytes.Clone(event.Data)})
	case tls.QUICRejectedEarlyData:
		e.queue = append(e.queue, Event{Kind: EventEarlyDataRejected})
	case tls.QUICHandshakeDone:
		state := e.conn.ConnectionState()
		e.queue = append(e.queue, Event{Kind: EventHandshakeDone, State: &state})
	case tls.QUICResumeSession:
		e.resume(event.SessionState)
	case tls.QUICStoreSession:
		return e.queueSession(event.SessionState)
	case tls.QUICErrorEvent:
		return event.Err
	default:
		return fmt.Errorf("seal: crypto/tls has an event %d that is not expected here", event.Kind)
	}
	return nil
}

func (e *tlsEngine) queueKeys(event tls.QUICEvent) error {
	keys, err := NewKeys(event.Suite, event.Data)
	if err != nil {
		return err
	}
	queued := Event{Kind: EventReadKeys, Level: Level(event.Level), Read: keys}
	if event.Kind == tls.QUICSetWriteSecret {
		queued = Event{Kind: EventWriteKeys, Level: Level(event.Level), Write: keys}
	}
	e.queue = append(e.queue, queued)
	return nil
}

// resume decides on 0-RTT, which crypto/tls reads from the state when this
// event has been handled. The session itself is resumed in any case.
func (e *tlsEngine) resume(state *tls.SessionState) {
	if e.session != nil {
		state.EarlyData = state.EarlyData && e.offerEarly
		return
	}
	fresh := e.tickets.redeem(state, e.hello.digest()) // also where 0-RTT is not allowed now
	state.EarlyData = state.EarlyData && fresh && e.acceptEarly
}

// queueSession passes a session that the server has given to the client's
// owner. The way through the slot is the only one on which crypto/tls shows
// the ticket itself.
func (e *tlsEngine) queueSession(state *tls.SessionState) error {
	if err := e.conn.StoreSession(state); err != nil {
		return err
	}
	session, err := e.session.encode(e.peerParameters)
	if err != nil {
		return err
	}
	e.queue = append(e.queue, Event{Kind: EventSession, Session: session})
	return nil
}
