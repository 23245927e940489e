package chat

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// tcpRoundTrip returns the smoothed round-trip time that the system has measured
// on a connection (TCP_INFO, tcp(7)).
func tcpRoundTrip(conn *net.TCPConn) (rtt time.Duration, known bool) {
	withDescriptor(conn, func(fd int) {
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			rtt = time.Duration(info.Rtt) * time.Microsecond
		}
	})
	return rtt, rtt > 0
}

// limitSilence ends a connection whose peer acknowledges nothing for so long
// (TCP_USER_TIMEOUT, RFC 5482). Without it the system repeats what it has sent
// for a quarter of an hour, and asks for no sign of life meanwhile.
func limitSilence(conn *net.TCPConn, limit time.Duration) {
	withDescriptor(conn, func(fd int) {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
	})
}

func withDescriptor(conn *net.TCPConn, f func(fd int)) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // fails on a closed connection
}
