package transport

import (
	"context"
	"errors"
	"fmt"
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
	longestRedial   = 2 * time.Second
	afterRefusal    = time.Second
	carrierDialTime = 3 * time.Second // for one attempt
	certainRefusals = 2               // that make it certain that nobody listens
)

// dialTCP opens a TCP connection for a client; again says that it is not the
// first. It is the dialCarrier of a configuration that Dial was given.
//
// A local port that was asked for is tried for TCP too where there is no UDP
// socket on it. A connection that this side has closed keeps its port for a
// minute (TIME-WAIT, RFC 9293 §3.6.1), so the same command run again takes
// another one.
func (cfg *Config) dialTCP(ctx context.Context, remote netip.AddrPort, again bool) (net.Conn, error) {
	dialer := net.Dialer{Timeout: carrierDialTime}
	if cfg.LocalAddress == "" {
		return dialer.DialContext(ctx, "tcp", remote.String())
	}
	local, err := net.ResolveTCPAddr("tcp", cfg.LocalAddress)
	if err != nil {
		return nil, err
	}
	if cfg.Carrier == TCP && !again && local.Port != 0 {
		dialer.LocalAddr = local
		conn, err := dialer.DialContext(ctx, "tcp", remote.String())
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return conn, err
		}
	}
	dialer.LocalAddr = &net.TCPAddr{IP: local.IP, Zone: local.Zone}
	return dialer.DialContext(ctx, "tcp", remote.String())
}

// errNoAnswer says that a TCP connection came about and was of no use.
var errNoAnswer = errors.New("the TCP port takes connections, but nothing of the protocol comes from there")

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
		k, err := f.dial()
		if err == nil {
			f.refused = 0
			c.switchPath(k.path)
			if !f.use(k) {
				k.carrier.Close()
				return
			}
			if k.heard.Load() {
				f.pause = firstRedial
			} else {
				err = errNoAnswer
				if errors.Is(k.err, tcp.ErrPreface) {
					err = k.err
				}
			}
			pause = f.pause
		}
		if err != nil {
			pause = f.failed(err)
		}
		if pause == 0 {
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
	if isDone(c.leaving) {
		k.carrier.Close() // the owner may have looked for its carriers before
	}
	return k, nil
}

// failed weighs an attempt that came to nothing. It returns how long to wait
// before the next, 0 where there is none.
func (f *fallback) failed(err error) time.Duration {
	c := f.conn
	c.tcpFailed.Store(true)
	pause := f.pause
	f.pause = min(2*f.pause, longestRedial)
	if f.only && errors.Is(err, tcp.ErrPreface) {
		f.abandon(fmt.Errorf("something else answers on this TCP port: %w", err))
		return 0
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		f.refused = 0
		var silence net.Error
		if f.only && !(errors.As(err, &silence) && silence.Timeout()) {
			c.noteSendError(err, 0)
		}
		return pause
	}
	f.refused++
	if f.refused >= certainRefusals && (f.only || isDone(c.answered)) {
		f.abandon(&ClosedPortError{Handshake: !isDone(c.connected)})
		return 0
	}
	return max(pause, afterRefusal)
}

// abandon ends the connection: the server is not there.
func (f *fallback) abandon(err error) {
	c := f.conn
	c.mu.Lock()
	if c.err == nil && !c.closing {
		c.core.Abandon(c.socket.clock.now(), err)
	}
	c.mu.Unlock()
	c.wakeOwner()
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
			if !isDone(k.ended) {
				f.pause = max(f.pause, fallbackDelay) // for UDP
			}
			k.carrier.Close()
			<-k.ended
			return !isDone(c.answered)
		}
	}
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
