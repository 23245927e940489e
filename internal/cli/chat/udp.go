package chat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"example.com/uft/internal/cli/exit"
)

// maxDatagram is room for every datagram that there is.
const maxDatagram = 1 << 16

// receiveBuffer is what the socket of a server may hold, in bytes, while the
// server is busy. What does not fit is lost.
const receiveBuffer = 1 << 20

// A udpDoor is the door of bare datagrams. It knows clients by their address,
// and that is all that it knows: somebody has sent from there.
type udpDoor struct {
	conn    *net.UDPConn
	members map[netip.AddrPort]*member // of the goroutine that serves
}

func openUDP(c *Command, console *console) (door, error) {
	address, err := net.ResolveUDPAddr("udp", where(c))
	if err != nil {
		return nil, listenError(c, err)
	}
	conn, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, listenError(c, err)
	}
	_ = conn.SetReadBuffer(receiveBuffer) // what the system grants
	console.note("listening on %v by UDP", conn.LocalAddr())
	return &udpDoor{conn: conn, members: map[netip.AddrPort]*member{}}, nil
}

func (d *udpDoor) address() net.Addr { return d.conn.LocalAddr() }

func (d *udpDoor) serve(ctx context.Context, r *room) error {
	defer d.conn.Close() //nolint:errcheck // nothing waits in it
	defer context.AfterFunc(ctx, func() { _ = d.conn.SetReadDeadline(time.Unix(1, 0)) })()
	defer r.clear()
	buffer := make([]byte, maxDatagram)
	for failures := 0; ; {
		n, from, err := d.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// Windows reports here that a client has gone.
			if failures++; failures > maxFailures {
				return fmt.Errorf("no more messages can come: %w", cause(err))
			}
			continue
		}
		failures = 0
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		m := d.members[from]
		if m == nil {
			p := &datagramPeer{conn: d.conn, to: from, forget: func() { delete(d.members, from) }}
			if m, err = r.join(p); err != nil {
				continue
			}
			d.members[from] = m
		}
		r.message(m, trimLineEnd(append([]byte(nil), buffer[:n]...)), true)
	}
}

// datagramPeer is a client that has sent a datagram.
type datagramPeer struct {
	conn   *net.UDPConn
	to     netip.AddrPort
	forget func()
}

func (p *datagramPeer) address() string { return p.to.String() }

func (p *datagramPeer) mode() string { return UDP.String() }

func (p *datagramPeer) roundTrip() (time.Duration, bool) { return 0, false }

// send sends a message with a line end, which nc shows as it is. Whether it
// arrives nobody knows.
func (p *datagramPeer) send(message []byte, _ bool) error {
	_, err := p.conn.WriteToUDPAddrPort(datagram(message), p.to)
	return sendError(message, err)
}

// drop is called by join, on the goroutine that serves.
func (p *datagramPeer) drop(string) { p.forget() }

// datagram returns a message as it is sent.
func datagram(message []byte) []byte {
	return append(message[:len(message):len(message)], '\n')
}

// sendError explains why a datagram could not be sent.
func sendError(message []byte, err error) error {
	switch {
	case err == nil:
		return nil
	case isTooLong(err):
		return &undelivered{reason: fmt.Sprintf("the message has %d bytes, more than a datagram takes (65506 by IPv4): not sent; "+
			"the modes with a connection take it", len(message))}
	case isRefused(err):
		return &undelivered{reason: "nobody listens there: the other machine says that the port is closed", closed: true}
	}
	return &undelivered{reason: fmt.Sprintf("not sent: %v", cause(err))}
}

// datagramTalk is a client's conversation by datagrams. The socket is bound to
// the server's address: only so is it told that nobody listens there.
type datagramTalk struct {
	conn     *net.UDPConn
	buffer   []byte
	failures int
}

// dialUDP gets a socket for a server. Nothing is sent, so it is not known
// whether there is one.
func dialUDP(ctx context.Context, c *Command, console *console) (talk, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", c.Host)
	if err != nil {
		return nil, dialError(ctx, c, err)
	}
	address := netip.AddrPortFrom(preferIPv4(addresses), c.Port)
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(address))
	if err != nil {
		return nil, failf(exit.Unreachable, "%s port %d: %w", c.Host, c.Port, cause(err))
	}
	console.note("messages go to %v by UDP; nobody says whether they arrive", conn.RemoteAddr())
	return &datagramTalk{conn: conn, buffer: make([]byte, maxDatagram)}, nil
}

// preferIPv4 chooses one of the addresses of a host. Nothing tells which of them
// a server listens on; nc and most others take IPv4 unless they are told
// otherwise.
func preferIPv4(addresses []netip.Addr) netip.Addr {
	for _, a := range addresses {
		if a.Unmap().Is4() {
			return a.Unmap()
		}
	}
	return addresses[0]
}

func (t *datagramTalk) receive() (message []byte, whole bool, err error) {
	n, err := t.conn.Read(t.buffer)
	switch {
	case err == nil:
		t.failures = 0
		return trimLineEnd(t.buffer[:n]), true, nil
	case errors.Is(err, net.ErrClosed):
		return nil, false, err
	}
	if t.failures++; t.failures > maxFailures {
		return nil, false, err
	}
	return nil, false, sendError(nil, err) // of a datagram sent before
}

// say sends a message. The error of the call may be that of an earlier datagram
// instead, and then this one has not been sent.
func (t *datagramTalk) say(message []byte) error {
	_, err := t.conn.Write(datagram(message))
	if isRefused(err) {
		_, err = t.conn.Write(datagram(message))
	}
	return sendError(message, err)
}

func (t *datagramTalk) unblock() {}

// finish sends nothing: that is what it means to have no connection.
func (t *datagramTalk) finish() {}

func (t *datagramTalk) confirms() bool { return false }

func (t *datagramTalk) close() { _ = t.conn.Close() }
