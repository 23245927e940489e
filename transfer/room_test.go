package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/xfer"
	"example.com/uft/transport"
)

// idle is a conversation past the HELLOs in which nothing is read or written.
func idle(t *testing.T) *control {
	t.Helper()
	c := newControl(nil, nil, xfer.Hello{Abilities: xfer.AbilityWrites | xfer.AbilitySends})
	t.Cleanup(c.cancel)
	if err := c.handle(&xfer.Hello{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// messages takes what waits to be written.
func (c *control) messages() (list []xfer.Message) {
	for m := c.session.NextMessage(); m != nil; m = c.session.NextMessage() {
		list = append(list, m)
	}
	return list
}

// TestReaderWaitsForAnswers: a peer asks for much more than it reads answers,
// and those do not pile up. None is lost.
func TestReaderWaitsForAnswers(t *testing.T) {
	const count = 5000
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := transport.Dial(ctx, listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.OpenStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := xfer.Append(nil, &xfer.Hello{})
	for id := range uint64(count) {
		b = xfer.Append(b, &xfer.Request{ID: id, Name: "a"})
	}
	if _, err := stream.Write(b); err != nil {
		t.Fatal(err)
	}

	accepted, err := listener.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := acceptControl(ctx, accepted, xfer.Hello{Abilities: xfer.AbilitySends})
	if err != nil {
		t.Fatal(err)
	}
	most := 0 // guarded by c.mu
	c.onRequest = func(m *xfer.Request) {
		c.session.RefuseRequest(m.ID, xfer.CodeNotFound, strings.Repeat("x", 1000))
		most = max(most, c.session.Owed())
	}
	c.start()
	defer c.stop(context.Canceled)
	defer accepted.Close()

	var decoder xfer.Decoder
	buf := make([]byte, 4096)
	for refused := uint64(0); refused < count; {
		n, err := stream.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		decoder.Feed(buf[:n])
		for m, err := decoder.Next(); m != nil || err != nil; m, err = decoder.Next() {
			if refusal, ok := m.(*xfer.Refuse); ok && *refusal.Request == refused {
				refused++
			} else if m.Type() != xfer.TypeHello {
				t.Fatalf("after %d refusals %+v, %v", refused, m, err)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if most > maxQueued+1 {
		t.Errorf("%d answers waited at once", most)
	}
}

// TestFileWaitsForRoom: the hashes of a file that is read faster than the peer
// hears of them do not pile up either.
func TestFileWaitsForRoom(t *testing.T) {
	c := idle(t)
	sender := c.session.Offer([]xfer.Entry{xfer.NewEntry(0, "a")}, nil)[0]
	for c.session.Queued() <= maxQueued {
		sender.Chunk(xfer.Hash{}, xfer.ChunkSize)
	}
	full := c.session.Queued()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := &outgoing{c: c, sender: sender, ctx: ctx}
	hasher := xfer.NewChunkHasher()
	hasher.Add([]byte("x"))
	if err := out.announce(hasher, 1); !errors.Is(err, context.Canceled) || c.session.Queued() != full {
		t.Errorf("%v, and %d messages wait instead of %d", err, c.session.Queued(), full)
	}
	// The reader of messages is not kept from its work by that.
	if !c.awaitRoom(ctx, c.session.Owed) {
		t.Error("what this side says of its own accord stops the reader")
	}
	announced := make(chan error)
	out.ctx = t.Context()
	go func() { announced <- out.announce(hasher, 1) }()
	c.mu.Lock()
	taken := len(c.messages())
	c.makeRoom()
	c.mu.Unlock()
	if err := <-announced; err != nil || c.session.Queued() > 1 {
		t.Errorf("%v, and %d messages wait after %d were taken", err, c.session.Queued(), taken)
	}
}

// TestWithdrawnBeforeOffer: the user cancels a fetch while its offer is on the
// way. The offer is refused, or the peer would send for nothing.
func TestWithdrawnBeforeOffer(t *testing.T) {
	c := idle(t)
	id := c.session.Request("a", 0, false)
	ctx, cancel := context.WithCancel(c.ctx)
	in := &incoming{c: c, name: "a", attached: make(chan struct{}), changed: make(chan struct{}, 1), ctx: ctx, cancel: cancel, done: make(chan struct{})}
	c.asked[id] = in
	c.withdraw(in, id, context.Canceled)
	c.messages()
	if err := c.handle(&xfer.Offer{Answers: &id, Entries: []xfer.Entry{xfer.NewEntry(3, "a")}}); err != nil {
		t.Fatal(err)
	}
	c.jobs.Wait()
	list := c.messages()
	if len(list) != 1 {
		t.Fatalf("the offer is answered by %+v", list)
	}
	if refusal, ok := list[0].(*xfer.Refuse); !ok || *refusal.Transfer != 3 || refusal.Code != xfer.CodeCancelled {
		t.Errorf("the offer is answered by %+v", list[0])
	}
}

// TestLowestRateHolds: a rate holds as long as its file is sent, the lowest of
// several, and none when none was asked for.
func TestLowestRateHolds(t *testing.T) {
	var set []int64
	a := &answers{c: idle(t), setRate: func(rate int64) { set = append(set, rate) }}
	a.beginRate(0)
	a.beginRate(50)
	a.beginRate(70)
	a.beginRate(30)
	a.beginRate(30)
	a.endRate(30)
	a.endRate(0)
	a.endRate(30)
	a.endRate(50)
	a.endRate(70)
	a.beginRate(0)
	a.beginRate(40)
	if want := []int64{50, 30, 50, 70, 0, 40}; !slices.Equal(set, want) {
		t.Errorf("rates %v, want %v", set, want)
	}
}

// TestOneModestHolds: a connection is in the background as long as one of its
// files was asked for so, and from one such file to the next.
func TestOneModestHolds(t *testing.T) {
	var set []bool
	a := &answers{c: idle(t), yield: func(on bool) { set = append(set, on) }}
	expect := func(want ...bool) {
		t.Helper()
		if !slices.Equal(set, want) {
			t.Errorf("the background goes %v, want %v", set, want)
		}
	}
	a.running = 2
	a.beginMode(false)
	a.beginMode(true)
	expect(true)
	a.beginMode(true)
	a.endMode(true)
	expect(true)
	a.endMode(true)
	expect(true, false)
	a.running = 1
	a.beginMode(true)
	a.endMode(true)
	a.beginMode(true)
	a.endMode(true)
	expect(true, false, true)
	a.beginMode(false)
	expect(true, false, true, false)
}
