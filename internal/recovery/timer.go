package recovery

import (
	"time"

	"example.com/uft/internal/instant"
)

const (
	// firstProbe is the probe timeout before any round trip is known. It is
	// short because the loss of a first datagram decides the time of a short
	// transfer; RFC 9002 section 6.2.2 recommends one second.
	firstProbe = 250 * time.Millisecond

	// maxBackoff limits what repeated probe timeouts double to, so that a
	// transfer goes on within about a second of the end of an outage. Where the
	// round trip is short they double no further than twice, or to
	// shortBackoff: on paths that lose packets in bursts it takes probes to
	// come to the end of one.
	maxBackoff   = time.Second
	shortBackoff = 250 * time.Millisecond

	// freeProbes is how many probe timeouts in a row pass before the next is
	// doubled, once the round trip is known. At 30 % loss each way more than
	// every third pair of probes is in vain without anything being wrong.
	freeProbes = 4

	// PersistentProbes is how many probe timeouts in a row mean that the path
	// is gone rather than lossy: at 30 % loss each way, chance explains one
	// such row in some hundreds.
	PersistentProbes = 6
)

// PTO returns the probe timeout of a space without back-off (RFC 9002 section
// 6.2.1). The peer's acknowledgement delay counts in the Application space only.
//
// That delay is taken as twice what the rule for acknowledgements gives for our
// estimate of the round trip, and the announced maximum only caps it: on a
// local network 25 ms would be hundreds of round trips of standstill whenever
// all acknowledgements of a window are lost.
func (r *Recovery) PTO(in Space) time.Duration {
	if !r.rtt.sampled {
		if r.cfg.RememberedRTT > 0 {
			return r.cfg.RememberedRTT + r.cfg.RememberedRTT/2
		}
		return firstProbe
	}
	timeout := r.rtt.smoothed + max(4*r.rtt.variance, granularity)
	if in == Application {
		timeout += min(r.cfg.MaxAckDelay, 2*ackDelay(r.rtt.smoothed))
	}
	return timeout
}

// backedOff returns the probe timeout, doubled for each probe in vain.
func (r *Recovery) backedOff(in Space) time.Duration {
	timeout := r.PTO(in)
	doublings := r.probes
	if r.rtt.sampled {
		doublings = max(doublings-freeProbes, 0)
	}
	longest := max(maxBackoff, timeout)
	if r.rtt.sampled {
		longest = min(longest, max(shortBackoff, 4*timeout))
	}
	return min(timeout<<min(doublings, 10), longest)
}

// Deadline returns when OnTimeout is due: the earlier of the time at which an
// overtaken packet is lost and the probe timeout, or Never.
func (r *Recovery) Deadline() instant.Time {
	if r.reliable {
		return instant.Never
	}
	at, _ := r.probeDeadline()
	for i := range r.spaces {
		at = instant.Min(at, r.spaces[i].lossAt)
	}
	return at
}

// probeDeadline returns the earliest probe timeout of all spaces.
func (r *Recovery) probeDeadline() (at instant.Time, in Space) {
	at = instant.Never
	for i := range r.spaces {
		s := &r.spaces[i]
		if s.eliciting == 0 || Space(i) == Application && !r.confirmed {
			continue
		}
		if t := s.probeFrom.Add(r.backedOff(Space(i))); t.Before(at) {
			at, in = t, Space(i)
		}
	}
	if at == instant.Never && r.handshakePending && r.quietSince.IsSet() {
		// The server may be waiting for bytes that lift its limit on an
		// address not yet validated (RFC 9002 section 6.2.2.1).
		if r.spaces[Initial].discarded {
			in = Handshake
		}
		at = r.quietSince.Add(r.backedOff(in))
	}
	return at, in
}

// OnTimeout is to be called when Deadline has passed; called early it does
// nothing. Either packets turn out lost, and fates says which, or probe is
// true: the caller then sends ack-eliciting packets in space in, whatever the
// window says. Two are better than one where every third is lost (RFC 9002
// section 6.2.4).
func (r *Recovery) OnTimeout(now instant.Time, fates *Fates) (probe bool, in Space) {
	fates.reset()
	fates.Sample.PriorInflight = r.inflight
	defer r.finish(fates)
	if r.reliable {
		return false, in
	}
	late := false
	for i := range r.spaces {
		if s := &r.spaces[i]; !s.lossAt.After(now) {
			late = true
			r.detect(now, s, fates)
		}
	}
	if late {
		return false, in
	}
	at, in := r.probeDeadline()
	if at.After(now) {
		return false, in
	}
	r.probes++
	// Counting on from now keeps the timer from expiring again at once if the
	// caller is not able to send the probe.
	r.spaces[in].probeFrom = now
	r.quietSince = now
	return true, in
}

// ProbeCount returns how many probe timeouts have passed since an
// acknowledgement last brought news.
func (r *Recovery) ProbeCount() int { return r.probes }

// SetHandshakeConfirmed says that the peer has completed the handshake: probe
// timeouts now cover the Application space, and the peer's claims of
// acknowledgement delay are limited to what it announced.
func (r *Recovery) SetHandshakeConfirmed() {
	r.confirmed = true
}

// SetHandshakePending says whether this is a client whose address the server
// may not have validated yet. Such a client probes even with nothing in flight.
func (r *Recovery) SetHandshakePending(pending bool) { r.handshakePending = pending }

// SetMaxAckDelay takes over the longest acknowledgement delay that the peer
// announced.
func (r *Recovery) SetMaxAckDelay(d time.Duration) { r.cfg.MaxAckDelay = d }

// SetReliable says whether the path itself delivers everything in order, as a
// TCP connection does: nothing is then declared lost and nothing is probed,
// and acknowledgements serve the round trip and the delivery rate only.
func (r *Recovery) SetReliable(reliable bool) {
	r.reliable = reliable
	if reliable {
		for i := range r.spaces {
			r.spaces[i].lossAt = instant.Never
		}
	}
}
