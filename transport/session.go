package transport

import (
	"bytes"
	"crypto/ed25519"
	"sync"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/wire"
)

// Fields of the data in a SessionStore, each a type-length-value as in the
// protocol's messages, behind one byte of version.
const (
	memoryVersion = 1
	fieldSession  = 1
	fieldToken    = 2
	fieldRTT      = 3 // microseconds
	fieldIdentity = 4 // the server's public key
	fieldRate     = 5 // bytes per second
	fieldLoss     = 6 // 1/65536
)

// maxToken bounds the address tokens that are kept, in bytes: the Initial
// packet that carries one needs room for the handshake too (docs/protocol.md
// §13).
const maxToken = 512

// memory is what a client keeps of a server between connections. A nil store
// keeps nothing.
type memory struct {
	store  SessionStore
	server string

	mu       sync.Mutex
	identity ed25519.PublicKey
	session  []byte
	token    []byte
	path     core.PathMemory
}

// newMemory reads what was stored. Data that cannot be read is none.
func newMemory(store SessionStore, server string) *memory {
	m := &memory{store: store, server: server}
	if store != nil {
		m.decode(store.Load(server))
	}
	return m
}

// recall returns what is known of the server, if the key that it had then is
// one that verify takes for the right one now; nil takes any. A client that
// resumes a session may send before the server has proved anything, and who
// gave the session out can read that. So a session of which the server's key is
// not known is not used either.
func (m *memory) recall(verify func(ed25519.PublicKey) error) (session, token []byte, path core.PathMemory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.identity == nil || verify != nil && verify(m.identity) != nil {
		return nil, nil, core.PathMemory{}
	}
	return m.session, m.token, m.path
}

// note takes what an event brought from the server with this key, and stores
// all again. Of a server with another key than before, nothing else is kept.
func (m *memory) note(e core.Event, identity ed25519.PublicKey, path core.PathMemory) {
	if m.store == nil || identity == nil {
		return
	}
	m.mu.Lock()
	if !bytes.Equal(m.identity, identity) {
		m.identity, m.session, m.token, m.path = identity, nil, nil, core.PathMemory{}
	}
	switch {
	case e.Kind == core.EventSession:
		m.session = e.Data
	case e.Kind == core.EventToken && len(e.Data) <= maxToken:
		m.token = e.Data
	}
	if path.RTT > 0 {
		m.path.RTT = path.RTT
	}
	if path.Rate > 0 { // a connection that found none says nothing against an older one
		m.path.Rate, m.path.Loss = path.Rate, path.Loss
	}
	data := m.encode()
	m.mu.Unlock()
	if data != nil {
		m.store.Store(m.server, data)
	}
}

// encode returns the data to be stored, or nil where nothing of the server is
// known but a round-trip time. m.mu is held.
func (m *memory) encode() []byte {
	if m.session == nil && m.token == nil {
		return nil
	}
	data := wire.AppendField([]byte{memoryVersion}, fieldIdentity, m.identity)
	if m.session != nil {
		data = wire.AppendField(data, fieldSession, m.session)
	}
	if m.token != nil {
		data = wire.AppendField(data, fieldToken, m.token)
	}
	data = wire.AppendUintField(data, fieldRTT, uint64(m.path.RTT.Microseconds()))
	data = wire.AppendUintField(data, fieldRate, uint64(m.path.Rate))
	return wire.AppendUintField(data, fieldLoss, uint64(m.path.Loss*lossUnit))
}

// Bounds of what a file may make of the first timeout and of the first rate.
const (
	maxRememberedRTT  = 10 * time.Second
	maxRememberedRate = 1 << 40 // bytes per second
	lossUnit          = 1 << 16
)

// decode reads stored data, and takes all of it or nothing.
func (m *memory) decode(data []byte) {
	if len(data) == 0 || data[0] != memoryVersion {
		return
	}
	read := memory{}
	for rest := data[1:]; len(rest) > 0; {
		id, value, n := wire.ConsumeField(rest)
		if n < 0 {
			return
		}
		rest = rest[n:]
		switch id {
		case fieldSession:
			read.session = value
		case fieldToken:
			if len(value) <= maxToken {
				read.token = value
			}
		case fieldIdentity:
			if len(value) != ed25519.PublicKeySize {
				return
			}
			read.identity = value
		case fieldRTT:
			microseconds, ok := wire.UintValue(value)
			if !ok || microseconds > uint64(maxRememberedRTT.Microseconds()) {
				return
			}
			read.path.RTT = time.Duration(microseconds) * time.Microsecond
		case fieldRate:
			rate, ok := wire.UintValue(value)
			if !ok || rate > maxRememberedRate {
				return
			}
			read.path.Rate = int64(rate)
		case fieldLoss:
			loss, ok := wire.UintValue(value)
			if !ok || loss > lossUnit {
				return
			}
			read.path.Loss = float64(loss) / lossUnit
		}
	}
	m.identity, m.session, m.token, m.path = read.identity, read.session, read.token, read.path
}
