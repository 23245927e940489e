package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// conn is a socket with segmentation offload on both ways.
type conn struct {
	socket *net.UDPConn
	local  netip.AddrPort

	// Set when the socket is made, constant afterwards.
	ipv6          bool // an IPv6 socket, which takes IPv4 as mapped addresses
	wildcard      bool // bound to no address: each train has a source of its own
	receiveBuffer int

	// noSegmentation is set once a train could only be sent datagram by
	// datagram. It holds for the socket as long as it lives.
	noSegmentation atomic.Bool
	drops          atomic.Uint64

	refusals   refusalQueue
	controlIn  [receiveControl]byte // of the one reader
	controlOut sync.Pool            // of *[sendControl]byte
}

// newConn sets the options of a socket. All are improvements that a kernel may
// refuse, a container's filter too, so a refusal is no error.
func newConn(socket *net.UDPConn) (Conn, error) {
	c := &conn{socket: socket, local: boundTo(socket)}
	c.wildcard = c.local.Addr().IsUnspecified()
	c.controlOut.New = func() any { return new([sendControl]byte) }
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = c.setOptions(int(fd)) }); err != nil {
		return nil, err
	}
	return c, failed
}

// setOptions sets what the kernel lets it set. Its error is about the socket
// being none.
func (c *conn) setOptions(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	c.ipv6 = domain == unix.AF_INET6

	// The forced size may exceed net.core.rmem_max and needs CAP_NET_ADMIN.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
	// The kernel reports twice what it grants, its own overhead included.
	if size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
		c.receiveBuffer = size / 2
	}

	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	c.noSegmentation.Store(unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, 0) != nil)

	// IPv4, also as mapped addresses of an IPv6 socket. "Probe" sets the
	// Don't Fragment bit and ignores what ICMP says of the path's MTU, which
	// anyone can forge.
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVTOS, 1)
	if c.ipv6 {
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVTCLASS, 1)
	}
	if c.wildcard && c.ipv6 {
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
	} else if c.wildcard {
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_PKTINFO, 1)
	}
	return nil
}

func (c *conn) LocalAddr() netip.AddrPort { return c.local }
func (c *conn) SocketDrops() uint64       { return c.drops.Load() }
func (c *conn) ReceiveBuffer() int        { return c.receiveBuffer }

// PortClosed asks with a socket of its own.
func (c *conn) PortClosed(remote netip.AddrPort) bool { return portClosed(remote) }
func (c *conn) Close() error                          { return c.socket.Close() }

func (c *conn) ReadTrain(buf []byte) (n, segmentSize int, remote, local netip.AddrPort, ecn byte, err error) {
	for {
		n, control, flags, from, err := c.socket.ReadMsgUDPAddrPort(buf, c.controlIn[:])
		if err != nil {
			if !isClosed(err) && isPassing(err) {
				c.readRefusals()
				continue
			}
			return 0, 0, netip.AddrPort{}, netip.AddrPort{}, 0, err
		}
		if flags&unix.MSG_TRUNC != 0 {
			continue // longer than buf: none of ours
		}
		info := parseControl(c.controlIn[:control])
		if info.hasDrops {
			c.countDrops(info.drops)
		}
		local := c.local
		if info.local.IsValid() {
			local = netip.AddrPortFrom(info.local, c.local.Port())
		}
		segmentSize := info.segmentSize
		if segmentSize <= 0 || segmentSize > n {
			segmentSize = n
		}
		return n, segmentSize, unmap(from), local, info.ecn, nil
	}
}

// countDrops takes the kernel's 32-bit counter, which wraps around.
func (c *conn) countDrops(drops uint32) {
	before := c.drops.Load()
	c.drops.Store(before + uint64(drops-uint32(before)))
}

func (c *conn) WriteTrain(buf []byte, segmentSize int, remote, local netip.AddrPort) error {
	if c.ipv6 && remote.Addr().Is4() {
		remote = netip.AddrPortFrom(netip.AddrFrom16(remote.Addr().As16()), remote.Port())
	}
	var source netip.Addr
	if c.wildcard && !local.Addr().IsUnspecified() {
		source = local.Addr()
	}
	if segmentSize <= 0 {
		segmentSize = len(buf)
	}
	// A datagram too long for one call still gets its call, which tells.
	limit := max(1, min(MaxSegments, maxPayload/max(segmentSize, 1))) * segmentSize
	var first error
	for len(buf) > 0 {
		part := buf[:min(len(buf), limit)]
		buf = buf[len(part):]
		err := c.writePart(part, segmentSize, remote, source)
		if err != nil && first == nil {
			first = err
		}
		if isClosed(err) {
			break
		}
	}
	return first
}

// writePart sends what fits one system call. Where the kernel refuses the
// segmentation, the same datagrams go at once one by one, so the refusal costs
// nothing. If that works the fault is with the segmentation, and it is not
// tried again; if not, it is with the path, its MTU or its address, and the
// next train may find another.
func (c *conn) writePart(part []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error {
	if len(part) <= segmentSize {
		return c.write(part, 0, remote, source)
	}
	segmented := !c.noSegmentation.Load()
	if segmented {
		if err := c.write(part, segmentSize, remote, source); !refusesSegmentation(err) {
			return err
		}
	}
	err := eachDatagram(part, segmentSize, func(datagram []byte) error {
		return c.write(datagram, 0, remote, source)
	})
	if segmented && err == nil {
		c.noSegmentation.Store(true)
	}
	return err
}

// refusesSegmentation reports whether err may come from UDP_SEGMENT: EIO where
// the interface has no checksum offload or is a tunnel, EINVAL where there are
// too many segments or they exceed the interface's MTU, EMSGSIZE where the
// whole exceeds a length field.
func refusesSegmentation(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// write makes one system call. A first datagram after a firewall or an ICMP
// message had a say may get an error that belongs to an earlier one, to another
// peer even, so it is tried twice.
func (c *conn) write(p []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error {
	space := c.controlOut.Get().(*[sendControl]byte)
	defer c.controlOut.Put(space)
	control := appendSendControl(space[:0], segmentSize, source, c.ipv6)
	_, _, err := c.socket.WriteMsgUDPAddrPort(p, control, remote)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) {
		c.readRefusals()
		_, _, err = c.socket.WriteMsgUDPAddrPort(p, control, remote)
	}
	return err
}
