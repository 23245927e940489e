package xfer

// outbox is the queue of messages to the peer, shared by all machines of a
// session, so that they leave in the order in which they were decided.
type outbox struct {
	queue []Message
	owed  int // of them, those that answers counts
}

func (o *outbox) put(m Message) {
	o.queue = append(o.queue, m)
	if answers(m) {
		o.owed++
	}
}

// next takes the first message, nil where there is none.
func (o *outbox) next() Message {
	if len(o.queue) == 0 {
		return nil
	}
	m := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	if answers(m) {
		o.owed--
	}
	return m
}

// answers reports whether the peer can make us queue such a message by what it
// says: a peer that says much and reads nothing would fill our memory with
// them. CHUNK, HELD and STATUS are no such messages, for their number depends
// on the speed of a disk.
func answers(m Message) bool {
	switch m := m.(type) {
	case *Accept, *Refuse, *Done, *Error:
		return true
	case *Offer:
		return m.Answers != nil
	}
	return false
}

// ending is how a transfer ends, on either side: once, with DONE or with a
// failure (docs/protocol.md §10.3).
type ending struct {
	over    bool
	failure *Failure
}

// Over reports whether the transfer has ended.
func (e *ending) Over() bool { return e.over }

// Failure returns why the transfer came to nothing, nil while it goes on and
// where it succeeded.
func (e *ending) Failure() *Failure { return e.failure }

// end ends the transfer; only the first end counts.
func (e *ending) end(failure *Failure) {
	if !e.over {
		e.over, e.failure = true, failure
	}
}

// remoteFailure is what the peer said with REFUSE or ERROR.
func remoteFailure(code Code, text string) *Failure {
	return &Failure{Code: code, Remote: true, Text: text}
}
