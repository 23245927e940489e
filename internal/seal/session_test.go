package seal

import (
	"bytes"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestStoredSessionRoundTrip(t *testing.T) {
	in := storedSession{ticket: []byte("ticket"), parameters: []byte("parameters"), state: []byte("state")}
	encoded, err := in.encode()
	if err != nil {
		t.Fatal(err)
	}
	out, err := parseSession(encoded)
	if err != nil || !bytes.Equal(out.ticket, in.ticket) || !bytes.Equal(out.parameters, in.parameters) || !bytes.Equal(out.state, in.state) {
		t.Errorf("%+v, %v", out, err)
	}
	for i := range encoded {
		damaged := bytes.Clone(encoded)
		damaged[i] ^= 1
		for name, bad := range map[string][]byte{"damage": damaged, "truncation": encoded[:i]} {
			if _, err := parseSession(bad); !errors.Is(err, errSession) {
				t.Errorf("%s at byte %d: %v", name, i, err)
			}
			if parameters := SessionParameters(bad); parameters != nil {
				t.Errorf("%s at byte %d: parameters %x", name, i, parameters)
			}
		}
	}
}

// The digest is right here, so that the lengths behind it are looked at.
func TestStoredSessionLengths(t *testing.T) {
	for name, rest := range map[string][]byte{
		"nothing":         {},
		"half a length":   {0},
		"a short ticket":  {0, 2, 'x'},
		"no parameters":   {0, 1, 'x'},
		"half parameters": {0, 1, 'x', 0, 9, 'y'},
	} {
		if _, err := parseSession(withDigest(rest)); !errors.Is(err, errSession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (storedSession{ticket: make([]byte, 1<<16)}).encode(); err == nil {
		t.Error("a ticket of 65536 bytes was stored")
	}
}

// withDigest puts a right version and digest before the rest of a session.
func withDigest(rest []byte) []byte {
	session := append(make([]byte, sessionHeaderLength), rest...)
	session[0] = sessionVersion
	digest := sessionDigest(rest)
	copy(session[1:], digest[:])
	return session
}

func FuzzParseSession(f *testing.F) {
	f.Add([]byte{0, 1, 'x', 0, 1, 'y', 'z'})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, rest []byte) {
		session := withDigest(rest)
		stored, err := parseSession(session)
		if err != nil {
			return
		}
		again, err := stored.encode()
		if err != nil || !bytes.Equal(again, session) {
			t.Errorf("%x was stored as %x, %v", session, again, err)
		}
	})
}

func newTickets(t *testing.T) *Tickets {
	t.Helper()
	tickets, err := NewTickets(rand.NewChaCha8([32]byte{3}))
	if err != nil {
		t.Fatal(err)
	}
	return tickets
}

func issue(t *testing.T, tickets *Tickets) *tls.SessionState {
	t.Helper()
	extra, err := tickets.issue(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.SessionState{Extra: [][]byte{[]byte("of another layer"), extra}}
}

func TestHelloServesOnce(t *testing.T) {
	tickets := newTickets(t)
	first, second := issue(t, tickets), issue(t, tickets)
	one, other := helloDigest{1}, helloDigest{2}
	for _, c := range []struct {
		name  string
		state *tls.SessionState
		hello helloDigest
		want  bool
	}{
		{"first", first, one, true},
		{"first again", first, one, false},
		{"first, another hello", first, other, true},
		{"first, another hello again", first, other, false},
		{"first once more", first, one, false},
		{"second", second, one, true},
		{"second again", second, one, false},
		{"of another process", issue(t, newTickets(t)), one, false},
		{"without a name", &tls.SessionState{}, one, false},
		{"with half a name", &tls.SessionState{Extra: [][]byte{[]byte(ticketIDPrefix)}}, one, false},
	} {
		if got := tickets.redeem(c.state, c.hello); got != c.want {
			t.Errorf("%s: fresh %v", c.name, got)
		}
	}
}

func TestUsesOfATicketAreBounded(t *testing.T) {
	tickets := newTickets(t)
	state := issue(t, tickets)
	for i := range maxUses {
		if !tickets.redeem(state, helloDigest{0: byte(i), 1: 1}) {
			t.Fatalf("use %d was refused", i)
		}
	}
	if tickets.redeem(state, helloDigest{1: 2}) {
		t.Errorf("more than %d uses", maxUses)
	}
}

func TestOldestTicketIsForgotten(t *testing.T) {
	tickets := newTickets(t)
	oldest, second := issue(t, tickets), issue(t, tickets)
	var newest *tls.SessionState
	for range maxTickets - 1 {
		newest = issue(t, tickets)
	}
	if len(tickets.uses) != maxTickets || len(tickets.issued) != maxTickets {
		t.Errorf("%d tickets are remembered, %d of them in order", len(tickets.uses), len(tickets.issued))
	}
	if tickets.redeem(oldest, helloDigest{}) {
		t.Error("the oldest ticket is still remembered")
	}
	if !tickets.redeem(second, helloDigest{}) || !tickets.redeem(newest, helloDigest{}) {
		t.Error("a ticket was forgotten too early")
	}
}

// TestHelloDigest: it is that of the first message alone, in whatever pieces that
// comes.
func TestHelloDigest(t *testing.T) {
	message := append([]byte{1, 0, 1, 0x2c}, bytes.Repeat([]byte{7}, 300)...)
	whole := newHelloHasher()
	whole.add(message)
	want := whole.digest()
	for size := 1; size <= len(message)+5; size++ {
		h := newHelloHasher()
		for piece := range slices.Chunk(append(bytes.Clone(message), 1, 2, 3, 4, 5), size) {
			h.add(piece)
		}
		if h.digest() != want {
			t.Fatalf("in pieces of %d bytes: another digest", size)
		}
	}
	for i := range message {
		changed := bytes.Clone(message)
		changed[i] ^= 1
		h := newHelloHasher()
		h.add(changed)
		if h.digest() == want {
			t.Errorf("byte %d makes no difference", i)
		}
	}
}

func TestTicketsWithoutRandomness(t *testing.T) {
	if _, err := NewTickets(bytes.NewReader(nil)); err == nil {
		t.Error("ticket keys without randomness")
	}
	if _, err := newTickets(t).issue(bytes.NewReader(nil)); err == nil {
		t.Error("a ticket without a name")
	}
}
