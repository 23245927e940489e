package seal

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A stored session is, in this order: the version (1 byte), a digest of
// all that follows (16 bytes), the length (2 bytes) and the bytes of the ticket,
// the length (2 bytes) and the bytes of the server's transport parameters, and the
// state of crypto/tls. The digest is there for files that a disk has damaged:
// the parser of crypto/tls trusts its input.
const (
	sessionVersion      = 1
	sessionDigestSize   = 16
	sessionHeaderLength = 1 + sessionDigestSize
)

var errSession = errors.New("seal: not a stored session")

// storedSession is the content of what EventSession carries.
type storedSession struct {
	ticket     []byte
	parameters []byte
	state      []byte
}

// SessionParameters returns the transport parameters that the server announced
// when it gave out this session, or nil if the bytes are no session. A client
// that sends 0-RTT data keeps within them (RFC 9000 §7.4.1).
func SessionParameters(session []byte) []byte {
	stored, err := parseSession(session)
	if err != nil {
		return nil
	}
	return bytes.Clone(stored.parameters)
}

func (s storedSession) encode() ([]byte, error) {
	if len(s.ticket) > 0xffff || len(s.parameters) > 0xffff {
		return nil, fmt.Errorf("seal: a ticket of %d bytes with parameters of %d bytes is too long to store",
			len(s.ticket), len(s.parameters))
	}
	out := make([]byte, sessionHeaderLength, sessionHeaderLength+4+len(s.ticket)+len(s.parameters)+len(s.state))
	out[0] = sessionVersion
	out = binary.BigEndian.AppendUint16(out, uint16(len(s.ticket)))
	out = append(out, s.ticket...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(s.parameters)))
	out = append(out, s.parameters...)
	out = append(out, s.state...)
	digest := sessionDigest(out[sessionHeaderLength:])
	copy(out[1:], digest[:])
	return out, nil
}

func sessionDigest(rest []byte) [sessionDigestSize]byte {
	digest := sha256.Sum256(rest)
	return [sessionDigestSize]byte(digest[:sessionDigestSize])
}

// parseSession takes a stored session apart; the parts alias the argument.
func parseSession(session []byte) (storedSession, error) {
	if len(session) < sessionHeaderLength || session[0] != sessionVersion {
		return storedSession{}, errSession
	}
	rest := session[sessionHeaderLength:]
	if sessionDigest(rest) != [sessionDigestSize]byte(session[1:]) {
		return storedSession{}, errSession
	}
	ticket, rest, ok := cutLengthPrefixed(rest)
	if !ok {
		return storedSession{}, errSession
	}
	parameters, state, ok := cutLengthPrefixed(rest)
	if !ok {
		return storedSession{}, errSession
	}
	return storedSession{ticket: ticket, parameters: parameters, state: state}, nil
}

// cutLengthPrefixed splits data behind a field with a length of 16 bits in front.
func cutLengthPrefixed(data []byte) (field, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	length := int(binary.BigEndian.Uint16(data))
	if len(data)-2 < length {
		return nil, nil, false
	}
	return data[2 : 2+length], data[2+length:], true
}

// sessionSlot is a tls.ClientSessionCache for one connection. What crypto/tls
// offers as a cache finds sessions by host name without the port, and lives in
// memory; ours are kept by whoever started the connection.
type sessionSlot struct {
	offered  *tls.ClientSessionState
	received *tls.ClientSessionState
}

// offerSession fills the slot with a stored session, or leaves it empty if
// the bytes are none: the handshake then is a full one.
func (s *sessionSlot) offerSession(session []byte) {
	stored, err := parseSession(session)
	if err != nil {
		return
	}
	state, err := tls.ParseSessionState(slices.Clone(stored.state))
	if err != nil {
		return
	}
	offered, err := tls.NewResumptionState(slices.Clone(stored.ticket), state)
	if err != nil {
		return
	}
	s.offered = offered
}

// Get returns the session to resume; the key plays no role.
func (s *sessionSlot) Get(string) (*tls.ClientSessionState, bool) {
	return s.offered, s.offered != nil
}

// Put keeps the newest session that the server has given.
func (s *sessionSlot) Put(_ string, session *tls.ClientSessionState) { s.received = session }

// encode returns the newest session together with the server's parameters.
func (s *sessionSlot) encode(parameters []byte) ([]byte, error) {
	ticket, state, err := s.received.ResumptionState()
	if err != nil {
		return nil, fmt.Errorf("seal: session: %w", err)
	}
	encoded, err := state.Bytes()
	if err != nil {
		return nil, fmt.Errorf("seal: session: %w", err)
	}
	return storedSession{ticket: ticket, parameters: parameters, state: encoded}.encode()
}
