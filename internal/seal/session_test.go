package seal

import (
	"bytes"
	"crypto/tls"
	"errors"
	"math/rand/v2"
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

func TestTicketServesOnce(t *testing.T) {
	tickets := newTickets(t)
	first, second := issue(t, tickets), issue(t, tickets)
	for _, c := range []struct {
		name  string
		state *tls.SessionState
		want  bool
	}{
		{"first", first, true},
		{"first again", first, false},
		{"second", second, true},
		{"second again", second, false},
		{"of another process", issue(t, newTickets(t)), false},
		{"without a name", &tls.SessionState{}, false},
		{"with half a name", &tls.SessionState{Extra: [][]byte{[]byte(ticketIDPrefix)}}, false},
	} {
		if got := tickets.redeem(c.state); got != c.want {
			t.Errorf("%s: fresh %v", c.name, got)
		}
	}
}

func TestOldestTicketIsForgotten(t *testing.T) {
	tickets := newTickets(t)
	oldest, second := issue(t, tickets), issue(t, tickets)
	var newest *tls.SessionState
	for range maxUnusedTickets - 1 {
		newest = issue(t, tickets)
	}
	if len(tickets.unused) != maxUnusedTickets || len(tickets.issued) != maxUnusedTickets {
		t.Errorf("%d unused tickets and %d issued ones are remembered", len(tickets.unused), len(tickets.issued))
	}
	if tickets.redeem(oldest) {
		t.Error("the oldest ticket is still remembered")
	}
	if !tickets.redeem(second) || !tickets.redeem(newest) {
		t.Error("a ticket was forgotten too early")
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
