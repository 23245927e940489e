package link

import (
	"testing"
	"time"
)

func TestRateIsExactOverALongBacklog(t *testing.T) {
	for _, rate := range []int64{3, 8_000, 9_999_991, 1_000_000_007, 30_000_000_000} {
		const n, size, header = 10_000, 1064, 28
		s := newScript(t, Config{Rate: rate, QueueBytes: 1 << 30, HeaderBytes: header})
		sent := int64(0)
		for range n {
			sent += (size + header) * 8
			// Whole seconds first: the product would not fit an int64.
			want := time.Duration(sent/rate)*time.Second + time.Duration(sent%rate*int64(time.Second)/rate)
			s.wantAfter(size, want)
		}
	}
}

func TestRateOfSteadySender(t *testing.T) {
	// 1000 bytes at 8 Mbit/s take one millisecond: a sender of that rate
	// finds the bottleneck free each time, a gap does not earn credit.
	s := newScript(t, Config{Rate: 8_000_000, Delay: 10 * time.Millisecond})
	for range 100 {
		s.wantAfter(1000, 11*time.Millisecond)
		s.advance(time.Millisecond)
	}
	s.advance(time.Minute)
	s.wantAfter(1000, 11*time.Millisecond)
	s.wantAfter(1000, 12*time.Millisecond)
}

func TestQueueOfBytes(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000, QueueBytes: 3000})
	s.wantAfter(1000, 1*time.Millisecond)
	s.wantAfter(1000, 2*time.Millisecond)
	s.wantAfter(1000, 3*time.Millisecond)
	s.wantNone(1)
	s.advance(time.Millisecond / 2) // half of the first has left
	s.wantNone(501)
	s.wantAfter(500, 3*time.Millisecond)
	s.wantNone(1)
	if drops := s.link.Counters().QueueDrops; drops != 3 {
		t.Errorf("%d drops counted, want 3", drops)
	}
}

func TestQueueOfTime(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000, QueueDelay: 2 * time.Millisecond})
	s.wantAfter(1000, 1*time.Millisecond)
	s.wantAfter(1000, 2*time.Millisecond)
	s.wantAfter(1000, 3*time.Millisecond) // waits 2 ms, which is allowed
	s.wantNone(1)
	s.advance(time.Millisecond)
	s.wantAfter(1000, 3*time.Millisecond)
}

func TestQueueCountsHeaders(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000, QueueBytes: 2000, HeaderBytes: 28})
	s.wantAfter(972, 1*time.Millisecond)
	s.wantNone(973)
	s.wantAfter(972, 2*time.Millisecond)
}

func TestIdleBottleneckTakesAnySize(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000, QueueBytes: 10})
	s.wantAfter(1000, time.Millisecond)
	s.wantNone(1)
	s.advance(time.Millisecond)
	s.wantAfter(1000, time.Millisecond)
}

func TestDefaultQueue(t *testing.T) {
	for _, test := range []struct {
		rate     int64
		accepted int // datagrams of 1000 bytes at once
	}{
		{8_000_000, 101}, // 1 ms each: one being sent, 100 ms of waiting
		{8_000, 25},      // 1 s each: 24 s of waiting are the 24 000 bytes
	} {
		s := newScript(t, Config{Rate: test.rate})
		for range 200 {
			s.admit(1000)
		}
		if got := s.link.Counters().Delivered; got != uint64(test.accepted) {
			t.Errorf("rate %d: %d of 200 datagrams accepted, want %d", test.rate, got, test.accepted)
		}
	}
}

func TestLossUsesTheRateAndBlackoutDoesNot(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000, Loss: 1})
	for range 200 {
		s.wantNone(1000)
	}
	if c := s.link.Counters(); c.Lost != 101 || c.QueueDrops != 99 {
		t.Errorf("counters %+v, want 101 lost after the bottleneck and 99 dropped at it", c)
	}
	s = newScript(t, Config{Rate: 8_000_000, Blackouts: []Blackout{{Length: time.Millisecond}}})
	for range 200 {
		s.wantNone(1000)
	}
	s.advance(time.Millisecond)
	s.wantAfter(1000, time.Millisecond)
}
