package udp

import (
	"errors"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

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

// writePart sends what fits one system call. Where the path refuses the
// segmentation nothing was sent, and the same datagrams go at once each by
// itself, so the refusal costs nothing. If that works the fault is with the
// segmentation, and it is not tried again on this path for a while; if not, it
// is with the path's MTU or its address, and the next train may fare better.
func (c *conn) writePart(part []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error {
	if len(part) <= segmentSize {
		return c.write(part, 0, remote, source)
	}
	segmented := c.segmentation && !c.slowPaths.has(remote.Addr())
	if segmented {
		err := c.writeSegmented(part, segmentSize, remote, source)
		if !refusesSegmentation(err) {
			return err
		}
	}
	err := c.writeEach(part, segmentSize, remote, source)
	if segmented && err == nil {
		c.slowPaths.add(remote.Addr())
	}
	return err
}

// refusesSegmentation reports whether err may come from UDP_SEGMENT: EIO where
// the interface has no checksum offload or is a tunnel, EINVAL where there are
// too many segments or they exceed the interface's MTU, EMSGSIZE where the
// whole exceeds a length field or, on later kernels, a segment the MTU.
func refusesSegmentation(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// sendAttempts is how often a call is made whose error may be of another
// datagram: each attempt uses up one such error.
const sendAttempts = 3

// mayBeOfAnother reports whether an error of a send call may belong to an
// earlier datagram, to another peer even, because a firewall or an ICMP message
// had a say. The call is then worth another try, before anything is concluded
// from it.
func mayBeOfAnother(err error) bool { return errors.Is(err, unix.EPERM) || isOfICMP(err) }

// write makes one system call: for one datagram, or for a train where
// segmentSize is above 0.
func (c *conn) write(p []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error {
	d := departures.Get().(*departure)
	defer departures.Put(d)
	if !d.address(remote, c.scopeOf(remote.Addr().Zone()), source, segmentSize, c.ipv6) {
		return c.failure("write", "sendmmsg", unix.EAFNOSUPPORT)
	}
	d.load(p, len(p))
	err := c.depart(d)
	d.unload()
	return err
}

// writeEach sends a train as datagrams of their own. It goes on after an error,
// because the next datagram may have more luck, and returns the first, unless
// the socket is closed.
func (c *conn) writeEach(train []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error {
	d := departures.Get().(*departure)
	defer departures.Put(d)
	if !d.address(remote, c.scopeOf(remote.Addr().Zone()), source, 0, c.ipv6) {
		return c.failure("write", "sendmmsg", unix.EAFNOSUPPORT)
	}
	var first error
	for len(train) > 0 {
		train = d.load(train, segmentSize)
		err := c.depart(d)
		if err != nil && first == nil {
			first = err
		}
		if isClosed(err) {
			break
		}
	}
	d.unload()
	return first
}

// A scope is the interface on which an address is to be understood.
type scope struct {
	zone  string // its name, or its number in digits
	index uint32
}

// scopeOf returns the number of an interface, 0 for the zone of an address that
// means the same everywhere, and for an interface that is not there. The last one
// is remembered: to ask is a conversation with the kernel.
func (c *conn) scopeOf(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if last := c.scope.Load(); last != nil && last.zone == zone {
		return last.index
	}
	index, err := strconv.ParseUint(zone, 10, 32)
	if link, unknown := net.InterfaceByName(zone); unknown == nil {
		index, err = uint64(link.Index), nil
	}
	if err != nil {
		return 0
	}
	c.scope.Store(&scope{zone: zone, index: uint32(index)})
	return uint32(index)
}
