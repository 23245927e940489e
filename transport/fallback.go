package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/tcp"
)

// Times of a client that goes over TCP (docs/protocol.md §8.5).
const (
	fallbackDelay   = time.Second            // of silence on UDP before TCP is tried beside
	answerDelay     = 3 * time.Second        // for the first answer over TCP
	firstRedial     = 100 * time.Millisecond // after the connection broke
	longestRedial   = 5 * time.Second
	afterRefusal    = time.Second
	carrierDialTime = 3 * time.Second // for one attempt
	refusals        = 2               // that make it certain that nobody listens
)

// dialCarrier opens a TCP connection for a client; again says that it is not the
// first. It is the dialCarrier of a configuration that Dial was given.
func (cfg *Config) dialTCP(ctx context.Context, remote netip.AddrPort, again bool) (net.Conn, error) {
	dialer := net.Dialer{Timeout: carrierDialTime}
	if cfg.LocalAddress != "" {
		local, err := net.ResolveTCPAddr("tcp", cfg.LocalAddress)
		if err != nil {
			return nil, err
		}
		if cfg.Carrier != TCP || again {
			local.Port = 0 // UDP has the port, or the connection before still holds it
		}
		dialer.LocalAddr = local
	}
	return dialer.DialContext(ctx, "tcp", remote.String())
}

// fallback brings a client's connection over TCP where UDP gets no answer, or
// from the start where the client wants nothing else, and keeps it there: a TCP
// connection that breaks is replaced. It is a goroutine of its own, because
// dialling waits; it ends with the connection, or when UDP has answered.
type fallback struct {
	conn    *Conn
	udp     core.Path // the path without it
	only    bool      // there is no UDP
	dialled bool
	refused int // attempts in a row
	pause   time.Duration
}

// run is the goroutine.
func (f *fallback) run() {
	c := f.conn
	f.pause = firstRedial
	if !f.only && !f.wait(fallbackDelay) {
		return
	}
	for {
		pause := f.pause
		if k, err := f.dial(); err == nil {
			f.refused = 0
			c.switchPath(k.path)
			if !f.use(k) {
				return
			}
		} else if pause = f.failed(err); pause == 0 {
			return
		}
		if !f.wait(pause) {
			return
		}
	}
}

// wait lets time pass. It reports false when there is nothing to do any more.
func (f *fallback) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	answered := f.conn.answered
	if isDone(answered) {
		answered = nil
	}
	select {
	case <-timer.C:
	case <-answered:
	case <-f.conn.done:
	}
	return !isDone(f.conn.done) && !f.answeredByUDP()
}

// answeredByUDP reports whether the first answer of the server did not need us.
func (f *fallback) answeredByUDP() bool {
	return isDone(f.conn.answered) && !f.conn.answeredByTCP
}

// dial opens a TCP connection and takes it into use. It is given up when UDP
// answers, or the connection is over.
func (f *fallback) dial() (*carried, error) {
	c := f.conn
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answered := c.answered
	if isDone(answered) {
		answered = nil // over TCP: this is its replacement
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-answered:
		case <-c.done:
		case <-stop:
		}
		cancel()
	}()
	conn, err := c.cfg.dialCarrier(ctx, c.remote, f.dialled)
	if err != nil {
		return nil, err
	}
	f.dialled = true
	k := c.socket.carry(conn, tcp.Client)
	// Whatever the other side of the TCP connection says its address is, this
	// is the way to the server's.
	k.path.Remote = c.remote
	k.conn.Store(c)
	go c.socket.readCarried(k)
	return k, nil
}

// failed weighs an attempt that came to nothing. It returns how long to wait
// before the next, 0 where there is none.
func (f *fallback) failed(err error) time.Duration {
	c := f.conn
	c.tcpFailed.Store(true)
	pause := f.pause
	f.pause = min(2*f.pause, longestRedial)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		f.refused = 0
		var silence net.Error
		if f.only && !(errors.As(err, &silence) && silence.Timeout()) {
			c.noteSendError(err)
		}
		return pause
	}
	f.refused++
	if f.refused >= refusals && (f.only || isDone(c.answered)) {
		c.mu.Lock()
		if c.err == nil && !c.closing {
			c.core.Abandon(c.socket.clock.now(), &ClosedPortError{Handshake: !c.core.Connected()})
		}
		c.mu.Unlock()
		c.wakeOwner()
		return 0
	}
	return max(pause, afterRefusal)
}

// use stays with a carrier until it is to be replaced. It reports false when
// nothing more is to be done.
func (f *fallback) use(k *carried) bool {
	c := f.conn
	if !isDone(c.answered) {
		timer := time.NewTimer(answerDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.answered:
		case <-k.ended:
		case <-c.done:
		}
		if !isDone(c.answered) || f.answeredByUDP() {
			if !f.only {
				c.switchPath(f.udp) // which the owner takes as the end of this carrier
			}
			f.pause = fallbackDelay
			k.carrier.Close()
			return !isDone(c.answered)
		}
	}
	f.pause = firstRedial
	select {
	case <-k.ended:
		return true
	case <-c.stopped:
		return false
	}
}

// switchPath has the core go on by another path.
func (c *Conn) switchPath(to core.Path) {
	c.mu.Lock()
	c.core.SetPath(c.socket.clock.now(), to)
	c.mu.Unlock()
	c.wakeOwner()
}
