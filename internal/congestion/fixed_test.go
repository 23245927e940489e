package congestion_test

import (
	"testing"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

func TestFixedTakesNoNoticeOfLoss(t *testing.T) {
	c := congestion.NewFixed(8e6, 1092, 0)
	now := instant.Time(1)
	c.OnAck(now, congestion.AckSample{LostBytes: 1 << 20, RTT: time.Second, MinRTT: time.Millisecond, CE: 1000})
	c.OnPersistentTimeout(now)
	if got := c.PacingRate(); got != 1e6 {
		t.Errorf("pacing rate %d, want 1000000", got)
	}
	if got := c.State(); got.Name != "fixed" || got.MinRTT != time.Millisecond {
		t.Errorf("state %+v, want name fixed and the minimum round trip", got)
	}
}

// TestFixedWindow: three round trips or 250 ms of the rate, at least 64
// datagrams.
func TestFixedWindow(t *testing.T) {
	for _, test := range []struct {
		bits int64
		rtt  time.Duration
		want int
	}{
		{8e6, 0, 250_000},
		{8e6, 80 * time.Millisecond, 250_000},
		{8e6, 600 * time.Millisecond, 1_800_000},
		{8_000, 600 * time.Millisecond, 64 * 1092},
		{100e9, time.Second, 37_500_000_000},
	} {
		c := congestion.NewFixed(test.bits, 1092, test.rtt)
		if got := c.Window(); got != test.want {
			t.Errorf("%d bit/s, %v: window %d, want %d", test.bits, test.rtt, got, test.want)
		}
		c.OnAck(instant.Time(1), congestion.AckSample{SmoothedRTT: 500 * time.Millisecond})
		if got, want := c.Window(), max(int(test.bits/8*3/2), 64*1092); got != want {
			t.Errorf("%d bit/s, after a sample of 500 ms: window %d, want %d", test.bits, got, want)
		}
	}
}
