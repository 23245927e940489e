package recovery

import "testing"

// A sample tells what came after packets that had been sent later.
func TestOvertaking(t *testing.T) {
	s := newScript(t, Config{})
	s.measured(40 * ms)
	s.send(Application, 10) // 60 to 69
	s.advance(20 * ms)
	s.send(Application, 2) // 70, 71
	s.advance(20 * ms)
	s.ack(Application, 63, 64, 69, 70)
	if got := s.fates.Sample; got.OvertakenBytes != 0 {
		t.Errorf("sample %+v of packets in order", got)
	}
	s.ack(Application, 62, 64, 69, 70)
	if got := s.fates.Sample; got.OvertakenBytes != 1000 {
		t.Errorf("sample %+v, want 1000 bytes overtaken", got)
	}
}
