package link

import (
	"strings"
	"testing"
	"time"
)

func mustTrace(t *testing.T, text string) *Trace {
	t.Helper()
	trace, err := ParseTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func TestTraceSaysWhenToSend(t *testing.T) {
	s := newScript(t, Config{Trace: mustTrace(t, "0\n2\n2\n5\n10\n")})
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	s.wantAfter(1500, ms(0))
	s.wantAfter(1000, ms(2)) // 500 bytes of this opportunity are left,
	s.wantAfter(500, ms(2))  // and used,
	s.wantAfter(1, ms(2))    // and this one is the second of that millisecond
	s.wantAfter(1500, ms(5)) // begins there, and ends in the next
	s.advance(ms(6))         // the rest of the one at 5 ms is lost
	s.wantAfter(1500, ms(4))
	s.wantAfter(1500, ms(4)) // the repetition begins at 10 ms
	s.wantAfter(3000, ms(6))
	s.advance(ms(1000)) // 100 rounds on, at 6 ms of one
	s.wantAfter(100, ms(4))
}

func TestTraceCountsFromTheStart(t *testing.T) {
	s := newScript(t, Config{Trace: mustTrace(t, "7\n10\n")})
	s.link.Start(s.now)
	s.advance(3 * time.Millisecond)
	s.wantAfter(100, 4*time.Millisecond)
}

func TestTraceHasADropTailQueue(t *testing.T) {
	trace := mustTrace(t, "10\n20\n20\n")
	s := newScript(t, Config{Trace: trace, QueueBytes: 4000})
	s.wantAfter(1500, 10*time.Millisecond)
	s.wantAfter(1500, 20*time.Millisecond)
	s.wantNone(1001)
	s.wantAfter(1000, 20*time.Millisecond)
	s.wantNone(1)
	s.advance(10 * time.Millisecond)       // the first has left
	s.wantAfter(1500, 20*time.Millisecond) // 500 bytes of it leave after 10 ms
	s.wantNone(1)

	s = newScript(t, Config{Trace: trace, QueueDelay: 15 * time.Millisecond})
	s.wantAfter(1500, 10*time.Millisecond)
	s.wantAfter(1500, 20*time.Millisecond)
	s.wantNone(1)
	s.advance(5 * time.Millisecond)
	s.wantAfter(1500, 15*time.Millisecond)

	s = newScript(t, Config{Trace: trace})
	for range 1000 {
		s.admit(1024)
	}
	if got := s.link.Counters().Delivered; got != 256 {
		t.Errorf("a queue of 256 KiB took %d datagrams of 1024 bytes", got)
	}
}

// TestTraceServesEveryOpportunityOnce floods a link and counts the bytes that
// leave: they are those of the opportunities, in every round.
func TestTraceServesEveryOpportunityOnce(t *testing.T) {
	trace := mustTrace(t, "# comment\n0\n1\n\n3\n3\n3\n 8 \n20\n")
	if got := trace.Rate(); got != 7*1500*8*1000/20 {
		t.Errorf("mean rate %d", got)
	}
	s := newScript(t, Config{Trace: trace, QueueBytes: 100_000, HeaderBytes: 28})
	s.link.Start(s.now)
	begin := s.now
	const rounds = 50
	bytes := 0
	for range rounds * 20 {
		for range 5 {
			for _, d := range s.admit(972) {
				if d.At.Sub(begin) < rounds*20*time.Millisecond {
					bytes += 1000
				}
			}
		}
		s.advance(time.Millisecond)
	}
	// The last opportunity of the last round is at the end and not counted.
	want := (rounds*7 - 1) * 1500
	if bytes > want || bytes < want-1000 {
		t.Errorf("%d bytes left, want %d, or up to one datagram less", bytes, want)
	}
}

func TestTraceWithCoDel(t *testing.T) {
	trace := mustTrace(t, "1\n")
	s := newScript(t, Config{Trace: trace, CoDel: CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}})
	for range 40 {
		s.admit(1500)
	}
	delay := time.Duration(0)
	for range 3000 {
		s.advance(time.Millisecond)
		if out := s.admit(1500); len(out) > 0 {
			delay = out[0].At.Sub(s.now)
		}
	}
	if delay > 7*time.Millisecond {
		t.Errorf("the queue delay ends at %v, want about the target of 5 ms", delay)
	}
}

func TestParseTraceRefuses(t *testing.T) {
	for _, test := range []struct{ text, explains string }{
		{"", "no time above 0"},
		{"0\n0\n", "no time above 0"},
		{"1\nx\n", `line 2: "x" is not a number`},
		{"-1\n", "line 1"},
		{"1.5\n", "line 1"},
		{"5\n\n4\n", "line 3: 4 ms is before the 5 ms"},
		{"99999999999999\n", "line 1"},
		{"1\n" + strings.Repeat("1", 200) + "\n", "line 2: "},
	} {
		_, err := ParseTrace(strings.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.explains) {
			t.Errorf("%.20q: %v, want %q", test.text, err, test.explains)
		}
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add("0\n2\n2\n5\n10\n")
	f.Add("1\n")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := ParseTrace(strings.NewReader(text))
		if err != nil {
			return
		}
		s := newScript(t, Config{Trace: trace})
		last := s.now
		for range 50 {
			for _, d := range s.admit(700) {
				if d.At.Before(last) || d.At.Before(s.now) {
					t.Fatalf("delivery at %v after one at %v", d.At, last)
				}
				last = d.At
			}
			s.advance(time.Millisecond)
		}
	})
}
