package sim

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
)

// TestCarry sends somebody else's traffic: it takes its turn in the queue and
// is told of.
func TestCarry(t *testing.T) {
	up := link.Config{Rate: 8_000_000, Delay: 10 * time.Millisecond, QueueBytes: 2000, HeaderBytes: 28}
	n := New(Config{Up: up})
	var told []int
	n.Carried = func(_ Direction, _ instant.Time, size int) { told = append(told, size) }
	var at []time.Duration
	for range 3 { // of a millisecond each; the third finds no room
		n.Carry(Up, 972, func() { at = append(at, n.Elapsed()) })
	}
	if err := n.Sleep(time.Second); err != nil {
		t.Fatal(err)
	}
	if len(at) != 2 || at[0] != 11*time.Millisecond || at[1] != 12*time.Millisecond {
		t.Errorf("arrived at %v", at)
	}
	if c := n.Link(Up); c.In != 3 || c.QueueDrops != 1 || len(told) != 3 || told[0] != 972 {
		t.Errorf("%+v, told of %v", c, told)
	}
}

// TestExtraDelay has two clients at different distances.
func TestExtraDelay(t *testing.T) {
	near := link.Config{Delay: 5 * time.Millisecond}
	n := New(Config{Up: near, Down: near})
	var rtts [2]time.Duration
	for i, extra := range []time.Duration{0, 40 * time.Millisecond} {
		p, err := n.Dial(DialOptions{ExtraDelay: extra})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Run(time.Second, func() bool { return p.Token != nil }); err != nil {
			t.Fatal(err)
		}
		rtts[i] = p.Conn.Stats().MinRTT
	}
	if rtts[0] != 10*time.Millisecond || rtts[1] != 90*time.Millisecond {
		t.Errorf("round trips of %v", rtts)
	}
}

// TestSteps has the network change while a connection stands.
func TestSteps(t *testing.T) {
	c := link.Config{Delay: 5 * time.Millisecond}
	steps := link.Scenario{Steps: []link.Step{{At: time.Second, Change: "delay=50ms"}}}
	n := New(Config{Up: c, Down: c, UpSteps: steps, DownSteps: steps})
	arrives := func() time.Duration {
		from, took := n.Now(), time.Duration(0)
		n.Carry(Down, 100, func() { took = n.Now().Sub(from) })
		if err := n.Sleep(100 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		return took
	}
	before := arrives()
	if err := n.Sleep(time.Second); err != nil {
		t.Fatal(err)
	}
	if after := arrives(); before != 5*time.Millisecond || after != 50*time.Millisecond {
		t.Errorf("%v before the step, %v after it", before, after)
	}
}

// TestNoTranscript leaves out the digest and nothing else.
func TestNoTranscript(t *testing.T) {
	run := func(without bool) (string, link.Counters) {
		c := link.Config{Delay: 5 * time.Millisecond, Loss: 0.05, Duplicate: 0.05, Corrupt: 0.05}
		n := New(Config{Seed: 3, Up: c, Down: c, NoTranscript: without})
		p, err := n.Dial(DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.SendFile(1 << 20); err != nil {
			t.Fatal(err)
		}
		if err := n.Run(time.Minute, p.Delivered); err != nil {
			t.Fatal(err)
		}
		return n.Transcript(), n.Link(Up)
	}
	with, counted := run(false)
	without, same := run(true)
	if with == without || counted != same {
		t.Errorf("transcripts %s and %s; %+v and %+v", with, without, counted, same)
	}
}

// TestBystandersChangeNothing has things happen that are no business of a
// connection: it sends the same datagrams at the same times.
func TestBystandersChangeNothing(t *testing.T) {
	play := func(every time.Duration) string {
		c := link.Config{Rate: 20_000_000, Delay: 10 * time.Millisecond, Loss: 0.02, HeaderBytes: 28}
		n := New(Config{Seed: 1, Up: c, Down: c})
		var again func()
		again = func() { n.Beside(n.Now().Add(every), again) }
		again()
		p, err := n.Dial(DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.SendFile(1 << 20); err != nil {
			t.Fatal(err)
		}
		if err := n.Run(10*time.Second, p.Delivered); err != nil {
			t.Fatal(err)
		}
		return n.Transcript()
	}
	if alone, beside := play(time.Hour), play(37*time.Microsecond); alone != beside {
		t.Errorf("transcript %s alone, %s where something else goes on", alone, beside)
	}
}
