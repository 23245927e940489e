package recovery

import "testing"

// TestResetPath: of another path nothing is known, and packets that left on the
// one before tell nothing of it.
func TestResetPath(t *testing.T) {
	s := newScript(t, Config{RememberedRTT: 3 * ms})
	s.send(Application, 2)
	s.advance(10 * ms)
	s.ack(Application, 0, 1)
	s.reorder.extra = 5 * ms
	s.ResetPath(s.now.Add(1))
	if s.MinRTT() != 0 || s.RTTVar() != 0 || s.SmoothedRTT() != 100*ms || s.reorder != (reordering{}) {
		t.Errorf("after the move: minimum %v, smoothed %v, %+v", s.MinRTT(), s.SmoothedRTT(), s.reorder)
	}
	if got := s.PTO(Application); got != firstProbe {
		t.Errorf("the probe timeout is %v", got)
	}
	s.advance(ms)
	s.send(Application, 1)
	s.advance(200 * ms)
	s.ack(Application, 1, 2) // left before
	if sample := s.fates.Sample; s.MinRTT() != 0 || sample.RTT != 0 || sample.DeliveryRate != 0 {
		t.Errorf("a packet of the old path gave a sample: %+v", sample)
	}
	s.ack(Application, 2, 3)
	if s.MinRTT() != 200*ms || s.SmoothedRTT() != 200*ms {
		t.Errorf("first sample of the new path: minimum %v, smoothed %v", s.MinRTT(), s.SmoothedRTT())
	}
}
