package medium

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
)

func TestScheduleIsByTimeThenSequence(t *testing.T) {
	const seed = 11
	random := rand.New(rand.NewPCG(seed, 0))
	var s schedule
	var waiting []parcel // the model: sorted by a stable sort
	if s.next() != instant.Never {
		t.Fatalf("an empty schedule has a delivery at %v", s.next())
	}
	for step := range 20_000 {
		if len(waiting) == 0 || random.IntN(2) == 0 {
			p := parcel{at: instant.Time(random.IntN(50)), data: []byte{byte(step), byte(step >> 8)}}
			s.push(p)
			waiting = append(waiting, p)
			continue
		}
		slices.SortStableFunc(waiting, func(a, b parcel) int { return int(a.at - b.at) })
		want := waiting[0]
		waiting = waiting[1:]
		if s.next() != want.at {
			t.Fatalf("seed %d, step %d: next at %v, want %v", seed, step, s.next(), want.at)
		}
		if got := s.pop(); got.at != want.at || !slices.Equal(got.data, want.data) {
			t.Fatalf("seed %d, step %d: popped %v at %v, want %v at %v", seed, step, got.data, got.at, want.data, want.at)
		}
	}
}

func TestDelayedMemoryIsBounded(t *testing.T) {
	r := listen(t, Config{To: "127.0.0.1:9", Up: link.Config{Delay: time.Hour}, MaxQueuedBytes: 10*smallBuffer + 5000})
	f := &flow{client: netip.MustParseAddrPort("127.0.0.1:9")}
	for range 12 {
		r.forward(&r.up, f, make([]byte, 1064))
	}
	c := r.Counters().Up
	if c.Waiting != 12 || c.Overflow != 0 {
		t.Fatalf("%d waiting, %d overflown; want all 12 waiting", c.Waiting, c.Overflow)
	}
	r.forward(&r.up, f, make([]byte, 2000)) // a small buffer does not fit any more
	if c := r.Counters().Up; c.Waiting != 12 || c.Overflow != 1 {
		t.Fatalf("%d waiting, %d overflown; want 12 and 1", c.Waiting, c.Overflow)
	}
	due, sleep := r.takeDue(nil)
	if len(due) != 0 || sleep <= 0 || sleep > r.config.IdleTimeout {
		t.Errorf("%d due, sleep %v; want none due before an hour, and a look at idle clients before", len(due), sleep)
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	server := newPeer(t, "127.0.0.1:0")
	r := listen(t, Config{To: server.address().String(), Up: link.Config{Delay: 1, Duplicate: 1}})
	f := &flow{client: client(0)}
	for _, size := range []int{1064, smallBuffer, smallBuffer + 1} {
		r.forward(&r.up, f, make([]byte, size))
	}
	if want := 4*smallBuffer + 2*(smallBuffer+1); r.queued != want {
		t.Fatalf("%d bytes are accounted for, want %d", r.queued, want)
	}
	var due []parcel
	for taken := 0; taken < 6; taken += len(due) {
		if due, _ = r.takeDue(due); r.up.waiting == 0 {
			t.Fatal("parcels are accounted for as sent before they are")
		}
	}
	r.takeDue(due)
	if r.queued != 0 || r.up.waiting != 0 || len(r.schedule.heap) != 0 {
		t.Errorf("%d bytes, %d parcels waiting, %d scheduled after all were sent; want none",
			r.queued, r.up.waiting, len(r.schedule.heap))
	}
}
