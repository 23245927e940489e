package xfer

import (
	"fmt"

	"example.com/uft/internal/ranges"
)

const (
	// maxIncoming is how many files a peer may have under way at once, counting
	// those that are not decided yet. Each may hold an open file.
	maxIncoming = 1024
	// maxRequests is how many requests of a peer may wait for their answer.
	maxRequests = 256
)

// Session is the conversation of two applications on one stream: HELLO first,
// then offers and requests either way (docs/protocol.md §10).
type Session struct {
	local Hello
	peer  *Hello
	out   outbox

	offerID  [16]byte
	offers   uint64
	requests uint64              // made so far; the next id
	asked    map[uint64]bool     // our requests without an answer
	pending  map[uint64]*Request // the peer's

	senders      map[uint16]*Sender
	receivers    map[uint16]*Receiver
	sentOver     ranges.Set // transfers that are over, of ours
	receivedOver ranges.Set // and of the peer's: messages still on their way mean nothing
}

// Event is what a message of the peer means to the application. At most one
// group of fields is set.
type Event struct {
	Hello *Hello // the peer's

	Incoming []*Receiver // files that the peer offers, to be accepted or refused
	Answers  *uint64     // our request that the one Incoming file answers

	Request *Request // a file that the peer asks for, to be answered by Offer or RefuseRequest

	Refused *uint64  // our request that came to nothing
	Failure *Failure // and why

	Sender   *Sender   // one of our files about which something is new
	Receiver *Receiver // one of the peer's files about which something is new
}

// NewSession begins a conversation with a HELLO. offerID is random; the offers
// are named after it.
func NewSession(local Hello, offerID [16]byte) *Session {
	local.Program = ClipText(local.Program)
	s := &Session{
		local:     local,
		offerID:   offerID,
		asked:     map[uint64]bool{},
		pending:   map[uint64]*Request{},
		senders:   map[uint16]*Sender{},
		receivers: map[uint16]*Receiver{},
	}
	s.out.put(&local)
	return s
}

// NextMessage returns the next message to the peer, nil where there is none.
func (s *Session) NextMessage() Message { return s.out.next() }

// Queued returns how many messages wait for NextMessage.
func (s *Session) Queued() int { return len(s.out.queue) }

// Owed returns how many of them answer what the peer has said. While there are
// many, no more of the peer's messages should be handled.
func (s *Session) Owed() int { return s.out.owed }

// Peer returns the HELLO of the peer, nil before it has come.
func (s *Session) Peer() *Hello { return s.peer }

// Offer offers files. The transfer ids of the entries are those of the bulk
// transfers that carry them, each used once. answers is the request that the
// only entry answers, nil where there is none.
func (s *Session) Offer(entries []Entry, answers *uint64) []*Sender {
	senders := make([]*Sender, len(entries))
	for i := range entries {
		senders[i] = newSender(&entries[i], &s.out)
		s.senders[entries[i].Transfer] = senders[i]
	}
	if answers != nil {
		delete(s.pending, *answers)
	}
	s.out.put(&Offer{ID: newOfferID(s.offerID, s.offers), Answers: answers, Entries: entries})
	s.offers++
	return senders
}

// NewEntry returns the entry of a regular file of the hash of this version.
func NewEntry(transfer uint16, name string) Entry {
	return Entry{Transfer: transfer, Kind: kindFile, Name: name, Hash: hashBLAKE3}
}

// Request asks for a file, at a gross rate in bit/s or 0, or in the background,
// and returns the id under which the answer comes.
func (s *Session) Request(name string, rate uint64, background bool) (id uint64) {
	id = s.requests
	s.requests++
	s.asked[id] = true
	s.out.put(&Request{ID: id, Name: name, Rate: rate, Background: background})
	return id
}

// RefuseRequest answers a request of the peer with no.
func (s *Session) RefuseRequest(id uint64, code Code, text string) {
	delete(s.pending, id)
	s.out.put(&Refuse{Request: &id, Code: code, Text: ClipText(text)})
}

// Handle takes a message of the peer. An error is a *ProtocolError and ends
// the connection.
func (s *Session) Handle(m Message) (Event, error) {
	if hello, ok := m.(*Hello); ok {
		return s.handleHello(hello)
	}
	if s.peer == nil {
		return Event{}, broken("%v comes before HELLO", m.Type())
	}
	switch m := m.(type) {
	case *Offer:
		return s.handleOffer(m)
	case *Request:
		return s.handleRequest(m)
	case *Refuse:
		if m.Request != nil {
			return s.handleRefusal(m)
		}
		return s.toSender(*m.Transfer, m)
	case *Error:
		return s.handleError(m)
	case *Accept:
		return s.toSender(m.Transfer, m)
	case *Held:
		return s.toSender(m.Transfer, m)
	case *Done:
		return s.toSender(m.Transfer, m)
	case *Status:
		return s.toSender(m.Transfer, m)
	case *Chunk:
		return s.toReceiver(m.Transfer, m)
	case *End:
		return s.toReceiver(m.Transfer, m)
	}
	return Event{}, broken("%v cannot be handled", m.Type())
}

// handleHello checks that the two programs can work together (docs/protocol.md
// §10.5).
func (s *Session) handleHello(m *Hello) (Event, error) {
	if s.peer != nil {
		return Event{}, broken("HELLO comes twice")
	}
	if (m.Mode == ModeBothWays) != (s.local.Mode == ModeBothWays) || m.Mode > ModeBothWays {
		return Event{}, &ProtocolError{Code: CodeMode, Text: fmt.Sprintf("this program works %v, the peer %v", s.local.Mode, m.Mode)}
	}
	s.peer = m
	return Event{Hello: m}, nil
}

// String says what the mode means.
func (m Mode) String() string {
	switch m {
	case ModeService:
		return "as a service"
	case ModeOneWay:
		return "one way"
	case ModeBothWays:
		return "both ways"
	}
	return fmt.Sprintf("in a way unknown here (mode %d)", uint64(m))
}

func (s *Session) handleOffer(m *Offer) (Event, error) {
	if m.Answers != nil {
		if !s.asked[*m.Answers] || len(m.Entries) != 1 {
			return Event{}, broken("an offer answers request %d, which is not open, or with more than one file", *m.Answers)
		}
		delete(s.asked, *m.Answers)
	}
	event := Event{Answers: m.Answers}
	for i := range m.Entries {
		e := &m.Entries[i]
		id := e.Transfer
		if s.receivers[id] != nil || s.receivedOver.Contains(uint64(id)) {
			return Event{}, broken("transfer %d is offered twice", id)
		}
		r := newReceiver(e, &s.out)
		s.receivers[id] = r
		switch {
		case e.Kind != kindFile, e.Hash != hashBLAKE3:
			r.Fail(CodeUnsupported, "only regular files with BLAKE3 hashes can be received")
		case m.Answers == nil && s.local.Abilities&AbilityWrites == 0:
			r.Fail(CodeNotServed, "this program does not receive files that it did not ask for")
		case len(s.receivers) > maxIncoming:
			r.Fail(CodeBusy, "too many files at once")
		}
		if m.Answers != nil || !r.Over() {
			event.Incoming = append(event.Incoming, r)
		}
		s.forget(r)
	}
	return event, nil
}

func (s *Session) handleRequest(m *Request) (Event, error) {
	if s.pending[m.ID] != nil {
		return Event{}, broken("request %d comes twice", m.ID)
	}
	switch {
	case s.local.Abilities&AbilitySends == 0:
		s.RefuseRequest(m.ID, CodeNotServed, "this program does not send files that are asked for")
	case m.Target != nil:
		s.RefuseRequest(m.ID, CodeUnsupported, "files are sent to whoever asks, not to a third host")
	case len(s.pending) >= maxRequests:
		s.RefuseRequest(m.ID, CodeBusy, "too many requests at once")
	default:
		s.pending[m.ID] = m
		return Event{Request: m}, nil
	}
	return Event{}, nil
}

func (s *Session) handleRefusal(m *Refuse) (Event, error) {
	if !s.asked[*m.Request] {
		return Event{}, broken("request %d is refused and was not open", *m.Request)
	}
	delete(s.asked, *m.Request)
	return Event{Refused: m.Request, Failure: remoteFailure(m.Code, m.Text)}, nil
}

// handleError takes an ERROR. Each side numbers its own transfers, so a bare
// number may name one of either side. It names a transfer of the side that says
// so, where there is one: this side's receivers give up with REFUSE for that
// reason.
func (s *Session) handleError(m *Error) (Event, error) {
	if id := uint64(m.Transfer); s.receivers[m.Transfer] != nil || s.receivedOver.Contains(id) {
		return s.toReceiver(m.Transfer, m)
	}
	return s.toSender(m.Transfer, m)
}

// toSender passes a message of a receiver to the transfer of ours.
func (s *Session) toSender(id uint16, m Message) (Event, error) {
	t := s.senders[id]
	if t == nil {
		if s.sentOver.Contains(uint64(id)) {
			return Event{}, nil
		}
		return Event{}, broken("%v for transfer %d, which was never offered", m.Type(), id)
	}
	err := t.handle(m)
	if t.Over() {
		delete(s.senders, id)
		s.sentOver.Add(uint64(id), uint64(id)+1)
	}
	return Event{Sender: t}, err
}

// toReceiver passes a message of a sender to the transfer of the peer's.
func (s *Session) toReceiver(id uint16, m Message) (Event, error) {
	t := s.receivers[id]
	if t == nil {
		if s.receivedOver.Contains(uint64(id)) {
			return Event{}, nil
		}
		return Event{}, broken("%v for transfer %d, which was never offered", m.Type(), id)
	}
	err := t.handle(m)
	s.forget(t)
	return Event{Receiver: t}, err
}

// forget drops a transfer of the peer's that is over.
func (s *Session) forget(r *Receiver) {
	if r.Over() {
		id := r.ID()
		delete(s.receivers, id)
		s.receivedOver.Add(uint64(id), uint64(id)+1)
	}
}

// Forget drops the transfers that this side has ended.
func (s *Session) Forget(sender *Sender, receiver *Receiver) {
	if sender != nil && sender.Over() {
		delete(s.senders, sender.id)
		s.sentOver.Add(uint64(sender.id), uint64(sender.id)+1)
	}
	if receiver != nil {
		s.forget(receiver)
	}
}

// Received reports whether a transfer of the peer's is over.
func (s *Session) Received(id uint16) bool { return s.receivedOver.Contains(uint64(id)) }

// Active returns how many transfers and requests are under way, both ways.
func (s *Session) Active() int {
	n := len(s.asked) + len(s.pending)
	for _, t := range s.senders {
		if !t.Over() {
			n++
		}
	}
	for _, t := range s.receivers {
		if !t.Over() {
			n++
		}
	}
	return n
}
