package sim

import (
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// TestLookTakesAllThatCame has datagrams arrive while their reader waits to be
// scheduled: they are read at one time, after they came and less than
// Config.Late later.
func TestLookTakesAllThatCame(t *testing.T) {
	const late = 2 * time.Millisecond
	n := New(Config{Seed: 1, Late: late})
	began := n.Now()
	came := make(map[instant.Time]int) // by the time of the look
	for i := range 1000 {
		a := n.arrival([]byte{1})
		a.at, a.to = began.Add(time.Duration(i+1)*100*time.Microsecond), netip.AddrPortFrom(netip.IPv4Unspecified(), 1)
		n.push(a)
		at := a.at
		if err := n.Run(time.Second, func() bool { return !n.Now().Before(at) }); err != nil {
			t.Fatal(err)
		}
		if !a.seen || a.at.Before(at) || a.at.After(at.Add(late)) {
			t.Fatalf("what came at %v is read at %v", at, a.at)
		}
		came[a.at]++
	}
	if looks := len(came); looks < 100 || looks > 500 {
		t.Errorf("%d looks at 1000 datagrams that came 0.1 ms apart", looks)
	}
}

// TestLateTimers has a connection act upon its timers after they have run out.
func TestLateTimers(t *testing.T) {
	n := New(Config{Seed: 1, Late: 2 * time.Millisecond})
	p, err := n.Dial(DialOptions{}) // nobody answers: there is the probe timer alone
	if err != nil {
		t.Fatal(err)
	}
	n.Filter = func(Direction, int, []byte) bool { return false }
	n.flush()
	due, late := p.Conn.Deadline(), 0
	for range 10 {
		if err := n.Run(5*time.Second, func() bool { return p.Conn.Deadline() != due }); err != nil {
			t.Fatal(err)
		}
		if n.Now().Before(due) || n.Now().After(due.Add(n.cfg.Late)) {
			t.Fatalf("what was due at %v happened at %v", due, n.Now())
		}
		if n.Now() != due {
			late++
		}
		due = p.Conn.Deadline()
	}
	if late == 0 {
		t.Error("no timer was late")
	}
}

// TestLateness draws many of them.
func TestLateness(t *testing.T) {
	n := New(Config{Late: 1600 * time.Microsecond})
	var little, much int
	for range 10_000 {
		switch d := n.lateness(); {
		case d < 0 || d >= n.cfg.Late:
			t.Fatalf("%v late", d)
		case d < n.cfg.Late/16:
			little++
		case d > n.cfg.Late/2:
			much++
		}
	}
	if little < 4900 || little > 5100 || much < 1400 || much > 1800 {
		t.Errorf("%d of 10000 are late by little, %d by much", little, much)
	}
}
