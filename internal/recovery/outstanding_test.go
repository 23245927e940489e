package recovery

import (
	"testing"
	"time"
)

// TestOvertaken counts packets that are missing before they are found to be lost.
func TestOvertaken(t *testing.T) {
	s := newScript(t, Config{})
	want := func(n int) {
		t.Helper()
		if got := s.Overtaken(Application); got != n {
			t.Errorf("%d packets are overtaken, want %d", got, n)
		}
	}
	s.sendEvery(Application, 10, ms)
	want(0)
	s.advance(100 * ms)
	s.ack(Application, 0, 2, 5, 6)
	want(3)
	s.ack(Application, 0, 6)
	want(0)
	s.ack(Application, 0, 6, 9, 10)
	want(3)
	s.advance(time.Second)
	s.send(Application, 1)
	s.advance(100 * ms)
	s.ack(Application, 10, 11)
	want(0) // lost by now
}
