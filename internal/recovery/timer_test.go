package recovery

import (
	"testing"
	"time"
)

func TestFirstProbes(t *testing.T) {
	s := newScript(t, Config{})
	s.send(Initial, 1)
	for _, want := range []time.Duration{250 * ms, 500 * ms, time.Second, time.Second, time.Second} {
		s.wantDeadline(want)
		if in := s.expire(true); in != Initial {
			t.Errorf("probe in space %v, want initial", in)
		}
		s.send(Initial, 1)
	}
	if got := s.ProbeCount(); got != 5 {
		t.Errorf("%d probes, want 5", got)
	}
	s.advance(30 * ms)
	s.ack(Initial, 4, 5)
	if got := s.ProbeCount(); got != 0 {
		t.Errorf("%d probes after an acknowledgement, want 0", got)
	}
}

func TestFirstProbeOnAKnownPath(t *testing.T) {
	s := newScript(t, Config{RememberedRTT: 40 * ms})
	if got := s.SmoothedRTT(); got != 40*ms {
		t.Errorf("smoothed %v, want the remembered 40ms", got)
	}
	s.send(Initial, 1)
	s.wantDeadline(60 * ms)
	s.expire(true)
	s.send(Initial, 1)
	s.wantDeadline(120 * ms)
}

func TestProbeTimeout(t *testing.T) {
	tests := []struct {
		rtt  time.Duration
		in   Space
		want time.Duration // without deviation
	}{
		{160 * ms, Handshake, 161 * ms},
		{160 * ms, Application, 186 * ms},       // the peer announces 25 ms at most
		{80 * ms, Application, 101 * ms},        // twice an eighth
		{time.Millisecond, Application, 4 * ms}, // twice the least
	}
	for _, test := range tests {
		s := newScript(t, Config{})
		s.measured(test.rtt)
		got := s.PTO(test.in)
		if diff := (got - test.want).Abs(); diff > time.Microsecond {
			t.Errorf("round trip %v, space %v: timeout %v, want %v", test.rtt, test.in, got, test.want)
		}
	}
}

func TestProbeBackOff(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	timeout := s.PTO(Application)
	s.send(Application, 1)
	for range freeProbes + 1 {
		s.wantDeadline(timeout)
		s.expire(true)
		s.send(Application, 1)
	}
	for factor := 2; factor <= 4; factor *= 2 {
		s.wantDeadline(time.Duration(factor) * timeout)
		s.expire(true)
		s.send(Application, 1)
	}
	for range 10 {
		s.expire(true)
		s.send(Application, 1)
		if wait, most := s.Deadline().Sub(s.now), max(shortBackoff, 4*timeout); wait > most {
			t.Fatalf("back-off of %v, want at most %v", wait, most)
		}
	}
	s.advance(40 * ms)
	last := s.next[Application]
	s.ack(Application, last-1, last)
	s.send(Application, 1)
	if got := s.ProbeCount(); got != 0 {
		t.Errorf("%d probes after an acknowledgement, want 0", got)
	}
}

// On a path slower than the cap, the cap must not cause needless probes.
func TestBackOffIsNeverBelowTheTimeout(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(3 * time.Second)
	s.send(Application, 1)
	s.wantDeadline(s.PTO(Application))
	for range 6 {
		s.expire(true)
		s.wantDeadline(s.PTO(Application))
	}
}

// A caller that cannot send the probe must not be called again at once.
func TestTimeoutWithoutProbeDoesNotSpin(t *testing.T) {
	s := newScript(t, Config{})
	s.send(Initial, 1)
	for range 10 {
		before := s.now
		s.expire(true)
		if s.now.Sub(before) < 250*ms {
			t.Fatalf("the timer expired again after %v", s.now.Sub(before))
		}
	}
}

func TestApplicationSpaceIsNotProbedBeforeConfirmation(t *testing.T) {
	s := &script{TB: t, Recovery: New(Config{}), now: 1 << 40}
	s.send(Application, 1)
	s.wantNoDeadline()
	s.send(Handshake, 1)
	if in := s.expire(true); in != Handshake {
		t.Errorf("probe in space %v, want handshake", in)
	}
	s.advance(10 * ms)
	s.ack(Handshake, 0, 1)
	s.wantNoDeadline()
	s.SetHandshakeConfirmed()
	if in := s.expire(true); in != Application {
		t.Errorf("probe in space %v, want application", in)
	}
}

func TestClientProbesWithNothingInFlight(t *testing.T) {
	s := &script{TB: t, Recovery: New(Config{}), now: 1 << 40}
	s.SetHandshakePending(true)
	s.wantNoDeadline()
	s.send(Initial, 1)
	s.advance(20 * ms)
	s.ack(Initial, 0, 1)
	s.wantDeadline(s.PTO(Initial))
	if in := s.expire(true); in != Initial {
		t.Errorf("probe in space %v, want initial", in)
	}
	s.DiscardSpace(Initial)
	if in := s.expire(true); in != Handshake {
		t.Errorf("probe in space %v, want handshake", in)
	}
	s.SetHandshakePending(false)
	s.wantNoDeadline()
}
