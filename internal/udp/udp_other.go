//go:build !linux

package udp

import (
	"net"
	"net/netip"
	"syscall"
)

// conn is a socket that moves one datagram with each system call.
type conn struct {
	socket *net.UDPConn
	local  netip.AddrPort

	raw     syscall.RawConn // of socket
	buffers Buffers
}

// newConn makes a conn of a socket. That the system grants smaller buffers
// than asked for is no error.
func newConn(socket *net.UDPConn) (Conn, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	askForBuffer(socket.SetReadBuffer)
	askForBuffer(socket.SetWriteBuffer)
	c := &conn{socket: socket, raw: raw, local: boundTo(socket), buffers: Buffers{Asked: socketBuffer}}
	err = raw.Control(func(fd uintptr) {
		c.buffers.Receive = bufferSize(fd, syscall.SO_RCVBUF)
		c.buffers.Send = bufferSize(fd, syscall.SO_SNDBUF)
	})
	return c, err
}

// askForBuffer asks for less and less: some systems refuse what exceeds their
// limit, rather than granting what they can.
func askForBuffer(set func(bytes int) error) {
	for size := socketBuffer; size >= socketBuffer/32; size /= 2 {
		if set(size) == nil {
			return
		}
	}
}

func (c *conn) LocalAddr() netip.AddrPort { return c.local }
func (c *conn) SocketDrops() uint64       { return 0 }
func (c *conn) ReceiveBuffer() int        { return c.buffers.Receive }
func (c *conn) granted() Buffers          { return c.buffers }

// forbidFragments sets what the system has for that, for the IP versions that
// the socket sends.
func (c *conn) forbidFragments() (whole bool) {
	both := c.local.Addr().Is6() && c.local.Addr().IsUnspecified()
	err := c.raw.Control(func(fd uintptr) {
		v4, v6 := dontFragment(fd)
		switch {
		case both:
			whole = v4 && v6
		case c.local.Addr().Is6():
			whole = v6
		default:
			whole = v4
		}
	})
	return whole && err == nil
}

// PortClosed asks with a socket of its own.
func (c *conn) PortClosed(remote netip.AddrPort) bool { return portClosed(remote) }

// WatchRefusals does nothing: the system does not tell.
func (c *conn) WatchRefusals(func(netip.AddrPort, []byte)) {}

func (c *conn) Close() error { return c.socket.Close() }

func (c *conn) ReadTrain(buf []byte) (n, segmentSize int, remote, local netip.AddrPort, ecn byte, err error) {
	for {
		n, remote, err = c.socket.ReadFromUDPAddrPort(buf)
		if err == nil {
			return n, n, unmap(remote), c.local, 0, nil
		}
		if isClosed(err) || !isPassing(err) {
			return 0, 0, netip.AddrPort{}, netip.AddrPort{}, 0, err
		}
	}
}

// WriteTrain leaves the choice of the source address to the system.
func (c *conn) WriteTrain(buf []byte, segmentSize int, remote, _ netip.AddrPort) error {
	return eachDatagram(buf, segmentSize, func(datagram []byte) error {
		_, err := c.socket.WriteToUDPAddrPort(datagram, remote)
		return err
	})
}
