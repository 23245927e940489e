package recovery

import (
	"testing"
	"time"
)

// TestRecentMinRTT: a path that has become longer is known as such some seconds later,
// one that has become shorter at once.
func TestRecentMinRTT(t *testing.T) {
	s := newScript(t, Config{MaxAckDelay: 25 * ms})
	number := uint64(0)
	exchange := func(rtt, length time.Duration) {
		for from := s.now; s.now.Sub(from) < length; number++ {
			s.send(Application, 1)
			s.advance(rtt)
			s.ack(Application, number, number+1)
		}
	}
	if got := s.RecentMinRTT(); got != 0 {
		t.Errorf("%v before the first sample", got)
	}
	for _, step := range []struct{ rtt, length, want time.Duration }{
		{10 * ms, time.Second, 10 * ms},
		{300 * ms, recentPeriod / 2, 10 * ms}, // perhaps it is only a machine that is busy
		{300 * ms, 2 * recentPeriod, 300 * ms},
		{10 * ms, 10 * ms, 10 * ms},
	} {
		exchange(step.rtt, step.length)
		if got := s.RecentMinRTT(); got != step.want {
			t.Errorf("%v after %v of %v, want %v", got, step.length, step.rtt, step.want)
		}
	}
	if got := s.MinRTT(); got != 10*ms {
		t.Errorf("the least of all is %v", got)
	}
	// What the peer says that it held back is no part of it.
	exchange(300*ms, 3*recentPeriod)
	for from := s.now; s.now.Sub(from) < 3*recentPeriod; number++ {
		s.send(Application, 1)
		s.advance(30 * ms)
		s.ackAfter(20*ms, Application, number, number+1)
	}
	if got := s.RecentMinRTT(); got != 10*ms {
		t.Errorf("%v where 20 of 30 ms were the peer's delay", got)
	}
}
