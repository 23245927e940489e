package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/uft/internal/cli/term"
)

const (
	// maxClients bounds the clients of a server. Datagrams come from whatever
	// address their sender writes into them.
	maxClients = 1000
	// silentAfter is how long a client without a connection is heard nothing
	// of before the server says so.
	silentAfter = 30 * time.Second
)

var errFull = errors.New("the server has as many clients as it takes")

// A peer is one client, as its mode reaches it.
type peer interface {
	// address is where it is.
	address() string
	// mode is how it is reached, for /who.
	mode() string
	// roundTrip is how long an answer takes, if that is known.
	roundTrip() (time.Duration, bool)
	// send sends a message, and does not wait for the client to take it
	// unless wait is true.
	send(message []byte, wait bool) error
	// drop ends the conversation at once and tells the client why, where the
	// mode can. It does not wait.
	drop(reason string)
}

// A member is a client in the room. Its fields are guarded by the room's mutex.
type member struct {
	peer
	number  int
	heard   time.Time   // when something came from it
	silence *time.Timer // nil in the modes with a connection
	gone    bool
}

// name is how the member is called: Client, Client-2, Client-3, ...
func (m *member) name() string {
	if m.number == 1 {
		return "Client"
	}
	return "Client-" + strconv.Itoa(m.number)
}

// A room is the clients of a server.
type room struct {
	console *console
	echo    []byte // nil: messages are not answered
	limit   int
	// connectionless says that nobody is told when a client goes.
	connectionless bool

	mu      sync.Mutex
	members map[int]*member
}

func newRoom(c *Command, console *console) *room {
	r := &room{console: console, limit: maxClients, connectionless: c.Mode == UDP, members: map[int]*member{}}
	if c.Echoes {
		r.echo = []byte(c.Echo)
	}
	return r
}

// join lets a client in, under the lowest number that is free. A full room lets
// nobody in; without connections, though, who has been silent for longest may
// long be gone, and makes room.
func (r *room) join(p peer) (*member, error) {
	r.mu.Lock()
	var evicted *member
	if len(r.members) >= r.limit {
		if !r.connectionless {
			r.mu.Unlock()
			return nil, errFull
		}
		evicted = slices.MinFunc(r.sorted(), func(a, b *member) int { return a.heard.Compare(b.heard) })
		r.remove(evicted)
	}
	m := &member{peer: p, number: 1, heard: time.Now()}
	for r.members[m.number] != nil {
		m.number++
	}
	r.members[m.number] = m
	if r.connectionless {
		m.silence = time.AfterFunc(silentAfter, func() { r.fallSilent(m) })
	}
	r.mu.Unlock()
	if evicted != nil {
		evicted.drop("")
		r.console.note("%s is taken off the list: %d are enough, and it was silent for longest", evicted.name(), r.limit)
	}
	r.console.note("%s joined from %s", m.name(), p.address())
	return m, nil
}

// remove takes a member off the list. r.mu is held. It returns false where
// somebody else has done so.
func (r *room) remove(m *member) bool {
	if m.gone {
		return false
	}
	m.gone = true
	delete(r.members, m.number)
	if m.silence != nil {
		m.silence.Stop()
	}
	return true
}

// leave notes that a client has gone; reason may be empty.
func (r *room) leave(m *member, reason string) {
	r.mu.Lock()
	was := r.remove(m)
	r.mu.Unlock()
	switch {
	case !was:
	case reason == "":
		r.console.note("%s left (%s)", m.name(), m.address())
	default:
		r.console.note("%s left (%s): %s", m.name(), m.address(), reason)
	}
}

// message shows what a client says, and answers it where the server does that
// by itself. Only the answer waits, for who asked: others are not held up.
func (r *room) message(m *member, message []byte, whole bool) {
	r.mu.Lock()
	m.heard = time.Now()
	if m.silence != nil && !m.gone {
		m.silence.Reset(silentAfter)
	}
	r.mu.Unlock()
	name := m.name()
	if r.echo != nil {
		name += " (" + m.address() + ")"
	}
	r.console.print(rows(name, message))
	if !whole {
		r.console.note("the message of %s is longer than %s: it comes in pieces", m.name(), term.Bytes(maxMessage))
	}
	if r.echo != nil {
		if err := m.send(r.echo, true); err != nil && !errors.Is(err, errLeft) {
			r.console.note("no answer to %s: %v", m.name(), err)
		}
	}
}

// fallSilent says that nothing was heard of a client, which is all that a
// server without connections can know.
func (r *room) fallSilent(m *member) {
	r.mu.Lock()
	early := m.gone || time.Since(m.heard) < silentAfter // a message came at this moment
	r.mu.Unlock()
	if !early {
		r.console.note("%s: silent for %d s", m.name(), int(silentAfter.Seconds()))
	}
}

// say sends a message to all.
func (r *room) say(message []byte) {
	all := r.list()
	if len(all) == 0 {
		r.console.note("nobody is there to hear it")
	}
	for _, m := range all {
		r.tell(m, message)
	}
}

// tell sends a message to one. Who does not take what was sent before is left
// behind.
func (r *room) tell(m *member, message []byte) {
	err := m.send(message, false)
	switch {
	case err == nil || errors.Is(err, errLeft): // which is said elsewhere
	case errors.Is(err, errBehind):
		r.leave(m, fmt.Sprintf("it takes nothing any more, and %s wait for it", term.Bytes(maxOutbox)))
		m.drop("you take nothing any more")
	default:
		r.console.note("not sent to %s: %v", m.name(), err)
	}
}

// find returns the member with a name, which may be written in small letters or
// as the number alone.
func (r *room) find(name string) *member {
	for _, m := range r.list() {
		if strings.EqualFold(name, m.name()) || name == strconv.Itoa(m.number) {
			return m
		}
	}
	return nil
}

// list returns the members in the order of their numbers.
func (r *room) list() []*member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sorted()
}

// sorted does the same while r.mu is held.
func (r *room) sorted() []*member {
	all := make([]*member, 0, len(r.members))
	for _, number := range slices.Sorted(maps.Keys(r.members)) {
		all = append(all, r.members[number])
	}
	return all
}

// lastHeard returns how long ago something came from a member.
func (r *room) lastHeard(m *member) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(m.heard)
}

// clear stops the watches over all members, at the end of the server.
func (r *room) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.sorted() {
		r.remove(m)
	}
}
