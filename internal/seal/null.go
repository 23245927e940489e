package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Role is the side of a handshake that a [Null] plays.
type Role uint8

// The two sides; the client begins.
const (
	Client Role = iota
	Server
)

// The messages of the null handshake, with the numbers that TLS has for what
// they stand for (RFC 8446 §4). Each is a type (1 byte), a length (3 bytes)
// and a body.
const (
	nullClientHello = 1  // random, flags, parameters
	nullServerHello = 2  // random
	nullTicket      = 4  // a name for the session
	nullServerDone  = 8  // flags, parameters; stands for EncryptedExtensions to Finished
	nullClientDone  = 20 // proof that the client has the keys
)

// The lengths in bytes of the messages, header included, as crypto/tls sends
// them with an Ed25519 certificate of our own and a suite with SHA-256. Those
// of ClientHello and of the server's Handshake flight grow by the length of
// the parameters.
const (
	nullClientHelloLength        = 1444
	nullResumingHelloLength      = 1637
	nullEarlyHelloLength         = 1641
	nullServerHelloLength        = 1178
	nullResumedServerHelloLength = 1184
	nullServerDoneLength         = 368
	nullResumedServerDoneLength  = 58
	nullEarlyServerDoneLength    = 62
	nullClientDoneLength         = 36
	nullTicketLength             = 171

	nullHeaderLength = 4
	nullRandomLength = 32
	// maxNullMessage bounds what is kept of an incomplete message: hello
	// and parameters, whose length has 16 bits.
	maxNullMessage = nullEarlyHelloLength + 0xffff
)

// Flags of a nullClientHello (offered) and of a nullServerDone (accepted).
const (
	nullResumes = 1 << iota
	nullEarly
)

// Alerts of RFC 8446 §6 that the null handshake gives.
const (
	alertUnexpectedMessage = 10
	alertDecodeError       = 50
	alertDecryptError      = 51
)

// Null is an Engine for the simulator, where the same seed has to give the
// same bytes, which crypto/tls does not promise. Messages, their lengths and the
// order of events are those of the TLS engine; keys and AEADs are real, but
// come from two random numbers that everybody can read. It proves no
// identity and must never meet a network.
type Null struct {
	// Session resumes a session of an EventSession, and EarlyData offers
	// 0-RTT with it. For a client, set before Start.
	Session   []byte
	EarlyData bool
	// AllowEarly accepts 0-RTT whenever it is offered: a Null does not know
	// which tickets were used. For a server, set before Start.
	AllowEarly bool

	role       Role
	random     io.Reader
	parameters []byte

	queue   []Event
	failure error
	partial []byte // the beginning of a message
	level   Level  // at which the next message is expected
	expect  byte   // its type; 0 where none is

	offered      byte // flags of the ClientHello
	clientRandom []byte
	master       []byte
	peer         []byte // the peer's parameters
}

// NewNull returns one side of a null handshake. All its randomness comes from
// random, and parameters, at most 65535 bytes, are the transport parameters
// that the peer is sent.
func NewNull(role Role, random io.Reader, parameters []byte) *Null {
	return &Null{role: role, random: random, parameters: bytes.Clone(parameters)}
}

// Start implements Engine.
func (n *Null) Start() error {
	if n.role == Server {
		n.expect = nullClientHello
		return nil
	}
	n.expect = nullServerHello
	random, err := n.draw()
	if err != nil {
		return n.fail(alertInternalError, err)
	}
	n.clientRandom = random
	length := nullClientHelloLength
	if _, err := parseSession(n.Session); err == nil {
		length = nullResumingHelloLength
		n.offered = nullResumes
		if n.EarlyData {
			length = nullEarlyHelloLength
			n.offered |= nullEarly
		}
	}
	n.write(Initial, nullClientHello, length+len(n.parameters), random, []byte{n.offered}, n.encodedParameters())
	if n.offered&nullEarly != 0 {
		n.queueWriteKeys(Early, n.earlySecret())
	}
	return nil
}

// HandleCrypto implements Engine.
func (n *Null) HandleCrypto(level Level, data []byte) error {
	if n.failure != nil {
		return n.failure
	}
	n.partial = append(n.partial, data...)
	for len(n.partial) > 0 {
		if n.expect == 0 || level != n.level || n.partial[0] != n.expect {
			return n.fail(alertUnexpectedMessage, fmt.Errorf("message of type %d at level %s", n.partial[0], level))
		}
		if len(n.partial) < nullHeaderLength {
			return nil
		}
		length := nullHeaderLength + int(binary.BigEndian.Uint32(n.partial)&0xffffff)
		if length > maxNullMessage {
			return n.fail(alertDecodeError, fmt.Errorf("message of %d bytes", length))
		}
		if len(n.partial) < length {
			return nil
		}
		body := n.partial[nullHeaderLength:length]
		n.partial = n.partial[length:]
		if err := n.handle(body); err != nil {
			return err
		}
	}
	return nil
}

// handle takes the message that is expected.
func (n *Null) handle(body []byte) error {
	switch n.expect {
	case nullClientHello:
		return n.handleClientHello(body)
	case nullServerHello:
		return n.handleServerHello(body)
	case nullServerDone:
		return n.handleServerDone(body)
	case nullClientDone:
		return n.handleClientDone(body)
	default:
		return n.handleTicket(body)
	}
}

func (n *Null) handleClientHello(body []byte) error {
	if len(body) < nullRandomLength+1 {
		return n.fail(alertDecodeError, errors.New("short ClientHello"))
	}
	n.clientRandom = bytes.Clone(body[:nullRandomLength])
	n.offered = body[nullRandomLength]
	peer, _, ok := cutLengthPrefixed(body[nullRandomLength+1:])
	if !ok {
		return n.fail(alertDecodeError, errors.New("short ClientHello"))
	}
	n.peer = bytes.Clone(peer)
	random, err := n.draw()
	if err != nil {
		return n.fail(alertInternalError, err)
	}
	n.master = nullMaster(n.clientRandom, random)

	helloLength, doneLength, accepted := nullServerHelloLength, nullServerDoneLength, byte(0)
	if n.offered&nullResumes != 0 {
		helloLength, doneLength, accepted = nullResumedServerHelloLength, nullResumedServerDoneLength, nullResumes
		if n.offered&nullEarly != 0 && n.AllowEarly {
			doneLength, accepted = nullEarlyServerDoneLength, nullResumes|nullEarly
		}
	}
	n.queue = append(n.queue, Event{Kind: EventPeerParameters, Parameters: bytes.Clone(peer)})
	if accepted&nullEarly != 0 {
		n.queueReadKeys(Early, n.earlySecret())
	}
	n.write(Initial, nullServerHello, helloLength, random)
	n.queueWriteKeys(Handshake, n.secret(Server, Handshake))
	n.queueReadKeys(Handshake, n.secret(Client, Handshake))
	n.write(Handshake, nullServerDone, doneLength+len(n.parameters), []byte{accepted}, n.encodedParameters())
	n.queueWriteKeys(Application, n.secret(Server, Application))
	n.level, n.expect = Handshake, nullClientDone
	return nil
}

func (n *Null) handleServerHello(body []byte) error {
	if len(body) < nullRandomLength {
		return n.fail(alertDecodeError, errors.New("short ServerHello"))
	}
	n.master = nullMaster(n.clientRandom, body[:nullRandomLength])
	n.queueWriteKeys(Handshake, n.secret(Client, Handshake))
	n.queueReadKeys(Handshake, n.secret(Server, Handshake))
	n.level, n.expect = Handshake, nullServerDone
	return nil
}

func (n *Null) handleServerDone(body []byte) error {
	if len(body) < 1 {
		return n.fail(alertDecodeError, errors.New("short server flight"))
	}
	accepted := body[0]
	peer, _, ok := cutLengthPrefixed(body[1:])
	if !ok {
		return n.fail(alertDecodeError, errors.New("short server flight"))
	}
	n.peer = bytes.Clone(peer)
	n.queue = append(n.queue, Event{Kind: EventPeerParameters, Parameters: bytes.Clone(peer)})
	if n.offered&nullEarly != 0 && accepted&nullEarly == 0 {
		n.queue = append(n.queue, Event{Kind: EventEarlyDataRejected})
	}
	n.write(Handshake, nullClientDone, nullClientDoneLength, n.finished())
	n.queueWriteKeys(Application, n.secret(Client, Application))
	n.queueDone()
	n.queueReadKeys(Application, n.secret(Server, Application))
	n.level, n.expect = Application, nullTicket
	return nil
}

func (n *Null) handleClientDone(body []byte) error {
	if !hmac.Equal(body, n.finished()) {
		return n.fail(alertDecryptError, errors.New("the client has other keys"))
	}
	n.queueDone()
	n.queueReadKeys(Application, n.secret(Client, Application))
	n.expect = 0
	return nil
}

func (n *Null) handleTicket(body []byte) error {
	session, err := storedSession{ticket: body, parameters: n.peer}.encode()
	if err != nil {
		return n.fail(alertDecodeError, err)
	}
	n.queue = append(n.queue, Event{Kind: EventSession, Session: session})
	return nil
}

// SendTicket implements Engine.
func (n *Null) SendTicket() error {
	name, err := n.draw()
	if err != nil {
		return n.fail(alertInternalError, err)
	}
	n.write(Application, nullTicket, nullTicketLength, name)
	return nil
}

// NextEvent implements Engine.
func (n *Null) NextEvent() (Event, bool) {
	if len(n.queue) == 0 {
		return Event{}, false
	}
	event := n.queue[0]
	n.queue = n.queue[1:]
	return event, true
}

// Close implements Engine.
func (n *Null) Close() error {
	n.queue, n.partial = nil, nil
	return nil
}

// write queues a message whose body is the parts, filled up with zeros to the
// length that the message has in TLS.
func (n *Null) write(level Level, kind byte, length int, parts ...[]byte) {
	message := make([]byte, 0, length)
	message = binary.BigEndian.AppendUint32(message, uint32(kind)<<24|uint32(length-nullHeaderLength))
	for _, part := range parts {
		message = append(message, part...)
	}
	message = message[:length]
	n.queue = append(n.queue, Event{Kind: EventWriteCrypto, Level: level, Data: message})
}

func (n *Null) encodedParameters() []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(n.parameters))), n.parameters...)
}

func (n *Null) queueReadKeys(level Level, secret []byte) {
	n.queue = append(n.queue, Event{Kind: EventReadKeys, Level: level, Read: nullKeys(secret)})
}

func (n *Null) queueWriteKeys(level Level, secret []byte) {
	n.queue = append(n.queue, Event{Kind: EventWriteKeys, Level: level, Write: nullKeys(secret)})
}

func (n *Null) queueDone() {
	n.queue = append(n.queue, Event{Kind: EventHandshakeDone, State: &tls.ConnectionState{
		Version:            tls.VersionTLS13,
		HandshakeComplete:  true,
		DidResume:          n.offered&nullResumes != 0,
		CipherSuite:        tls.TLS_AES_128_GCM_SHA256,
		NegotiatedProtocol: ALPN,
	}})
}

// fail ends the handshake.
func (n *Null) fail(alert uint8, err error) error {
	n.failure = &AlertError{Alert: alert, Err: fmt.Errorf("null handshake: %w", err)}
	return n.failure
}

func (n *Null) draw() ([]byte, error) {
	random := make([]byte, nullRandomLength)
	_, err := io.ReadFull(n.random, random)
	return random, err
}

// secret derives what the sender's packets of one level are sealed with.
func (n *Null) secret(sender Role, level Level) []byte {
	return expandLabel(sha256.New, n.master, fmt.Sprintf("null %d %d", sender, level), sha256.Size)
}

func (n *Null) earlySecret() []byte {
	return expandLabel(sha256.New, nullMaster(n.clientRandom, nil), "null early", sha256.Size)
}

// finished is what the client proves with that it has the server's random number.
func (n *Null) finished() []byte {
	return expandLabel(sha256.New, n.master, "null finished", sha256.Size)
}

func nullMaster(clientRandom, serverRandom []byte) []byte {
	return extract([]byte("uft/1 null handshake"), append(bytes.Clone(clientRandom), serverRandom...))
}

func nullKeys(secret []byte) *Keys {
	keys, err := NewKeys(tls.TLS_AES_128_GCM_SHA256, secret)
	if err != nil {
		panic("seal: null keys: " + err.Error()) // suite and length are constants that fit
	}
	return keys
}
