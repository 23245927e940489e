package transport

import (
	"context"
	"net/netip"
	"time"
)

// attemptDelay is how long an attempt is given before the next address is
// tried besides (RFC 8305 §8, "Connection Attempt Delay").
const attemptDelay = 250 * time.Millisecond

// interleave orders the addresses of a name: IPv6 and IPv4 in turn, IPv6 first,
// each family in the order of the resolver (RFC 8305 §4). IPv4-mapped ones
// count as IPv4, and none comes twice.
func interleave(found []netip.Addr) []netip.Addr {
	var v6, v4, ordered []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, a := range found {
		a = a.Unmap()
		switch {
		case seen[a]:
		case a.Is4():
			v4 = append(v4, a)
		default:
			v6 = append(v6, a)
		}
		seen[a] = true
	}
	for i := 0; i < max(len(v6), len(v4)); i++ {
		if i < len(v6) {
			ordered = append(ordered, v6[i])
		}
		if i < len(v4) {
			ordered = append(ordered, v4[i])
		}
	}
	return ordered
}

// An outcome is how an attempt ended.
type outcome struct {
	conn *Conn
	err  error
}

// race tries the addresses one after the other, without waiting for the end of
// an attempt before the next (RFC 8305 §5). The first handshake that completes
// wins and the other attempts are closed. Where all fail, the error is that of
// the first.
func (d *dialer) race(ctx context.Context, candidates []netip.AddrPort) (*Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the attempts that have not won
	outcomes := make(chan outcome)
	hopeless := make(chan struct{}, len(candidates))
	var failures []error
	running := 0
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if len(candidates) == 0 {
				continue
			}
			d.attempt(ctx, candidates[0], outcomes, hopeless)
			candidates = candidates[1:]
			running++
			next.Reset(attemptDelay)
		case <-hopeless:
			next.Reset(0)
		case o := <-outcomes:
			running--
			if o.err == nil {
				cancel()
				discard(outcomes, running)
				return o.conn, nil
			}
			failures = append(failures, o.err)
			if running == 0 && len(candidates) == 0 {
				return nil, failures[0]
			}
			next.Reset(0) // no need to wait for this one any longer
		}
	}
}

// attempt begins one attempt. It says so on hopeless, which has room for one
// word of each attempt, when the address cannot even be sent to.
func (d *dialer) attempt(ctx context.Context, remote netip.AddrPort, outcomes chan<- outcome, hopeless chan<- struct{}) {
	c, err := d.start(remote)
	if err != nil {
		go func() { outcomes <- outcome{err: err} }()
		return
	}
	go func() {
		select {
		case <-c.sendFails:
			hopeless <- struct{}{}
		case <-c.connected:
		case <-c.done:
		case <-ctx.Done():
		}
		select {
		case <-c.connected:
			outcomes <- outcome{conn: c}
		case <-c.done:
			outcomes <- outcome{err: c.Err()}
		case <-ctx.Done():
			_ = c.Close()
			outcomes <- outcome{err: context.Cause(ctx)}
		}
	}()
}

// discard takes the outcomes of the attempts that have lost, and closes those
// that have completed a handshake all the same.
func discard(outcomes <-chan outcome, running int) {
	for range running {
		if o := <-outcomes; o.conn != nil {
			_ = o.conn.Close()
		}
	}
}
