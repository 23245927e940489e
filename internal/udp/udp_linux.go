package udp

import (
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn is a socket with segmentation offload on both ways where the kernel and
// the path have it, and with sendmmsg(2) and recvmmsg(2) where they do not.
type conn struct {
	raw   *descriptor
	bell  *doorbell
	local netip.AddrPort

	// Set when the socket is made, constant afterwards.
	ipv6         bool // an IPv6 socket, which takes IPv4 as mapped addresses
	wildcard     bool // bound to no address: each train has a source of its own
	segmentation bool // the kernel knows UDP_SEGMENT
	whole        bool // datagrams leave in one piece or not at all
	buffers      Buffers

	drops    atomic.Uint64
	closed   atomic.Bool
	refusals refusalQueue
	reader   reader

	// writeSegmented is write; a test may put a path that refuses in its place.
	writeSegmented func(train []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error
	slowPaths      slowPaths
	scope          atomic.Pointer[scope] // the last interface that was written to by name
}

// newConn sets the options of a socket. All are improvements that a kernel may
// refuse, a container's filter too, so a refusal is no error.
func newConn(socket *net.UDPConn) (Conn, error) {
	c := &conn{local: boundTo(socket)}
	var err error
	if c.raw, err = takeDescriptor(socket); err != nil {
		return nil, err
	}
	c.wildcard = c.local.Addr().IsUnspecified()
	c.writeSegmented = c.write
	c.reader.bind()
	if err = c.setOptions(c.raw.fd); err == nil {
		c.bell, err = newDoorbell(c.raw.fd)
	}
	if err != nil {
		_ = c.raw.Close()
		return nil, err
	}
	return c, nil
}

// setOptions sets what the kernel lets it set. Its error is about the socket
// being none.
func (c *conn) setOptions(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	c.ipv6 = domain == unix.AF_INET6
	c.buffers = Buffers{
		Asked:   socketBuffer,
		Receive: setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF),
		Send:    setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF),
	}

	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	if unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil {
		c.reader.patience = batchAfter
	}
	c.segmentation = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, 0) == nil

	// IPv4, also as mapped addresses of an IPv6 socket. "Probe" sets the
	// Don't Fragment bit and ignores what ICMP says of the path's MTU, which
	// anyone can forge.
	c.whole = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE) == nil
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVTOS, 1)
	if c.ipv6 {
		c.whole = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE) == nil && c.whole
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVTCLASS, 1)
	}
	if c.wildcard && c.ipv6 {
		_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
	} else if c.wildcard {
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_PKTINFO, 1)
	}
	return nil
}

// setBuffer asks for a buffer of socketBuffer bytes and returns what was
// granted, 0 where the kernel does not tell. By force it may exceed
// net.core.rmem_max and wmem_max, which needs CAP_NET_ADMIN.
func setBuffer(fd, force, ask int) int {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, ask, socketBuffer)
	}
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, ask)
	if err != nil {
		return 0
	}
	return size / 2 // the kernel reports twice what it grants, its own overhead included
}

func (c *conn) LocalAddr() netip.AddrPort { return c.local }
func (c *conn) SocketDrops() uint64       { return c.drops.Load() }
func (c *conn) ReceiveBuffer() int        { return c.buffers.Receive }
func (c *conn) granted() Buffers          { return c.buffers }
func (c *conn) forbidFragments() bool     { return c.whole }

// PortClosed asks with a socket of its own.
func (c *conn) PortClosed(remote netip.AddrPort) bool { return portClosed(remote) }

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.bell.Close()
	return c.raw.Close()
}

// countDrops takes the kernel's 32-bit counter, which wraps around.
func (c *conn) countDrops(drops uint32) {
	before := c.drops.Load()
	c.drops.Store(before + uint64(drops-uint32(before)))
}

// wrap says of an error which operation on which socket it ended.
func (c *conn) wrap(operation string, err error) error {
	return &net.OpError{Op: operation, Net: "udp", Source: net.UDPAddrFromAddrPort(c.local), Err: err}
}

// failure makes an error of what a system call on the socket returned, in the
// form that the calls of package net return.
func (c *conn) failure(operation, call string, errno syscall.Errno) error {
	return c.wrap(operation, os.NewSyscallError(call, errno))
}
