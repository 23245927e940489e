package udp

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Control messages travel beside the bytes of recvmsg(2) and sendmsg(2); see
// cmsg(3) for their layout. Numbers in them are in the byte order of the
// machine, addresses in that of the network.

// receiveControl is room for all control messages that the options of a conn
// ask for, with some to spare: segment size, address, drops and two ECN fields.
const receiveControl = 256

// sendControl is room for a segment size (2 bytes) and an IPv6 source address,
// each with a header of at most 16 bytes, padded to 8.
const sendControl = 64

// received is what the control messages of a train said.
type received struct {
	segmentSize int        // 0: a single datagram
	local       netip.Addr // the address it was sent to; invalid: not told
	ecn         byte
	drops       uint32 // datagrams dropped by the socket in all, if hasDrops
	hasDrops    bool
}

// parseControl reads the control messages of a train. What it does not know it
// skips.
func parseControl(control []byte) received {
	var r received
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		r.take(header.Level, header.Type, data)
		control = rest
	}
	return r
}

// take reads one control message.
func (r *received) take(level, kind int32, data []byte) {
	switch {
	case level == unix.SOL_UDP && kind == unix.UDP_GRO && len(data) >= 2:
		// An int; before Linux 5.12 it was written as one of 16 bits.
		if len(data) >= 4 {
			r.segmentSize = int(binary.NativeEndian.Uint32(data))
		} else {
			r.segmentSize = int(binary.NativeEndian.Uint16(data))
		}
	case level == unix.SOL_SOCKET && kind == unix.SO_RXQ_OVFL && len(data) >= 4:
		r.drops, r.hasDrops = binary.NativeEndian.Uint32(data), true
	case level == unix.SOL_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		// struct in_pktinfo: interface, local address, destination in the
		// header. The second differs from the third for a broadcast.
		r.local = netip.AddrFrom4([4]byte(data[4:8]))
	case level == unix.SOL_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		r.local = netip.AddrFrom16([16]byte(data[:16])).Unmap()
	case level == unix.SOL_IP && kind == unix.IP_TOS && len(data) >= 1:
		r.ecn = data[0] & 3
	case level == unix.SOL_IPV6 && kind == unix.IPV6_TCLASS && len(data) >= 4:
		r.ecn = byte(binary.NativeEndian.Uint32(data)) & 3
	}
}

// appendSendControl appends the control messages of a train to be sent: its
// segment size where it is above 0, its source address where that is valid.
func appendSendControl(control []byte, segmentSize int, source netip.Addr, ipv6 bool) []byte {
	if segmentSize > 0 {
		var data []byte
		control, data = appendMessage(control, unix.SOL_UDP, unix.UDP_SEGMENT, 2)
		binary.NativeEndian.PutUint16(data, uint16(segmentSize))
	}
	switch {
	case !source.IsValid():
	case ipv6:
		// struct in6_pktinfo: address, interface. An IPv4 address stands here
		// as a mapped one.
		var data []byte
		control, data = appendMessage(control, unix.SOL_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		address := source.As16()
		copy(data, address[:])
	case source.Is4():
		var data []byte
		control, data = appendMessage(control, unix.SOL_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		address := source.As4()
		copy(data[4:8], address[:])
	}
	return control
}

// appendMessage appends a control message with size bytes of zeros and returns
// those to be filled in.
func appendMessage(control []byte, level, kind int32, size int) (all, data []byte) {
	start := len(control)
	all = control[:start+unix.CmsgSpace(size)]
	clear(all[start:])
	header := (*unix.Cmsghdr)(unsafe.Pointer(&all[start]))
	header.Level, header.Type = level, kind
	header.SetLen(unix.CmsgLen(size))
	data = all[start+unix.CmsgLen(0):][:size]
	return all, data
}
