package transfer

import "example.com/uft/transport"

// A Limit is what kept a transfer from going faster: of those that
// transport.LimitTimes knows the one that counted for the longest time, with
// what the counters say besides.
type Limit struct {
	By transport.Limit // or LimitLoss, or LimitPeerProcessor

	// Share is for how much of the time it was that, 0 to 1.
	Share float64

	// Shares is where all of the time went, the largest share first.
	Shares []transport.LimitShare

	// Path is what the sender believes the path delivers, in bit/s with all
	// headers; 0: it does not know.
	Path int64
}

// Limits that come from more than the time.
const (
	// LimitLoss: the path, or a rate that was asked for, and so much of it is lost
	// that this is what to look at.
	LimitLoss transport.Limit = "path_loss"
	// LimitPeerProcessor: the path, or so it seemed: but much of what was lost had
	// arrived, and the receiver's program did not take it in time.
	LimitPeerProcessor transport.Limit = "peer_processor"
)

const (
	// lossCounts is from which share of lost packets on it is the loss.
	lossCounts = 0.10
	// dropsCount is which share of them the receiver's own system must have
	// dropped for it to be the receiver.
	dropsCount = 0.5
)

// limitOf judges what happened between two snapshots of a connection.
func limitOf(before, now transport.Stats, loss float64, sending bool) Limit {
	times := now.Limits.Since(before.Limits)
	l := Limit{Shares: times.Shares()}
	if !sending {
		l.By, l.Share = times.Receiving()
		return l
	}
	l.Path = 8 * now.Bandwidth
	l.By, l.Share = times.Sending()
	if l.By != transport.LimitPath && l.By != transport.LimitRate {
		return l
	}
	lost := now.PacketsLost - min(before.PacketsLost, now.PacketsLost)
	switch drops := now.PeerSocketDrops - before.PeerSocketDrops; {
	case drops > 0 && float64(drops) >= dropsCount*float64(lost):
		l.By = LimitPeerProcessor
	case loss >= lossCounts:
		l.By = LimitLoss
	}
	return l
}
