package seal

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"sync"
)

const (
	// ticketIDSize is the length in bytes of the random name of a ticket.
	ticketIDSize = 16
	// maxTickets bounds how many of the tickets that it has given out a process
	// remembers, and maxUses how often each may be used. At 16 bytes for each
	// ticket and each use this is some 4 MiB at most.
	maxTickets = 4096
	maxUses    = 64
	// ticketIDPrefix marks our entry in the state that a ticket carries, as
	// tls.SessionState.Extra asks for.
	ticketIDPrefix = "uft/1 ticket id "
)

type ticketID [ticketIDSize]byte

// Tickets are the session tickets of one server process. The keys they are
// sealed with exist nowhere else, so all tickets die with the process.
//
// 0-RTT data can be recorded and sent again by anybody, so each ClientHello with a
// ticket admits it once (RFC 8446 §8.2). A client can use its ticket again, with
// another ClientHello: one that sends a single small file is gone before the next
// ticket could reach it. Only tickets that are remembered admit anything: when
// the memory is full, the oldest is forgotten and its owner merely loses 0-RTT,
// where a forgotten use would let a replay in. A Tickets may be used by several
// goroutines at the same time.
type Tickets struct {
	key [32]byte

	mu     sync.Mutex
	uses   map[ticketID][]helloDigest
	issued []ticketID // a ring of the newest ids
	next   int        // where the ring continues once it is full
}

// NewTickets draws fresh ticket keys; a nil random is crypto/rand.
func NewTickets(random io.Reader) (*Tickets, error) {
	t := &Tickets{uses: make(map[ticketID][]helloDigest)}
	if random == nil {
		random = rand.Reader
	}
	if _, err := io.ReadFull(random, t.key[:]); err != nil {
		return nil, fmt.Errorf("seal: ticket key: %w", err)
	}
	return t, nil
}

// issue names a new ticket and returns the entry that puts the name into it.
func (t *Tickets) issue(random io.Reader) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	var id ticketID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return nil, fmt.Errorf("seal: ticket id: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.issued) < maxTickets {
		t.issued = append(t.issued, id)
	} else {
		delete(t.uses, t.issued[t.next])
		t.issued[t.next] = id
		t.next = (t.next + 1) % maxTickets
	}
	t.uses[id] = nil
	return append([]byte(ticketIDPrefix), id[:]...), nil
}

// redeem reports whether the state is that of a ticket that this ClientHello did
// not bring before, and remembers that it has. The handshake is not yet known to
// be the ticket's owner's: a stranger who has seen a ticket pass can use it up,
// and takes nothing from its owner but 0-RTT.
func (t *Tickets) redeem(state *tls.SessionState, hello helloDigest) bool {
	for _, extra := range state.Extra {
		if len(extra) != len(ticketIDPrefix)+ticketIDSize || string(extra[:len(ticketIDPrefix)]) != ticketIDPrefix {
			continue
		}
		id := ticketID(extra[len(ticketIDPrefix):])
		t.mu.Lock()
		defer t.mu.Unlock()
		uses, known := t.uses[id]
		if !known || len(uses) >= maxUses || slices.Contains(uses, hello) {
			return false
		}
		t.uses[id] = append(uses, hello)
		return true
	}
	return false
}
