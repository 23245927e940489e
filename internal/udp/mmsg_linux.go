package udp

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is the border to recvmmsg(2) and sendmmsg(2), which neither package
// net nor package unix has: the structs they take, and the two calls. Each moves
// many datagrams with one entry into the kernel, but each datagram still walks
// through the whole network stack alone, so a train that the kernel takes in one
// piece (UDP_SEGMENT, UDP_GRO) is many times faster.

// message is a struct mmsghdr. The compiler pads it at its end as C does.
type message struct {
	header unix.Msghdr
	length uint32 // of what was received
}

// Neither call waits (MSG_DONTWAIT), so the scheduler is not told of them: it would
// take the processor away from a goroutine whose call lasts longer than 20 us, as
// one for a train does, and give it to another thread, which has to be woken for
// that. At 5 Gbit/s that doubled the context switches of a receiver.

// receiveMessages fills in as many messages as the kernel has, without waiting.
// Where one at least arrived there is no error: one that ended the run is told
// by the next call.
func receiveMessages(fd uintptr, messages []message) (n int, errno syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd,
			uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// sendMessages sends messages in order until one fails, without waiting. Where
// one at least was sent there is no error, and the kernel forgets the one of the
// message at which it ended.
func sendMessages(fd uintptr, messages []message) (n int, errno syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// socketAddress is a struct sockaddr_in or sockaddr_in6: the family (2 bytes, in
// the byte order of the machine), the port (2 bytes), then either the IPv4
// address, or flow information (4 bytes), the IPv6 address and its scope (4
// bytes, in the byte order of the machine).
type socketAddress [unix.SizeofSockaddrInet6]byte

// put writes an address without a zone and returns the size of the struct in
// bytes, 0 where a socket of this IP version cannot send there.
func (a *socketAddress) put(remote netip.AddrPort, ipv6 bool) uint32 {
	*a = socketAddress{}
	binary.BigEndian.PutUint16(a[2:], remote.Port())
	switch address := remote.Addr(); {
	case !address.IsValid():
		return 0
	case ipv6:
		binary.NativeEndian.PutUint16(a[:], unix.AF_INET6)
		bytes := address.As16()
		copy(a[8:], bytes[:])
		return unix.SizeofSockaddrInet6
	case address.Is4() || address.Is4In6():
		binary.NativeEndian.PutUint16(a[:], unix.AF_INET)
		bytes := address.Unmap().As4()
		copy(a[4:], bytes[:])
		return unix.SizeofSockaddrInet4
	}
	return 0
}

// addrPort returns the address and the number of the interface that it is to be
// understood on, 0 for an address that means the same everywhere.
func (a *socketAddress) addrPort() (address netip.AddrPort, scope uint32) {
	port := binary.BigEndian.Uint16(a[2:])
	switch binary.NativeEndian.Uint16(a[:]) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), port), 0
	case unix.AF_INET6:
		ip := netip.AddrFrom16([16]byte(a[8:24])).Unmap()
		return netip.AddrPortFrom(ip, port), binary.NativeEndian.Uint32(a[24:])
	}
	return netip.AddrPort{}, 0
}
