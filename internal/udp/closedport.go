package udp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// closedPortWait is how long portClosed waits for the answer: an ICMP message
// comes within a round trip.
const closedPortWait = 700 * time.Millisecond

// portClosed asks whether somebody listens at remote, by a datagram of one byte
// from a connected socket of its own: only on such a socket does every system
// report the ICMP message "port unreachable". It returns true only when that
// message came. False proves nothing: most firewalls say nothing.
//
// The byte is no packet of the protocol, and a server drops it.
func portClosed(remote netip.AddrPort) bool {
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return false
	}
	defer socket.Close() //nolint:errcheck // nothing is lost with it
	if _, err := socket.Write([]byte{0}); err != nil {
		return isRefused(err)
	}
	if err := socket.SetReadDeadline(time.Now().Add(closedPortWait)); err != nil {
		return false
	}
	_, err = socket.Read(make([]byte, 1))
	return isRefused(err)
}

// isRefused reports whether err is the ICMP message. Windows calls it
// WSAECONNRESET (10054).
func isRefused(err error) bool {
	const windowsReset = syscall.Errno(10054)
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsReset)
}
