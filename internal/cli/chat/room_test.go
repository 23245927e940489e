package chat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/uft/internal/cli/consoletest"
)

// fake is a client of a room without a network.
type fake struct {
	at      string
	got     []string
	dropped string
	refuse  error
}

func (f *fake) address() string { return f.at }

func (f *fake) mode() string { return "fake" }

func (f *fake) roundTrip() (time.Duration, bool) { return 0, false }

func (f *fake) send(message []byte, _ bool) error {
	f.got = append(f.got, string(message))
	return f.refuse
}

func (f *fake) drop(reason string) { f.dropped = "dropped: " + reason }

// newTestRoom returns a room and what it says.
func newTestRoom(c Command) (*room, *consoletest.Console) {
	out := consoletest.New()
	return newRoom(&c, newConsole(nil, out, out)), out
}

func enter(t *testing.T, r *room, p peer) *member {
	t.Helper()
	m, err := r.join(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSilence: without connections the server says once that a client is
// silent, keeps it, and says so again after it was heard.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := newTestRoom(Command{Mode: UDP})
		m := enter(t, r, &fake{at: "a"})
		r.message(m, []byte("one"), true)
		time.Sleep(29 * time.Second)
		r.message(m, []byte("two"), true)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got, want := out.String(), "chat: Client joined from a\nClient : one\nClient : two\n"; got != want {
			t.Fatalf("said %q, not %q", got, want)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Count(out.String(), "chat: Client: silent for 30 s\n"); got != 1 {
			t.Errorf("said %d times that the client is silent:\n%s", got, out)
		}
		r.say([]byte("still there?"))
		if f := m.peer.(*fake); len(f.got) != 1 || len(r.list()) != 1 {
			t.Errorf("the silent client is treated as gone: %q", f.got)
		}
		r.message(m, []byte("three"), true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Count(out.String(), "silent"); got != 2 {
			t.Errorf("said %d times that the client is silent:\n%s", got, out)
		}
		r.clear()
	})
}

// TestFullRoom: with connections a full room lets nobody in; without, who was
// silent for longest makes room.
func TestFullRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newTestRoom(Command{Mode: TCP})
		r.limit = 2
		enter(t, r, &fake{at: "a"})
		enter(t, r, &fake{at: "b"})
		if _, err := r.join(&fake{at: "c"}); !errors.Is(err, errFull) {
			t.Errorf("a full room: %v", err)
		}
		r, out := newTestRoom(Command{Mode: UDP})
		r.limit = 2
		a, b := &fake{at: "a"}, &fake{at: "b"}
		first := enter(t, r, a)
		time.Sleep(time.Second)
		enter(t, r, b)
		time.Sleep(time.Second)
		r.message(first, []byte("x"), true)
		third := enter(t, r, &fake{at: "c"})
		if a.dropped != "" || b.dropped == "" || third.name() != "Client-2" {
			t.Errorf("%q, %q, %s:\n%s", a.dropped, b.dropped, third.name(), out)
		}
		r.clear()
	})
}

// TestNames: numbers that have become free are used again, so that a single
// client is always Client.
func TestNames(t *testing.T) {
	r, out := newTestRoom(Command{})
	a := enter(t, r, &fake{at: "a"})
	b := enter(t, r, &fake{at: "b"})
	r.leave(a, "")
	r.leave(a, "")
	c := enter(t, r, &fake{at: "c"})
	if a.name() != "Client" || b.name() != "Client-2" || c.name() != "Client" {
		t.Errorf("%s, %s, %s", a.name(), b.name(), c.name())
	}
	if got := strings.Count(out.String(), "Client left (a)\n"); got != 1 {
		t.Errorf("left %d times:\n%s", got, out)
	}
	if r.find("CLIENT-2") != b || r.find("1") != c || r.find("Client-3") != nil {
		t.Error("the wrong client is found")
	}
}

func TestSendingFails(t *testing.T) {
	r, out := newTestRoom(Command{})
	stuck, odd, well := &fake{at: "a", refuse: errBehind}, &fake{at: "b", refuse: errors.New("no way")}, &fake{at: "c"}
	for _, p := range []peer{stuck, odd, well} {
		enter(t, r, p)
	}
	r.say([]byte("hello"))
	if stuck.dropped == "" || odd.dropped != "" || len(well.got) != 1 || len(r.list()) != 2 {
		t.Errorf("%+v, %+v, %+v", stuck, odd, well)
	}
	for _, want := range []string{"Client left (a): it takes nothing any more, and 4.0 MiB wait", "not sent to Client-2: no way"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
}

func TestOutbox(t *testing.T) {
	o := newOutbox()
	message := make([]byte, maxMessage)
	for range 3 {
		if err := o.put(message, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.put(message, false); !errors.Is(err, errBehind) {
		t.Errorf("more than there is room for: %v", err)
	}
	waited := make(chan error)
	go func() { waited <- o.put(message, true) }()
	batch := o.take(0)
	if len(batch) != 3*(maxMessage+1) {
		t.Errorf("took %d bytes", len(batch))
	}
	go o.take(len(batch))
	if err := <-waited; err != nil {
		t.Errorf("there is room again: %v", err)
	}
	o.close()
	if err := o.put(nil, true); !errors.Is(err, errLeft) {
		t.Errorf("after the end: %v", err)
	}
}

func TestOutboxEnds(t *testing.T) {
	o := newOutbox()
	_ = o.put([]byte("last"), false)
	o.close()
	if got := string(o.take(0)); got != "last\n" {
		t.Errorf("took %q", got)
	}
	if got := o.take(5); got != nil {
		t.Errorf("took %q after the end", got)
	}
	o = newOutbox()
	_ = o.put([]byte("lost"), false)
	o.abandon()
	if got := o.take(0); got != nil {
		t.Errorf("took %q from an outbox that was given up", got)
	}
}

func TestBehindTheLongLine(t *testing.T) {
	r, out := newTestRoom(Command{Echo: "yes", Echoes: true})
	f := &fake{at: "a"}
	m := enter(t, r, f)
	r.message(m, []byte("begin"), false)
	r.message(m, []byte("end"), true)
	want := "chat: Client joined from a\nClient (a) : begin\n" +
		"chat: the message of Client is longer than 1.0 MiB: it comes in pieces\nClient (a) : end\n"
	if out.String() != want || fmt.Sprint(f.got) != "[yes yes]" {
		t.Errorf("said %q and answered %q", out, f.got)
	}
}
