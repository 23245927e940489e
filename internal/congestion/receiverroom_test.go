package congestion

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// TestReceiverRoom: the room shrinks once in a round trip with drops, to no less
// than a train, and grows back without them.
func TestReceiverRoom(t *testing.T) {
	const least, rtt = 66_000, time.Millisecond
	var r receiverRoom
	now := instant.Time(time.Second)
	want := func(low, high int) {
		t.Helper()
		if got, limited := r.limit(now); !limited || got < low || got > high {
			t.Fatalf("room of %d bytes (limited: %v), want %d to %d", got, limited, low, high)
		}
	}
	if _, limited := r.limit(now); limited {
		t.Fatal("a limit before anything was dropped")
	}
	r.dropped(now, rtt, 1_000_000, least)
	want(700_000, 700_000)
	r.dropped(now, rtt, 1_000_000, least) // the same event
	want(700_000, 700_000)
	now = now.Add(rtt)
	r.dropped(now, rtt, 5_000_000, least) // more than the room allowed cannot have been
	want(489_000, 491_000)
	for range 20 {
		now = now.Add(rtt)
		r.dropped(now, rtt, 10_000, least)
	}
	want(least, least)
	now = now.Add(8 * time.Second)
	want(2*least-100, 2*least+100)
	now = now.Add(3 * time.Hour)
	if room, limited := r.limit(now); limited {
		t.Errorf("still limited to %d bytes after three hours without a drop", room)
	}
}

// TestWindowWithinReceiverRoom: on a path without length, the window follows what
// the receiver's socket holds, and what it dropped is not taken for loss of the path.
func TestWindowWithinReceiverRoom(t *testing.T) {
	const rate, rtt = 600 << 20, 100 * time.Microsecond // bytes per second
	b := NewBBR(instant.Time(time.Second), Config{}).(*bbr)
	now := instant.Time(time.Second)
	ack := func(lost int, drops uint64) {
		now = now.Add(time.Millisecond)
		b.OnAck(now, AckSample{
			AckedBytes: rate / 1000, LostBytes: lost, Inflight: 1 << 20, PriorInflight: 2 << 20,
			RTT: rtt, MinRTT: rtt, SmoothedRTT: rtt, DeliveryRate: rate, RoundStart: true,
			AckInterval: rtt, SocketDrops: drops,
		})
	}
	for range 200 {
		ack(0, 0)
	}
	before := b.Window()
	for range 20 {
		ack(rate/1000/4, 3)
	}
	if got := b.Window(); got > before/4 || got < MaxTrain*1092 {
		t.Errorf("a window of %d bytes after 20 rounds with drops, %d before", got, before)
	}
	if p := b.base.rate(); p > 0.01 {
		t.Errorf("base loss of %.3f, which was the receiver's", p)
	}
}

// TestRareDropsOnALongPath: where nearly all that is in flight is on its way, a
// receiver that drops something now and then, as one whose socket is that of many
// connections does, changes neither the window much nor what is known of the path.
func TestRareDropsOnALongPath(t *testing.T) {
	const rate, rtt, size, interval = 25_000_000, 200 * time.Millisecond, 1092, 25 * time.Millisecond
	b := NewBBR(instant.Time(time.Second), Config{}).(*bbr)
	now := instant.Time(time.Second)
	for i := range 400 {
		now = now.Add(interval)
		s := AckSample{
			AckedBytes: rate / 40, LostBytes: rate / 40 / 4, Inflight: rate / 4, PriorInflight: rate / 4,
			RTT: rtt, MinRTT: rtt, SmoothedRTT: rtt, DeliveryRate: rate, RoundStart: i%8 == 0, AckInterval: interval,
		}
		if i > 200 && i%12 == 0 {
			s.SocketDrops = 1
		}
		b.OnAck(now, s)
	}
	if p := b.base.rate(); p < 0.18 || p > 0.22 {
		t.Errorf("base loss of %.3f, not 0.2", p)
	}
	if got, holds := b.Window(), over(b.sendRate(), rtt); got < holds+holds/4 {
		t.Errorf("a window of %d bytes where the path holds %d", got, holds)
	}
}
