package congestion_test

import (
	"math"
	"testing"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

func TestFixedTakesNoNoticeOfLoss(t *testing.T) {
	c := congestion.NewFixed(8e6)
	now := instant.Time(1)
	c.OnAck(now, congestion.AckSample{LostBytes: 1 << 20, RTT: time.Second, MinRTT: time.Millisecond, CE: 1000})
	c.OnPersistentTimeout(now)
	if got := c.PacingRate(); got != 1e6 {
		t.Errorf("pacing rate %d, want 1000000", got)
	}
	if got := c.Window(); got != math.MaxInt {
		t.Errorf("window %d, want none", got)
	}
	if got := c.State(); got.Name != "fixed" || got.MinRTT != time.Millisecond {
		t.Errorf("state %+v, want name fixed and the minimum round trip", got)
	}
}
