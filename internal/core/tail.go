package core

import (
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
)

// Tail repair (docs/protocol.md §7.6): when there is nothing new to send, what
// is still unacknowledged is sent again before loss detection could call it
// lost, since pure retransmission needs about ln N / ln(1/p) more round trips
// at the end of a transfer. The copies use pacing budget that is idle.
const (
	tailFewBytes  = 32 << 10 // so little is always repeated
	tailTinyBytes = 4 << 10  // so little as often as a handshake flight, until the loss is known
	tailLossRate  = 0.02     // from this loss on, all of it
	tailMaxRounds = 4
	tailMinDelay  = 5 * time.Millisecond
	tailMaxDelay  = 25 * time.Millisecond
)

// tail is the state of tail repair: how often what is in flight now was
// repeated already.
type tail struct {
	rounds int
	at     instant.Time // when the next round may begin; 0: not armed
	active bool         // ack-eliciting information is in flight
}

// onSent notes that information left: new information starts the count again.
func (t *tail) onSent(repeat bool) {
	if !repeat {
		t.rounds = 0
	}
	t.active, t.at = true, 0
}

// onAck lets the next round wait from this acknowledgement on.
func (t *tail) onAck() { t.at = 0 }

// tailDelay is how long to wait for acknowledgements before a round. Further rounds
// come at doubled distances, as those of a handshake flight: a path that loses for a
// while is not asked four times in that while.
func (c *Conn) tailDelay() time.Duration {
	d := min(max(c.recovery.SmoothedRTT()/4, tailMinDelay), tailMaxDelay)
	if c.tail.rounds > 0 {
		d = 3 * d << (c.tail.rounds - 1)
	}
	return d
}

// tailUnacked is how many bytes of streams and transfers wait for their
// acknowledgement, and whether everything there is was sent at least once.
func (c *Conn) tailUnacked() (bytes uint64, quiet bool) {
	if c.bulkOut.busy > 0 || c.repairOut.left > 0 || c.pending.sendToken || c.streams.pending() {
		return 0, false
	}
	return c.streams.unacked() + c.bulkOut.waiting, true
}

// armTail decides whether and when the next round of copies begins. It is
// asked after every drain of Transmit.
func (c *Conn) armTail() {
	t := &c.tail
	if !t.active || t.at.IsSet() || c.path.Reliable || !c.CanSend() {
		return
	}
	bytes, quiet := c.tailUnacked()
	if bytes == 0 && quiet {
		t.active = false
		return
	}
	if quiet && bytes <= c.coveredBytes() {
		t.at = c.repairOut.until.Add(c.tailDelay())
		return
	}
	if !quiet || t.rounds >= c.tailRounds(bytes) {
		return
	}
	t.at = c.now.Add(c.tailDelay())
}

// tailRounds is how many copies of bytes are worth sending at the present
// loss: so many that a twentieth of a block is expected to be missing after, and
// that with the same probability no acknowledgement of any comes back, the way back
// losing as much.
func (c *Conn) tailRounds(bytes uint64) int {
	loss := &c.repairOut.loss
	switch {
	case !loss.known && bytes <= tailTinyBytes:
		return tailMaxRounds
	case loss.rate < tailLossRate && bytes <= tailFewBytes:
		return 1
	case loss.rate < tailLossRate:
		return 0
	}
	missing, unheard := float64(bytes/uint64(c.mtu.block())+1)*loss.rate, 1-(1-loss.rate)*(1-loss.rate)
	rounds := 0
	for silence := unheard; max(missing, silence) > 0.05 && rounds < tailMaxRounds; rounds++ {
		missing *= loss.rate
		silence *= unheard
	}
	return max(rounds, 1)
}

// lossRate is the share of packets lost so far.
func (c *Conn) lossRate() float64 {
	if c.stats.PacketsSent < 20 {
		return 0
	}
	return float64(c.stats.PacketsLost) / float64(c.stats.PacketsSent)
}

// tailTimeout begins a round: everything unacknowledged is queued again.
func (c *Conn) tailTimeout() {
	t := &c.tail
	if !t.at.IsSet() || t.at.After(c.now) {
		return
	}
	t.at = 0
	t.rounds++
	c.trace("recovery:tail_repair", traceNumber("round", t.rounds))
	c.bulkOut.open.all(func(id uint16) {
		b := c.bulkOut.get(id)
		c.repeatUncovered(b)
		c.repeatEnd(b)
	})
	for _, s := range c.streams.order {
		if s.reset == nil {
			s.out.requeue()
			s.finPending = s.finPending || s.finish && !s.finAcked
			c.streams.wake(s)
		}
	}
}

// queueProbe queues what a probe packet says: the oldest information in
// flight, or a PING where there is none (§7.5, RFC 9002 §6.2.4).
func (c *Conn) queueProbe(sp recovery.Space) {
	s := &c.spaces[sp]
	if sp != recovery.Application {
		s.out.requeue()
		s.ping = !s.out.pending(s.out.end())
		return
	}
	const maxControl = 8
	maxData := 2
	if c.recovery.ProbeCount() > recovery.PersistentProbes {
		maxData = 1 // the path is silent, and this may go on for long
	}
	control, data, visited := 0, 0, 0
	var probes []recovery.Packet
	c.recovery.ForEachOutstanding(sp, func(p recovery.Packet) bool {
		visited++
		switch {
		case p.Kind == recovery.Data && data < maxData:
			data++
			probes = append(probes, p)
		case p.Kind == recovery.Control && p.AckEliciting && control < maxControl:
			control++
			probes = append(probes, p)
		}
		return visited < 4096 && (data < maxData || control < maxControl)
	})
	for _, p := range probes {
		if p.Kind == recovery.Data {
			if t := c.bulkOut.get(p.Transfer); t != nil {
				t.lost(p.Offset, p.Offset+uint64(p.Length))
				c.bulkOut.update(t)
			}
			continue
		}
		for _, f := range c.logs.get(p.Log) {
			c.frameLost(f)
		}
	}
	if !c.controlPending(false) && !c.BulkPending() {
		c.pending.ping = true
	}
	c.probes = maxData
}
