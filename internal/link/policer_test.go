package link

import (
	"testing"
	"time"
)

func TestPolicerPassesItsBurstAndThenItsRate(t *testing.T) {
	// 8 Mbit/s are 1000 bytes in a millisecond.
	s := newScript(t, Config{Police: 8_000_000, PoliceBurst: 3000})
	for range 3 {
		s.wantAfter(1000, 0) // nothing is delayed
	}
	s.wantNone(1)
	s.advance(time.Millisecond / 2)
	s.wantNone(501)
	s.wantAfter(500, 0)
	s.wantNone(1)
	s.advance(time.Hour) // the bucket holds its burst, not more
	for range 3 {
		s.wantAfter(1000, 0)
	}
	s.wantNone(1)
	if c := s.link.Counters(); c.Policed != 4 || c.QueueDrops != 0 {
		t.Errorf("counters %+v, want 4 policed", c)
	}
}

func TestPolicerRateIsExact(t *testing.T) {
	for _, rate := range []int64{8_000, 9_999_991, 1_000_000_007} {
		s := newScript(t, Config{Police: rate, PoliceBurst: 10_000, HeaderBytes: 28})
		const n = 100_000
		step := sendingTime(100, rate) / 3 // three times more than passes
		for range n {
			s.admit(72)
			s.advance(step)
		}
		// The last datagram came after n-1 steps.
		bits := float64((n-1)*step)*float64(rate)/1e9 + 8*10_000
		passed := float64(s.link.Counters().Delivered * 100 * 8)
		if passed > bits || passed < bits-800 {
			t.Errorf("rate %d: %.0f bits passed, want %.0f, or up to one datagram less", rate, passed, bits)
		}
	}
}

func TestPolicerStandsBeforeTheQueue(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000, Police: 16_000_000, PoliceBurst: 2000})
	s.wantAfter(1000, time.Millisecond)
	s.wantAfter(1000, 2*time.Millisecond)
	s.wantNone(1000)
	s.advance(time.Millisecond / 2)
	s.wantAfter(1000, 2500*time.Microsecond)
}

func TestDefaultBurstOfPolicer(t *testing.T) {
	for _, test := range []struct {
		rate   int64
		passed uint64 // datagrams of 1000 bytes at once
	}{
		{8_000_000, 100}, // 100 ms
		{8_000, 24},      // 24 000 bytes
	} {
		s := newScript(t, Config{Police: test.rate})
		for range 200 {
			s.admit(1000)
		}
		if got := s.link.Counters().Delivered; got != test.passed {
			t.Errorf("rate %d: %d of 200 datagrams passed, want %d", test.rate, got, test.passed)
		}
	}
}
