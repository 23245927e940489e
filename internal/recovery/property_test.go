package recovery

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"pgregory.net/rapid"
)

// fate is what the model knows of one packet.
type fate struct {
	size        int // gross; 0 if not in flight
	acked, lost bool
	spurious    bool
}

// A machine sends, acknowledges and waits at random, and keeps the books in
// the simplest way.
type machine struct {
	*rapid.T
	recovery *Recovery
	now      instant.Time
	next     [spaces]uint64
	packets  [spaces]map[uint64]*fate
	fates    Fates
}

func TestEveryPacketHasOneFate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{T: rt, recovery: New(Config{Overhead: 28}), now: instant.Time(time.Hour)}
		for i := range m.packets {
			m.packets[i] = make(map[uint64]*fate)
		}
		m.recovery.SetHandshakeConfirmed()
		rt.Repeat(map[string]func(*rapid.T){
			"send":    m.send,
			"ack":     m.ack,
			"wait":    m.wait,
			"timeout": m.timeout,
			"requeue": m.requeue,
			"":        m.check,
		})
	})
}

func (m *machine) space(t *rapid.T) Space {
	return rapid.SampledFrom([]Space{Initial, Application, Application}).Draw(t, "space")
}

func (m *machine) send(t *rapid.T) {
	in := m.space(t)
	if rapid.IntRange(0, 9).Draw(t, "skip") == 0 {
		m.next[in] += uint64(rapid.IntRange(1, 3).Draw(t, "by"))
	}
	for range rapid.IntRange(1, 100).Draw(t, "train") {
		p := Packet{Number: m.next[in], SentAt: m.now, Size: rapid.IntRange(20, 1200).Draw(t, "size")}
		p.InFlight = rapid.IntRange(0, 9).Draw(t, "in flight") > 0
		p.AckEliciting = p.InFlight
		m.next[in]++
		f := new(fate)
		if p.InFlight {
			f.size = p.Size + 28
		}
		m.packets[in][p.Number] = f
		m.recovery.OnSent(in, &p, false)
	}
}

// ack acknowledges runs of packets that were really sent.
func (m *machine) ack(t *rapid.T) {
	in := m.space(t)
	if m.next[in] == 0 {
		return
	}
	var set ranges.Set
	for range rapid.IntRange(1, 8).Draw(t, "ranges") {
		from := rapid.Uint64Range(0, m.next[in]-1).Draw(t, "from")
		if rapid.Bool().Draw(t, "recent") {
			from = max(from, m.next[in]-min(m.next[in], 30))
		}
		for n := range rapid.Uint64Range(1, 60).Draw(t, "length") {
			if m.packets[in][from+n] != nil {
				set.Add(from+n, from+n+1)
			}
		}
	}
	largest, ok := set.Max()
	if !ok {
		return
	}
	if err := m.recovery.OnAck(m.now, in, &Ack{Largest: largest, Ranges: set}, &m.fates); err != nil {
		t.Fatalf("acknowledging %v: %v", set, err)
	}
	m.book(t, in)
	for _, r := range set {
		for n := r.Start; n < r.End; n++ {
			if f := m.packets[in][n]; !f.acked && !f.lost {
				t.Fatalf("number %d was acknowledged and has no fate", n)
			}
		}
	}
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 50_000).Draw(t, "us")) * time.Microsecond)
}

func (m *machine) timeout(t *rapid.T) {
	at := m.recovery.Deadline()
	if at == instant.Never {
		return
	}
	m.now = max(m.now, at)
	probe, _ := m.recovery.OnTimeout(m.now, &m.fates)
	if !probe && len(m.fates.Lost) == 0 && !m.recovery.Deadline().After(m.now) {
		t.Fatal("a timeout that was due did nothing and is due again")
	}
	m.bookLost(t)
}

func (m *machine) requeue(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "rarely") > 0 {
		return
	}
	in := m.space(t)
	m.recovery.RequeueAll(m.now, in, &m.fates)
	m.book(t, in)
	if got := m.recovery.Outstanding(in); got != 0 {
		t.Fatalf("%d packets outstanding after all were queued again", got)
	}
}

// book enters the fates of packets of one space.
func (m *machine) book(t *rapid.T, in Space) {
	bytes := 0
	for _, p := range packetsOf(m.fates.Acked) {
		f := m.packets[in][p.Number]
		if f.acked || f.lost {
			t.Fatalf("number %d acknowledged after its fate was known", p.Number)
		}
		f.acked = true
		bytes += f.size
	}
	for _, p := range m.fates.Lost {
		f := m.packets[in][p.Number]
		if f.acked || f.lost {
			t.Fatalf("number %d lost after its fate was known", p.Number)
		}
		f.lost = true
	}
	for _, p := range m.fates.Spurious {
		f := m.packets[in][p.Number]
		if !f.lost || f.spurious {
			t.Fatalf("number %d spurious without having been lost, or twice", p.Number)
		}
		f.spurious = true
		bytes += f.size
	}
	if got := m.fates.Sample.AckedBytes; got != bytes {
		t.Fatalf("sample of %d bytes, packets of %d", got, bytes)
	}
}

// bookLost enters losses found by a timer, in whichever space they are. The
// number alone does not tell, so the space with an open fate is taken.
func (m *machine) bookLost(t *rapid.T) {
	for _, p := range m.fates.Lost {
		found := false
		for in := range m.packets {
			f := m.packets[in][p.Number]
			if f == nil || f.acked || f.lost || m.recovery.isOutstanding(Space(in), p.Number) {
				continue
			}
			f.lost, found = true, true
			break
		}
		if !found {
			t.Fatalf("number %d lost after its fate was known", p.Number)
		}
	}
}

// isOutstanding looks a packet up the slow way.
func (r *Recovery) isOutstanding(in Space, number uint64) (found bool) {
	r.ForEachOutstanding(in, func(p Packet) bool {
		found = p.Number == number
		return !found
	})
	return found
}

func (m *machine) check(t *rapid.T) {
	inflight := 0
	for in := range m.packets {
		eliciting, silent := 0, 0
		for _, f := range m.packets[in] {
			if !f.acked && !f.lost {
				inflight += f.size
				if f.size > 0 {
					eliciting++
				} else {
					silent++
				}
			}
		}
		if got := m.recovery.Outstanding(Space(in)); got != eliciting {
			t.Fatalf("%d packets outstanding in space %v, want %d", got, Space(in), eliciting)
		}
		if got := m.recovery.Silent(Space(in)); got != silent {
			t.Fatalf("%d silent packets outstanding in space %v, want %d", got, Space(in), silent)
		}
	}
	if got := m.recovery.Inflight(); got != inflight {
		t.Fatalf("%d bytes in flight, want %d", got, inflight)
	}
	if inflight > 0 && m.recovery.Deadline() == instant.Never {
		t.Fatal("bytes in flight and no timer")
	}
}

// A steady flow, with losses, allocates nothing.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	s := newScript(t, Config{})
	v := NewReceived(10 * ms)
	var ack Ack
	train := func() {
		s.send(Application, 40)
		s.advance(ms)
		if s.next[Application] < 400 {
			return
		}
		for n := s.next[Application] - 400; n < s.next[Application]-360; n++ {
			if n%17 != 0 {
				v.OnPacket(s.now, n, true, 1064, false)
			}
		}
		ack.Largest, ack.Delay, ack.Ranges = v.Frame(s.now)
		if err := s.OnAck(s.now, Application, &ack, &s.fates); err != nil {
			t.Fatal(err)
		}
		v.OnAckSent(s.now)
		v.OnAckOfAck(ack.Largest)
		if s.Deadline() <= s.now {
			s.OnTimeout(s.now, &s.fates)
		}
	}
	for range 500 {
		train()
	}
	if got := testing.AllocsPerRun(500, train); got != 0 {
		t.Errorf("%.1f allocations in a train of 40 packets, want none", got)
	}
}

// One packet whose fate stays open must not make every acknowledgement walk
// over all that came after it: the work is counted here, not timed.
func TestRepeatedHistoryIsCheap(t *testing.T) {
	s := newScript(t, Config{})
	s.SetReliable(true) // number 0 is never declared lost
	const total, step = 100_000, 10
	s.send(Application, 1)
	steps := 0
	for n := uint64(1); n < total; n += step {
		s.send(Application, step)
		steps += walk(s.history(), 1, n)
		s.ack(Application, 1, n+step)
	}
	if limit := total / step * 2; steps > limit {
		t.Errorf("%d steps over repeated history in %d acknowledgements, want at most %d", steps, total/step, limit)
	}
	if got := s.Outstanding(Application); got != 1 {
		t.Errorf("%d packets outstanding, want the first", got)
	}
}

// walk counts the records visited in passing over the acknowledged [from, to).
func walk(h *history, from, to uint64) (steps int) {
	for from < to && h.at(from).state == acked {
		from = h.after(from)
		steps++
	}
	return steps
}
