package medium

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"example.com/uft/internal/instant"
)

// maxDatagram is more than the largest payload of a UDP datagram.
const maxDatagram = 65535

// maxFailures is how many errors in a row a socket may report before it is
// given up, so that a broken one does not keep a processor busy for ever.
const maxFailures = 1000

// A flow is the traffic of one client.
type flow struct {
	client   netip.AddrPort
	upstream *net.UDPConn // connected to the server; nil with Config.From
	lastUsed instant.Time // guarded by Relay.mu
}

func (f *flow) close() {
	if f.upstream != nil {
		f.upstream.Close()
	}
}

// receive reads the listening socket until it is closed.
func (r *Relay) receive() error {
	fixed := &flow{client: r.from}
	buffer := make([]byte, maxDatagram)
	for failures := 0; ; {
		n, source, err := r.socket.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err == nil:
			failures = 0
		case isRejection(err):
			continue
		default:
			if failures++; failures >= maxFailures {
				return fmt.Errorf("receiving at %v fails again and again: %w", r.LocalAddr(), err)
			}
			continue
		}
		source = unmap(source)
		switch {
		case !r.from.IsValid():
			if f := r.flow(source); f != nil {
				r.forward(&r.up, f, buffer[:n])
			}
		case source == r.from:
			r.forward(&r.up, fixed, buffer[:n])
		case source == r.to:
			r.forward(&r.down, fixed, buffer[:n])
		default:
			r.strangers.Add(1)
		}
	}
}

// receiveReplies reads the upstream socket of one flow until it is closed.
func (r *Relay) receiveReplies(f *flow) {
	buffer := make([]byte, maxDatagram)
	for failures := 0; failures < maxFailures; {
		n, err := f.upstream.Read(buffer)
		switch {
		case err == nil:
			failures = 0
			r.forward(&r.down, f, buffer[:n])
		case errors.Is(err, net.ErrClosed):
			return
		case isRejection(err):
			// The server is not there yet, or no more. That is for the client
			// to find out, as it would behind a NAT.
		default:
			failures++
		}
	}
	r.forget(f)
}

// flow returns the flow of a client, a new one where it is not known. It
// returns nil when no socket can be opened for it. Only the goroutine that
// reads the listening socket calls it.
func (r *Relay) flow(client netip.AddrPort) *flow {
	r.mu.Lock()
	known := r.flows[client]
	r.mu.Unlock()
	if known != nil {
		return known
	}
	upstream, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.to))
	if err != nil {
		r.unserved.Add(1)
		return nil
	}
	enlargeBuffers(upstream)
	f := &flow{client: client, upstream: upstream}
	if !r.remember(f, r.now()) {
		f.close()
		return nil
	}
	r.tasks.Go(func() { r.receiveReplies(f) })
	return f
}

// remember adds a flow to the table, at the expense of the one that is idle
// for longest when the table is full. It reports false after Close.
func (r *Relay) remember(f *flow, now instant.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	if len(r.flows) >= r.config.MaxClients {
		var oldest *flow
		for _, candidate := range r.flows {
			if oldest == nil || candidate.lastUsed.Before(oldest.lastUsed) {
				oldest = candidate
			}
		}
		r.remove(oldest)
	}
	f.lastUsed = now
	r.flows[f.client] = f
	return true
}

func (r *Relay) forget(f *flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(f)
}

// remove takes a flow out of the table, if it is still there, and closes its
// socket, which ends its reader. The caller holds mu.
func (r *Relay) remove(f *flow) {
	if r.flows[f.client] == f {
		delete(r.flows, f.client)
	}
	f.close()
}

// expire removes the flows that have been idle for too long, and says when
// to look again. The caller holds mu.
func (r *Relay) expire(now instant.Time) {
	r.nextExpiry = now.Add(r.config.IdleTimeout)
	for _, f := range r.flows {
		if end := f.lastUsed.Add(r.config.IdleTimeout); end.After(now) {
			r.nextExpiry = instant.Min(r.nextExpiry, end)
		} else {
			r.remove(f)
		}
	}
}

// isRejection reports whether an error of a receiving socket is only the
// news that an earlier datagram was not taken: ICMP errors on connected
// sockets, and on Windows (WSAECONNRESET, WSAENETRESET) on all.
func isRejection(err error) bool {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.Errno(10054), syscall.Errno(10052):
		return true
	}
	return false
}
