package seal

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"sync"
)

const (
	// ticketIDSize is the length in bytes of the random name of a ticket.
	ticketIDSize = 16
	// maxUnusedTickets bounds what a process remembers of the tickets it has
	// given out. At 16 bytes each, twice, this is about 200 KiB at most.
	maxUnusedTickets = 4096
	// ticketIDPrefix marks our entry in the state that a ticket carries, as
	// tls.SessionState.Extra asks for.
	ticketIDPrefix = "uft/1 ticket id "
)

type ticketID [ticketIDSize]byte

// Tickets are the session tickets of one server process. The keys they are
// sealed with exist nowhere else, so all tickets die with the process.
//
// 0-RTT data can be recorded and sent again by anybody (RFC 8446 §8), so a
// ticket admits it once. What is remembered are the tickets not used yet,
// not the used ones: when the memory is full, the oldest ticket is forgotten
// and its owner merely loses 0-RTT, where a forgotten used ticket would let a
// replay in. A Tickets may be used by several goroutines at the same time.
type Tickets struct {
	key [32]byte

	mu     sync.Mutex
	unused map[ticketID]struct{}
	issued []ticketID // a ring of the newest ids, used or not
	next   int        // where the ring continues once it is full
}

// NewTickets draws fresh ticket keys; a nil random is crypto/rand.
func NewTickets(random io.Reader) (*Tickets, error) {
	t := &Tickets{unused: make(map[ticketID]struct{})}
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
	if len(t.issued) < maxUnusedTickets {
		t.issued = append(t.issued, id)
	} else {
		delete(t.unused, t.issued[t.next])
		t.issued[t.next] = id
		t.next = (t.next + 1) % maxUnusedTickets
	}
	t.unused[id] = struct{}{}
	return append([]byte(ticketIDPrefix), id[:]...), nil
}

// redeem reports whether the state is that of a ticket that was not used
// before, and marks it as used. The handshake that brings the ticket is not
// yet known to be its owner's: a stranger who has seen a ticket pass can use
// it up, and takes nothing from its owner but 0-RTT.
func (t *Tickets) redeem(state *tls.SessionState) bool {
	for _, extra := range state.Extra {
		if len(extra) != len(ticketIDPrefix)+ticketIDSize || string(extra[:len(ticketIDPrefix)]) != ticketIDPrefix {
			continue
		}
		id := ticketID(extra[len(ticketIDPrefix):])
		t.mu.Lock()
		defer t.mu.Unlock()
		_, fresh := t.unused[id]
		delete(t.unused, id)
		return fresh
	}
	return false
}
