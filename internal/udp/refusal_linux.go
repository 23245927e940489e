package udp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A refusalQueue reads what ICMP said about datagrams that were sent: with
// IP_RECVERR the kernel keeps it in a queue of the socket, and tells by an error
// of the next call, whatever that was about (ip(7)).
type refusalQueue struct {
	mu      sync.Mutex
	tell    func(remote netip.AddrPort, quoted []byte) // nil: nobody asked
	payload [maxQuoted]byte                            // of the datagram in question
	control [512]byte
}

// icmpErrors are what the kernel makes of ICMP messages (icmp_err_convert in
// net/ipv4/icmp.c, icmpv6_err_convert in net/ipv6/icmp.c). Anybody can send such
// a message, so none of them says anything about the socket.
var icmpErrors = []syscall.Errno{
	unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENOPROTOOPT, unix.ECONNREFUSED, unix.EMSGSIZE,
	unix.EOPNOTSUPP, unix.EHOSTDOWN, unix.ENONET, unix.EPROTO, unix.EACCES, unix.EPERM,
}

// isOfICMP reports whether an error may be what an ICMP message was turned into.
func isOfICMP(err error) bool {
	if err == nil {
		return false // at once: what follows is an allocation, and every call gets here
	}
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains(icmpErrors, errno)
}

// sizeofExtendedError is the size of a struct sock_extended_err in bytes.
const sizeofExtendedError = 16

// maxRefusals bounds how many messages are read at once.
const maxRefusals = 64

// WatchRefusals has told called, by whichever goroutine finds out, for each
// datagram that ICMP says nobody listened for.
func (c *conn) WatchRefusals(tell func(remote netip.AddrPort, quoted []byte)) {
	c.refusals.mu.Lock()
	c.refusals.tell = tell
	c.refusals.mu.Unlock()
	_ = c.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1)
		if c.ipv6 {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
		}
	})
}

// readRefusals empties the queue.
func (c *conn) readRefusals() {
	q := &c.refusals
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.tell == nil {
		return
	}
	_ = c.raw.Control(func(fd uintptr) {
		for range maxRefusals {
			quoted, n, _, from, err := unix.Recvmsg(int(fd), q.payload[:], q.control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if remote := addressOf(from); remote.IsValid() && isRefusal(q.control[:n]) {
				q.tell(remote, q.payload[:quoted])
			}
		}
	})
}

// addressOf returns where a datagram went that an ICMP message is about.
func addressOf(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return unmap(netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)))
	}
	return netip.AddrPort{}
}

// isRefusal reports whether the control messages of the error queue say "port
// unreachable". A struct sock_extended_err begins with the error number, 4 bytes,
// and its origin, 1 byte.
func isRefusal(control []byte) bool {
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return false
		}
		ours := header.Level == unix.SOL_IP && header.Type == unix.IP_RECVERR ||
			header.Level == unix.SOL_IPV6 && header.Type == unix.IPV6_RECVERR
		if ours && len(data) >= sizeofExtendedError {
			icmp := data[4] == unix.SO_EE_ORIGIN_ICMP || data[4] == unix.SO_EE_ORIGIN_ICMP6
			return icmp && syscall.Errno(binary.NativeEndian.Uint32(data)) == unix.ECONNREFUSED
		}
		control = rest
	}
	return false
}
