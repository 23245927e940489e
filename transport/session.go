package transport

import (
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
)

// memory is what a client keeps of a server between connections. A nil store
// keeps nothing.
type memory struct {
	store  SessionStore
	server string

	mu      sync.Mutex
	session []byte
	token   []byte
	rtt     time.Duration
}

// newMemory reads what was stored. Data that cannot be read is none.
func newMemory(store SessionStore, server string) *memory {
	m := &memory{store: store, server: server}
	if store != nil {
		m.decode(store.Load(server))
	}
	return m
}

// recall returns what is known of the server.
func (m *memory) recall() (session, token []byte, rtt time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session, m.token, m.rtt
}

// note takes what an event brought, and stores all again.
func (m *memory) note(e core.Event, rtt time.Duration) {
	if m.store == nil {
		return
	}
	m.mu.Lock()
	switch e.Kind {
	case core.EventSession:
		m.session = e.Data
	case core.EventToken:
		m.token = e.Data
	}
	if rtt > 0 {
		m.rtt = rtt
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
	data := []byte{memoryVersion}
	if m.session != nil {
		data = wire.AppendField(data, fieldSession, m.session)
	}
	if m.token != nil {
		data = wire.AppendField(data, fieldToken, m.token)
	}
	return wire.AppendUintField(data, fieldRTT, uint64(m.rtt.Microseconds()))
}

// maxRememberedRTT bounds what a file may make of the first timeout.
const maxRememberedRTT = 10 * time.Second

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
			read.token = value
		case fieldRTT:
			microseconds, ok := wire.UintValue(value)
			if !ok || microseconds > uint64(maxRememberedRTT.Microseconds()) {
				return
			}
			read.rtt = time.Duration(microseconds) * time.Microsecond
		}
	}
	m.session, m.token, m.rtt = read.session, read.token, read.rtt
}
