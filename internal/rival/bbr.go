package rival

import (
	"time"

	"example.com/uft/internal/instant"
)

// Constants of BBR version 1, as in Linux.
const (
	bbrHighGain  = 2.885 // 2 / ln 2
	bbrRounds    = 10    // of the bandwidth filter
	bbrRTTLife   = 10 * time.Second
	bbrProbeTime = 200 * time.Millisecond
	bbrMinWindow = 4
	bbrFull      = 1.25
	bbrPaceShare = 0.99
)

// bbrCycle are the gains of ProbeBW, one round trip each.
var bbrCycle = [...]float64{1.25, 0.75, 1, 1, 1, 1, 1, 1}

type bbrState uint8

const (
	bbrStartup bbrState = iota
	bbrDrain
	bbrProbeBW
	bbrProbeRTT
)

// BBR is BBR version 1, which takes no notice of single losses.
type BBR struct {
	state     bbrState
	rounds    int64
	rates     [bbrRounds]float64 // the best of each of the last rounds
	minRTT    time.Duration
	minAt     instant.Time
	fullRate  float64
	flat      int
	phase     int
	phaseFrom instant.Time
	probeEnd  instant.Time
	cwnd      float64
	collapsed bool // after a timeout, until something is acknowledged
}

// NewBBR returns the controller of one flow. Flows of one start differ in the
// phase of their cycle, from 0 to 6.
func NewBBR(phase int) *BBR {
	return &BBR{cwnd: initialWindow, phase: phase % (len(bbrCycle) - 1)}
}

func (b *BBR) bandwidth() (best float64) {
	for _, r := range b.rates {
		best = max(best, r)
	}
	return best
}

func (b *BBR) bdp() float64 { return b.bandwidth() * b.minRTT.Seconds() }

func (b *BBR) gain() float64 {
	switch b.state {
	case bbrStartup:
		return bbrHighGain
	case bbrDrain:
		return 1 / bbrHighGain
	case bbrProbeBW:
		return bbrCycle[b.phase]
	}
	return 1
}

func (b *BBR) pace() float64 {
	if b.minRTT == 0 || b.bandwidth() == 0 {
		return 0 // the first window leaves at once
	}
	return bbrPaceShare * b.gain() * b.bandwidth()
}

func (b *BBR) window() float64 {
	switch {
	case b.collapsed:
		return 1
	case b.state == bbrProbeRTT:
		return bbrMinWindow
	}
	return max(b.cwnd, bbrMinWindow)
}

func (b *BBR) onTimeout() { b.collapsed = true }

func (b *BBR) onAck(s sample) {
	b.collapsed = false
	expired := b.minAt != 0 && s.now.Sub(b.minAt) > bbrRTTLife
	if s.rtt > 0 && (b.minRTT == 0 || s.rtt <= b.minRTT || expired) {
		b.minRTT, b.minAt = s.rtt, s.now
	}
	if s.round {
		b.rounds++
		b.rates[b.rounds%bbrRounds] = 0
	}
	slot := &b.rates[b.rounds%bbrRounds]
	*slot = max(*slot, s.rate)
	b.advance(s, expired)
	target := 2 * b.bdp()
	if b.state == bbrStartup || b.state == bbrDrain {
		target = bbrHighGain * b.bdp()
	}
	target += 3 // the quanta that are under way in either host
	if b.state == bbrStartup {
		b.cwnd = max(b.cwnd, min(b.cwnd+float64(s.acked), max(target, initialWindow)))
		return
	}
	b.cwnd = min(b.cwnd+float64(s.acked), target)
}

// advance moves the state machine on.
func (b *BBR) advance(s sample, expired bool) {
	switch b.state {
	case bbrStartup:
		if s.round && b.plateau() {
			b.state = bbrDrain
		}
	case bbrDrain:
		if float64(s.inflight) <= b.bdp() {
			b.enterProbeBW(s.now)
		}
	case bbrProbeBW:
		b.cycle(s)
	case bbrProbeRTT:
		if b.probeEnd == 0 && s.inflight <= bbrMinWindow {
			b.probeEnd = s.now.Add(max(bbrProbeTime, b.minRTT))
		}
		if b.probeEnd != 0 && s.now.After(b.probeEnd) {
			b.minAt = s.now
			b.enterProbeBW(s.now)
		}
	}
	if expired && b.state != bbrProbeRTT && b.state != bbrStartup {
		b.state, b.probeEnd = bbrProbeRTT, 0
	}
}

// plateau reports whether three rounds of start-up brought no growth.
func (b *BBR) plateau() bool {
	if rate := b.bandwidth(); rate >= bbrFull*b.fullRate {
		b.fullRate, b.flat = rate, 0
		return false
	}
	b.flat++
	return b.flat >= 3
}

func (b *BBR) enterProbeBW(now instant.Time) {
	b.state, b.phaseFrom = bbrProbeBW, now
	b.phase = (b.phase + 2) % len(bbrCycle)
}

// cycle goes to the next gain: after a round trip, but a probe waits until the
// pipe is filled, and the drain after it ends as soon as that is empty.
func (b *BBR) cycle(s sample) {
	over := s.now.Sub(b.phaseFrom) > b.minRTT
	switch gain := bbrCycle[b.phase]; {
	case gain > 1:
		over = over && (s.lost > 0 || float64(s.inflight) >= gain*b.bdp())
	case gain < 1:
		over = over || float64(s.inflight) <= b.bdp()
	}
	if over {
		b.phase = (b.phase + 1) % len(bbrCycle)
		b.phaseFrom = s.now
	}
}
