package transfer

import (
	"testing"
	"time"

	"example.com/uft/transport"
)

// spent returns times in which one limit alone held, for a minute.
func spent(limit transport.Limit) transport.LimitTimes {
	for i := range (transport.LimitTimes{}) {
		var times transport.LimitTimes
		times[i] = time.Minute
		if shares := times.Shares(); len(shares) == 1 && shares[0].Limit == limit {
			return times
		}
	}
	panic("there is no limit " + limit)
}

// TestLimitOf: what the clocks say is judged with the counters of the sender.
func TestLimitOf(t *testing.T) {
	for _, test := range []struct {
		name     string
		times    transport.Limit
		loss     float64
		lost     uint64
		drops    uint64
		sending  bool
		want     transport.Limit
		wantPath int64
	}{
		{"the path", transport.LimitPath, 0.05, 50, 0, true, transport.LimitPath, 8000},
		{"a lossy path", transport.LimitPath, 0.1, 100, 49, true, LimitLoss, 8000},
		{"a rate above that of the path", transport.LimitRate, 0.5, 500, 0, true, LimitLoss, 8000},
		{"the rate asked for", transport.LimitRate, 0.01, 10, 0, true, transport.LimitRate, 8000},
		{"a receiver that is behind", transport.LimitPath, 0.2, 200, 150, true, LimitPeerProcessor, 8000},
		{"loss that is not what limits", transport.LimitSource, 0.2, 200, 150, true, transport.LimitSource, 8000},
		{"a receiver", transport.LimitPeer, 0, 0, 0, false, transport.LimitPeer, 0},
		{"a receiver with a slow disk", transport.LimitOwnDisk, 0, 0, 0, false, transport.LimitOwnDisk, 0},
		{"too short", "start_up", 0.5, 3, 3, true, transport.LimitShort, 8000},
	} {
		before := transport.Stats{PacketsLost: 7, PeerSocketDrops: 9, Limits: spent(transport.LimitProcessor)}
		now := transport.Stats{PacketsLost: 7 + test.lost, PeerSocketDrops: 9 + test.drops, Bandwidth: 1000, Limits: before.Limits}
		for i, d := range spent(test.times) {
			now.Limits[i] += d
		}
		l := limitOf(before, now, test.loss, test.sending)
		if l.By != test.want || l.Path != test.wantPath || l.Share != 1 || len(l.Shares) != 1 {
			t.Errorf("%s: %+v, want %s", test.name, l, test.want)
		}
	}
	if l := limitOf(transport.Stats{}, transport.Stats{}, 0, true); l.By != transport.LimitShort || l.Share != 0 || l.Shares != nil {
		t.Errorf("nothing happened: %+v", l)
	}
}
