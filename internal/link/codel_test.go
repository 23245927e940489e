package link

import (
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

// codelConfig sends a datagram of 1000 bytes in a millisecond.
var codelConfig = Config{Rate: 8_000_000, CoDel: CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}}

// A reference is RFC 8289 §5.5 and §5.6 as written there, over a queue that is
// really kept: it takes datagrams out as the line becomes free.
type reference struct {
	config    CoDel
	send      time.Duration // for each datagram
	queue     []arrival
	free      instant.Time
	firstTime instant.Time
	dropNext  instant.Time
	dropping  bool
	count     int
	lastCount int
	sent      map[int]instant.Time
}

type arrival struct {
	number int
	at     instant.Time
}

// take is dodequeue. Its rule for the last packet looks at the datagrams behind.
func (r *reference) take(now instant.Time) (a arrival, found, drop bool) {
	if len(r.queue) == 0 {
		r.firstTime = 0
		return arrival{}, false, false
	}
	a, r.queue = r.queue[0], r.queue[1:]
	switch {
	case now.Sub(a.at) < r.config.Target || len(r.queue) <= 1:
		r.firstTime = 0
	case r.firstTime == 0:
		r.firstTime = now.Add(r.config.Interval)
	default:
		drop = !now.Before(r.firstTime)
	}
	return a, true, drop
}

func (r *reference) law(t instant.Time) instant.Time {
	q := codel{config: r.config, count: r.count}
	return q.controlLaw(t)
}

// dequeue is deque of §5.5.
func (r *reference) dequeue(now instant.Time) {
	a, found, drop := r.take(now)
	switch {
	case r.dropping:
		if !drop {
			r.dropping = false
		}
		for r.dropping && !now.Before(r.dropNext) {
			r.count++
			if a, found, drop = r.take(now); !drop {
				r.dropping = false
			} else {
				r.dropNext = r.law(r.dropNext)
			}
		}
	case drop:
		a, found, _ = r.take(now)
		r.dropping = true
		delta := r.count - r.lastCount
		r.count = 1
		if delta > 1 && now.Sub(r.dropNext) < 16*r.config.Interval {
			r.count = delta
		}
		r.dropNext = r.law(now)
		r.lastCount = r.count
	}
	if found {
		r.free = now.Add(r.send)
		r.sent[a.number] = r.free
	}
}

// run lets the line serve the queue until now.
func (r *reference) run(now instant.Time) {
	for len(r.queue) > 0 && !r.free.After(now) {
		r.dequeue(max(r.free, r.queue[0].at))
	}
}

// TestCoDelIsThatOfTheRFC drives the model, which decides at arrival, and the
// RFC's algorithm, which decides when it takes a datagram from its queue, with
// loads that build queues and let them drain. The two may differ where a queue
// begins and ends (see codel); while it stands they drop the same datagrams.
func TestCoDelIsThatOfTheRFC(t *testing.T) {
	s := newScript(t, codelConfig)
	r := &reference{config: codelConfig.CoDel, send: time.Millisecond, sent: map[int]instant.Time{}, free: s.now}
	sent := map[int]instant.Time{}
	number := 0
	load := func(n int, gap time.Duration) {
		for range n {
			r.run(s.now)
			r.queue = append(r.queue, arrival{number, s.now})
			if out := s.admit(1000); len(out) > 0 {
				sent[number] = out[0].At
			}
			number++
			s.advance(gap)
		}
	}
	for range 5 {
		load(60, 100*time.Microsecond)   // a burst that builds a queue
		load(3000, 999*time.Microsecond) // keeps it, and drops must drain it
		load(300, 1100*time.Microsecond)
	}
	r.run(instant.Never - 1)
	differ := 0
	for i := range number {
		if sent[i] != r.sent[i] {
			differ++
		}
	}
	drops := number - len(sent)
	if drops < 50 || drops != number-len(r.sent) || differ > number/100 {
		t.Errorf("%d of %d datagrams dropped, by the RFC %d; %d differ", drops, number, number-len(r.sent), differ)
	}
}

func TestCoDelDropsByItsControlLaw(t *testing.T) {
	// 20 ms of queue at once, then exactly the rate of the line: the queue
	// stands, until CoDel has dropped it down to its target.
	s := newScript(t, codelConfig)
	for range 20 {
		s.admit(1000)
	}
	begin := s.now
	var drops []time.Duration // the times at which datagrams would have been sent
	delay := 20 * time.Millisecond
	for range 1000 {
		s.advance(time.Millisecond)
		if out := s.admit(1000); len(out) == 0 {
			drops = append(drops, s.now.Add(delay-time.Millisecond).Sub(begin))
		} else {
			delay = out[0].At.Sub(s.now)
		}
	}
	// The delay exceeds 5 ms from the datagram that is taken at 6 ms (it is
	// the sixth of the burst, for the fifth waits 5 ms: at once), so the
	// first drop is 100 ms later; the next follow after 100/√1, /√2, /√3 ms.
	want := []time.Duration{
		105 * time.Millisecond, 205 * time.Millisecond, 276 * time.Millisecond, 334 * time.Millisecond, 384 * time.Millisecond,
	}
	if len(drops) < len(want) || !slices.Equal(drops[:len(want)], want) {
		t.Errorf("drops at %v, want %v first", drops, want)
	}
	if final := delay - time.Millisecond; final > 6*time.Millisecond || final < 3*time.Millisecond {
		t.Errorf("the queue delay ends at %v, want about the target of 5 ms", final)
	}
}

func TestCoDelMarksWhatCanBeMarked(t *testing.T) {
	c := codelConfig
	c.CoDel.ECN = true
	s := newScript(t, c)
	for range 50 {
		s.admit(1000)
	}
	marked := 0
	for range 2000 {
		s.advance(time.Millisecond)
		out := s.link.AdmitMarkable(s.now, 1000, nil)
		if len(out) != 1 {
			t.Fatal("a markable datagram was dropped")
		}
		if out[0].Marked {
			marked++
		}
	}
	c2 := s.link.Counters()
	if marked < 10 || c2.Marked != uint64(marked) || c2.QueueDrops != 0 {
		t.Errorf("%d marked, counters %+v", marked, c2)
	}
	for range 2000 {
		s.advance(time.Millisecond)
		if out := s.admit(1000); len(out) == 1 && out[0].Marked {
			t.Fatal("a datagram that cannot be marked was marked")
		}
	}
	if s.link.Counters().QueueDrops == 0 {
		t.Error("what cannot be marked was never dropped")
	}
}

func TestCoDelLeavesASlowLineAlone(t *testing.T) {
	// A datagram takes 12 ms, more than twice the target: two that take
	// turns are no standing queue.
	c := codelConfig
	c.Rate = 1_000_000
	s := newScript(t, c)
	for range 1000 {
		s.admit(1500)
		s.admit(1500)
		s.advance(24 * time.Millisecond)
	}
	if drops := s.link.Counters().QueueDrops; drops != 0 {
		t.Errorf("%d drops", drops)
	}
}

func TestCoDelQueueIsFinite(t *testing.T) {
	c := codelConfig
	for _, test := range []struct {
		bytes int
		want  uint64
	}{{0, 1001}, {50_000, 50}} {
		c.QueueBytes = test.bytes
		s := newScript(t, c)
		for range 5000 {
			s.admit(1000) // all at once
		}
		// Some of those that CoDel drops make room for others.
		if got := s.link.Counters().Delivered; got != test.want {
			t.Errorf("queue of %d bytes: %d delivered, want %d", test.bytes, got, test.want)
		}
	}
}
