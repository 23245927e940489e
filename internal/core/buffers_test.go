package core

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/uft/internal/instant"

	"pgregory.net/rapid"
)

func TestSendBuffer(t *testing.T) {
	var b sendBuffer
	b.write([]byte("0123456789"))
	expect := func(maxLen int, limit, wantOffset uint64, want string) {
		t.Helper()
		if offset, p := b.take(maxLen, limit); string(p) != want || want != "" && offset != wantOffset {
			t.Errorf("took %q at %d, want %q at %d", p, offset, want, wantOffset)
		}
	}
	expect(4, 8, 0, "0123")
	expect(10, 8, 4, "4567") // the credit ends here
	expect(10, 8, 0, "")
	b.ack(4, 8)
	b.lost(0, 8)
	expect(3, 8, 0, "012") // lost bytes need no new credit, acknowledged ones do not come back
	expect(10, 8, 3, "3")
	expect(10, 8, 0, "")
	b.ack(0, 4)
	if b.base != 8 || b.buffered() != 2 || b.unacked() != 0 {
		t.Errorf("base %d, %d buffered, %d unacknowledged", b.base, b.buffered(), b.unacked())
	}
	expect(10, 20, 8, "89")
	b.requeue()
	b.ack(8, 10)
	expect(10, 20, 0, "")
	if b.data != nil {
		t.Error("the memory of a finished burst is kept")
	}
}

// TestSendBufferDelivers loses and acknowledges at random: the peer always ends
// up with all the bytes.
func TestSendBufferDelivers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var b sendBuffer
		var in receiveBuffer
		var want, got []byte
		type flight struct {
			offset uint64
			p      []byte
		}
		var flying []flight
		for step := 0; step < 300 || b.buffered() > 0; step++ {
			if len(want) < 2000 && step < 300 {
				p := make([]byte, random.IntN(30))
				for i := range p {
					p[i] = byte(len(want) + i)
				}
				b.write(p)
				want = append(want, p...)
			}
			if offset, p := b.take(1+random.IntN(20), b.base+100); len(p) > 0 {
				flying = append(flying, flight{offset, bytes.Clone(p)})
			}
			if len(flying) == 0 || random.IntN(2) == 0 && step < 300 {
				continue
			}
			i := random.IntN(len(flying))
			f := flying[i]
			flying = append(flying[:i], flying[i+1:]...)
			if random.IntN(3) == 0 && step < 300 {
				b.lost(f.offset, f.offset+uint64(len(f.p)))
				continue
			}
			in.add(f.offset, f.p)
			b.ack(f.offset, f.offset+uint64(len(f.p)))
			var chunk [50]byte
			got = append(got, chunk[:in.read(chunk[:])]...)
		}
		for chunk := make([]byte, 50); ; {
			n := in.read(chunk)
			if n == 0 {
				break
			}
			got = append(got, chunk[:n]...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes arrived of %d", len(got), len(want))
		}
	})
}

func TestReceiveBuffer(t *testing.T) {
	var b receiveBuffer
	b.add(4, []byte("45"))
	if n := b.readable(); n != 0 {
		t.Errorf("%d bytes are readable before the first came", n)
	}
	b.add(0, []byte("01"))
	b.add(1, []byte("XX3XX6")) // overlaps what came before: the first copy counts
	var p [4]byte
	if n := b.read(p[:]); string(p[:n]) != "01X3" {
		t.Errorf("read %q", p[:n])
	}
	b.add(0, []byte("zzzz")) // read long ago
	if got := string(b.peek()); got != "456" {
		t.Errorf("then %q", got)
	}
	b.discard(3)
	if b.base != 7 || b.data != nil || len(b.received) != 0 {
		t.Errorf("base %d, %d bytes and %v kept", b.base, len(b.data), b.received)
	}
}

func TestReceiveCredit(t *testing.T) {
	const rtt = 100 * time.Millisecond
	c := newReceiveCredit(1000, 4000)
	if !c.use(1000) || c.use(1) {
		t.Error("the limit is not where it should be")
	}
	now := instant.Time(time.Second)
	c = newReceiveCredit(1000, 4000)
	c.use(1000)
	c.consume(now, rtt, 249)
	if c.pending {
		t.Error("announced for less than a quarter of the window")
	}
	c.consume(now, rtt, 1)
	if !c.pending || c.limit != 1250 {
		t.Errorf("limit %d", c.limit)
	}
	// Half a window in under two round trips, again and again: it doubles up to
	// its bound. Slower than that it stays.
	for range 40 {
		now = now.Add(rtt)
		c.consume(now, rtt, c.window/2)
	}
	if c.window != 4000 {
		t.Errorf("window %d", c.window)
	}
	slow := newReceiveCredit(1000, 4000)
	for range 40 {
		now = now.Add(3 * rtt)
		slow.consume(now, rtt, 500)
	}
	if slow.window != 1000 {
		t.Errorf("window of a slow reader %d", slow.window)
	}
}

// TestWindowShrinks: what was granted before anything was known of the path comes
// down to what the path needs, and up again when that is more.
func TestWindowShrinks(t *testing.T) {
	const rtt = time.Millisecond
	c := newBulkCredit(32<<20, 64<<20)
	now := instant.Time(time.Second)
	// 400 MB/s: 0.4 MB in a round trip.
	for range 1000 {
		now = now.Add(rtt)
		c.arrive(now, rtt, 400_000)
		c.consume(now, rtt, 400_000)
		if c.limit < c.consumed+steadyWindow/2 {
			t.Fatalf("%d of credit left", c.limit-c.consumed)
		}
	}
	if want := uint64(steadyWindow + 4*400_000); c.window > want+want/4 || c.window < steadyWindow {
		t.Errorf("a window of %d, want about %d", c.window, want)
	}
	// 200 times the round trip: it is used up at once, again and again.
	for range 20 {
		now = now.Add(200 * rtt)
		n := c.limit - c.received
		c.arrive(now, 200*rtt, n)
		c.consume(now, 200*rtt, n)
	}
	if c.window != 64<<20 {
		t.Errorf("a window of %d on a long path", c.window)
	}
}

func TestCreditRTT(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct{ smoothed, least, want time.Duration }{
		{100 * ms, 0, 100 * ms},        // the guess before anything is measured
		{110 * ms, 100 * ms, 110 * ms}, // a path without a queue
		{300 * ms, 100 * ms, 200 * ms}, // a long queue on it
		{5 * ms, ms / 10, ms / 5},      // a busy reader next door
	} {
		if got := creditRTT(test.smoothed, test.least); got != test.want {
			t.Errorf("smoothed %v, least %v: %v, want %v", test.smoothed, test.least, got, test.want)
		}
	}
}

// TestWindowGrowsWithArrivals: a window grows although nothing is consumed, since
// what waits for a repair is not; and no further than the path makes necessary.
func TestWindowGrowsWithArrivals(t *testing.T) {
	const most = 256 << 20
	for _, test := range []struct {
		name        string
		rate        float64 // bytes per second
		rtt         time.Duration
		least, most uint64
	}{
		{"1 Gbit/s, 600 ms", 125e6, 600 * time.Millisecond, most, most},
		{"1 Gbit/s, 100 ms", 125e6, 100 * time.Millisecond, 4 * 12_500_000, 4 * 13_000_000},
		{"200 Mbit/s, 400 ms", 25e6, 400 * time.Millisecond, 64 << 20, 64 << 20}, // the first window, in proportion
		{"1 Gbit/s, 10 ms", 125e6, 10 * time.Millisecond, 32 << 20, 32 << 20},
		{"3 Gbit/s, 100 µs", 375e6, 100 * time.Microsecond, 32 << 20, 32 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newBulkCredit(32<<20, most)
			now := instant.Time(time.Second)
			const step = 500 * time.Microsecond
			for range 4 * test.rtt / step {
				now = now.Add(step)
				c.arrive(now, test.rtt, uint64(test.rate*step.Seconds()))
			}
			if c.window < test.least || c.window > test.most {
				t.Errorf("a window of %d, want %d to %d", c.window, test.least, test.most)
			}
			if c.limit != c.window || c.pending != (c.window > 32<<20) {
				t.Errorf("a limit of %d, to be announced: %v", c.limit, c.pending)
			}
			c.bound(1 << 20)
			for range 4 * test.rtt / step {
				now = now.Add(step)
				c.arrive(now, test.rtt, 1000)
				c.consume(now, test.rtt, 1000)
			}
			if c.window != 1<<20 {
				t.Errorf("a window of %d, bounded to 1 MiB", c.window)
			}
		})
	}
}

// TestFirstWindowOfALongPath: before any round trip is known nothing is changed;
// then the first window is that of the round trip.
func TestFirstWindowOfALongPath(t *testing.T) {
	c := newBulkCredit(32<<20, 256<<20)
	now := instant.Time(time.Second)
	c.arrive(now, 0, 1000)
	if c.window != 32<<20 || c.pending {
		t.Errorf("a window of %d before anything is known", c.window)
	}
	c.arrive(now, 600*time.Millisecond, 1000)
	if c.window != 96<<20 || c.limit != 96<<20 || !c.pending {
		t.Errorf("a window of %d, a limit of %d, want three times 32 MiB", c.window, c.limit)
	}
	// What a socket kept from a late receiver comes at once: it doubles the window.
	c = newBulkCredit(1<<20, 256<<20)
	c.arrive(now, 100*time.Millisecond, 1000)
	c.arrive(now.Add(25*time.Millisecond), 100*time.Millisecond, 8<<20)
	if c.window != 2<<20 {
		t.Errorf("a window of %d after a burst, want twice 1 MiB", c.window)
	}
}

func TestSendCredit(t *testing.T) {
	c := sendCredit{limit: 10, used: 4}
	if c.raise(10) || c.raise(3) || !c.raise(12) || c.left() != 8 {
		t.Errorf("%+v", c)
	}
	c.used = 20 // more than the limit: none is left, and nothing wraps
	if c.left() != 0 {
		t.Errorf("left %d", c.left())
	}
}

func TestFrameLogs(t *testing.T) {
	var l frameLogs
	if i := l.put(nil); i != 0 || l.get(0) != nil {
		t.Error("an empty list has a log")
	}
	l.release(0)
	frames := []sentFrame{{kind: sentPing}, {kind: sentStream, id: 7}}
	a := l.put(frames)
	frames[1].id = 8 // the log is a copy
	b := l.put(frames)
	if l.get(a)[1].id != 7 || l.get(b)[1].id != 8 {
		t.Error("logs are mixed up")
	}
	l.release(a)
	if c := l.put(frames[:1]); c != a || len(l.get(c)) != 1 {
		t.Errorf("the place of log %d was not used again but %d", a, c)
	}
	for range 10_000 {
		l.release(l.put(frames))
	}
	if len(l.logs) > 4 {
		t.Errorf("%d logs for three in use", len(l.logs))
	}
}

func TestIDSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s idSet
		members := map[uint16]bool{}
		id := rapid.OneOf(rapid.Uint16(), rapid.Uint16Range(0, 200), rapid.Uint16Range(65_400, 65_535))
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				v, member := id.Draw(t, "id"), rapid.Bool().Draw(t, "member")
				s.put(v, member)
				delete(members, v)
				if member {
					members[v] = true
				}
			},
			"": func(t *rapid.T) {
				var all []uint16
				s.all(func(v uint16) { all = append(all, v) })
				if len(all) != len(members) || s.empty() != (len(members) == 0) {
					t.Fatalf("%v, want %v", all, members)
				}
				for i, v := range all {
					if !members[v] || !s.has(v) || i > 0 && all[i-1] >= v {
						t.Fatalf("%v, want %v", all, members)
					}
				}
				if first, ok := s.first(); ok && first != all[0] {
					t.Fatalf("first is %d of %v", first, all)
				}
			},
		})
	})
}
