package core

import (
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
)

// Limit is what keeps a connection from moving file bytes faster at a moment.
type Limit uint8

// The limits. Of a side that sends a file and one that receives another at the
// same time it is that of the sending that counts.
const (
	// LimitNothing: no transfer is under way, or the handshake is.
	LimitNothing Limit = iota
	// LimitStartUp: pacing or the window, while the rate of the path is still
	// being looked for.
	LimitStartUp
	// LimitPath: pacing at the rate found, or the window, or a carrier that
	// takes nothing more.
	LimitPath
	// LimitRate: pacing at the rate that was asked for.
	LimitRate
	// LimitPeerMemory: the receiver grants no more, although its application
	// takes what arrives: its window is smaller than the path.
	LimitPeerMemory
	// LimitPeerDisk: the receiver grants no more, because what has arrived
	// waits there to be written.
	LimitPeerDisk
	// LimitSource: the bytes that come next are not in memory yet.
	LimitSource
	// LimitProcessor: more could have been sent or taken, but this side's own
	// program was not there to do it.
	LimitProcessor
	// LimitTail: everything was sent and is waiting for its acknowledgement.
	LimitTail
	// LimitOwnMemory, LimitOwnDisk: this side receives, and grants no more, for
	// the reasons of LimitPeerMemory and LimitPeerDisk.
	LimitOwnMemory
	LimitOwnDisk
	// LimitPeer: this side receives, and waits for what the path or the sender
	// is slow with.
	LimitPeer

	limitCount
)

// LimitShort is what LimitTimes.Sending returns where round trips took most of
// the time, so that the file was too short to tell.
const LimitShort = limitCount

// String names the limit as traces and programs do.
func (l Limit) String() string {
	return [...]string{
		"nothing", "start_up", "path", "rate", "peer_memory", "peer_disk", "source", "processor", "tail",
		"memory", "disk", "peer", "short",
	}[l]
}

// LimitTimes is how long each limit was the one that counted.
type LimitTimes [limitCount]time.Duration

// Sending returns what held a sender up for the longest time, and for which
// share of the time in which anything did. Round trips count together: where
// start-up and the wait for the last acknowledgements took longer than anything
// else, it is LimitShort.
func (t LimitTimes) Sending() (Limit, float64) {
	return t.longest(LimitPath, LimitRate, LimitPeerMemory, LimitPeerDisk, LimitSource, LimitProcessor)
}

// Receiving is Sending for a side that receives.
func (t LimitTimes) Receiving() (Limit, float64) {
	t[LimitStartUp], t[LimitTail] = 0, 0
	return t.longest(LimitPeer, LimitOwnMemory, LimitOwnDisk, LimitProcessor)
}

// longest returns the one of some limits that counted longest, and its share of
// the time of all of them and of round trips.
func (t LimitTimes) longest(among ...Limit) (Limit, float64) {
	roundTrips := t[LimitStartUp] + t[LimitTail]
	longest, most, all := LimitShort, roundTrips, roundTrips
	for _, l := range among {
		all += t[l]
		if t[l] > most {
			longest, most = l, t[l]
		}
	}
	if all <= 0 {
		return LimitShort, 0
	}
	return longest, float64(most) / float64(all)
}

// limits is the account of a connection.
type limits struct {
	spent LimitTimes
	now   Limit
	since instant.Time // spent is up to date until then
	// prompt is until when the pacer makes good for coming late; what is later
	// is time that the program did not have for us.
	prompt instant.Time

	peerBacklog uint64 // bytes that the peer has not written, as it said last
	socketDrops uint64 // datagrams that its socket dropped
}

// charge adds the time until now to the limit that held.
func (l *limits) charge(now instant.Time) {
	if l.since.IsSet() && now.After(l.since) {
		until := now
		if l.prompt.IsSet() {
			until = instant.Min(now, l.prompt)
		}
		if until.After(l.since) {
			l.spent[l.now] += until.Sub(l.since)
			l.since = until
		}
		l.spent[LimitProcessor] += now.Sub(l.since)
	}
	l.since = now
}

// set says what holds from now on.
func (l *limits) set(to Limit, prompt instant.Time) { l.now, l.prompt = to, prompt }

// working says that the program has something to do with what has come in: until
// it has asked what is to leave, that is what it takes its time for.
func (l *limits) working(now instant.Time) {
	l.charge(now)
	if l.now != LimitNothing {
		l.set(LimitProcessor, instant.Never)
	}
}

// Transmit writes what is to leave now into buf, which should hold 1232 bytes
// times maxSegments, and 64 KiB where longer datagrams are sent: n bytes, as
// datagrams of segmentSize (the last may be shorter) for path. Call it until n
// is 0.
func (c *Conn) Transmit(now instant.Time, buf []byte, maxSegments int) (n, segmentSize int, path Path, ecn ECN) {
	c.limits.charge(now)
	n, segmentSize, path, ecn = c.transmit(now, buf, maxSegments)
	c.judgeLimit(n)
	c.traceSent(n, segmentSize)
	return n, segmentSize, path, ecn
}

// judgeLimit finds what holds the connection up after Transmit has written n
// bytes.
func (c *Conn) judgeLimit(n int) {
	limit, prompt := c.heldBy(n)
	c.limits.set(limit, prompt)
}

// heldBy is what holds the connection up, and until when the pacer does not
// mind that nobody asks it.
func (c *Conn) heldBy(n int) (Limit, instant.Time) {
	b := &c.bulkOut
	switch {
	case c.state >= stateClosing || !c.CanSend():
		return LimitNothing, instant.Never
	case b.busy == 0 && b.waiting == 0 && len(c.bulkIn.byID) == 0 && c.limits.peerBacklog >= unwritten:
		return LimitPeerDisk, instant.Never // it has everything, and confirms nothing
	case b.busy == 0 && b.waiting == 0:
		return c.receivingHeldBy(), instant.Never
	case n > 0:
		return LimitProcessor, instant.Never
	case c.BulkPending():
		return c.pathHolds()
	case b.waitsForCredit() && c.limits.peerBacklog > uint64(c.recovery.Inflight()):
		return LimitPeerDisk, instant.Never
	case b.waitsForCredit():
		return LimitPeerMemory, instant.Never
	case b.busy > 0:
		return LimitSource, instant.Never
	}
	return LimitTail, instant.Never
}

// pathHolds is the limit while there is a block to send and it may not leave.
func (c *Conn) pathHolds() (Limit, instant.Time) {
	prompt, burst := instant.Never, congestion.AdaptiveBurst
	asked := c.cfg.FixedRate > 0
	if asked {
		burst = congestion.FixedBurst
	}
	paced := c.pacedUntil != instant.Never && !c.blocked
	if paced {
		prompt = c.pacedUntil.Add(burst)
	}
	switch {
	case paced && asked:
		return LimitRate, prompt
	case c.path.CarrierPaced || c.controller.State().Settled:
		return LimitPath, prompt
	}
	return LimitStartUp, prompt
}

// complete reports that every byte of the transfer has come.
func (t *bulkIn) complete() bool { return t.sizeKnown && t.count == t.size }

// waitsForCredit reports that there are blocks which only the receiver's credit
// keeps from being sent.
func (b *bulkSender) waitsForCredit() bool {
	_, some := b.fresh.first()
	return some && b.credit.left() == 0
}

// unwritten is how many bytes may wait for their writing at any receiver.
const unwritten = 256 << 10

// receivingHeldBy is the limit of a side that only receives. What was granted
// lies on the path or waits here; where more than half of it waits, or nothing
// more is to come, the application is slow.
func (c *Conn) receivingHeldBy() Limit {
	in := &c.bulkIn
	granted := in.credit.limit - min(in.credit.consumed, in.credit.limit)
	switch {
	case len(in.byID) == 0:
		return LimitNothing
	case c.backlog > granted/2, in.recent != nil && in.recent.complete() && c.backlog >= unwritten:
		return LimitOwnDisk
	case in.credit.received >= in.credit.limit:
		return LimitOwnMemory
	}
	return LimitPeer
}
