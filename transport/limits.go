package transport

import (
	"cmp"
	"slices"
	"time"

	"example.com/uft/internal/core"
)

// A Limit is what keeps a transfer from going faster.
type Limit string

// The limits of a side that sends, then those of one that receives.
const (
	LimitPath       Limit = "path"        // what the path delivers
	LimitRate       Limit = "rate"        // Config.FixedRate
	LimitPeerMemory Limit = "peer_memory" // the receiver has room for no more, though it takes what arrives
	LimitPeerDisk   Limit = "peer_disk"   // the receiver's application does not take what arrives
	LimitSource     Limit = "source"      // the application has not handed over what comes next
	LimitProcessor  Limit = "processor"   // this program has no time to send or take more

	LimitOwnMemory Limit = "memory" // this side has room for no more, though the application takes what arrives
	LimitOwnDisk   Limit = "disk"   // the application does not take what arrives
	LimitPeer      Limit = "peer"   // the path, or the sender: from here they look alike

	LimitShort Limit = "short" // round trips took most of the time: there was too little to send
)

// LimitTimes is how long each limit was the one that counted, on one
// connection.
type LimitTimes core.LimitTimes

// Since returns what was added after an earlier snapshot.
func (t LimitTimes) Since(before LimitTimes) LimitTimes {
	for i := range t {
		t[i] -= before[i]
	}
	return t
}

// Sending returns what held up a side that sends for the longest time, and its
// share of the time in which anything did, 0 to 1. Round trips count together:
// where start-up and the wait for the last acknowledgements took longer than
// anything else it is LimitShort.
func (t LimitTimes) Sending() (Limit, float64) {
	limit, share := core.LimitTimes(t).Sending()
	return Limit(limit.String()), share
}

// Receiving is Sending for a side that receives.
func (t LimitTimes) Receiving() (Limit, float64) {
	limit, share := core.LimitTimes(t).Receiving()
	return Limit(limit.String()), share
}

// Shares returns, of each limit that counted, its share of the time in which
// anything did, 0 to 1, the largest first. The names are those of Limit, and
// "start_up" and "tail" for the round trips of LimitShort.
func (t LimitTimes) Shares() []LimitShare {
	all := time.Duration(0)
	for l, spent := range t {
		if core.Limit(l) != core.LimitNothing {
			all += spent
		}
	}
	var shares []LimitShare
	for l, spent := range t {
		if core.Limit(l) != core.LimitNothing && spent > 0 {
			shares = append(shares, LimitShare{Limit(core.Limit(l).String()), float64(spent) / float64(all)})
		}
	}
	slices.SortStableFunc(shares, func(a, b LimitShare) int { return cmp.Compare(b.Share, a.Share) })
	return shares
}

// A LimitShare is a limit and its share of the time.
type LimitShare struct {
	Limit Limit
	Share float64
}
