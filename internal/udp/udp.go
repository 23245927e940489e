// Package udp moves trains of datagrams in and out of the kernel.
//
// A train is a run of datagrams of one size, the last of which may be shorter,
// between one pair of addresses. On Linux a train crosses the border to the
// kernel in one piece (UDP_SEGMENT and UDP_GRO), which is worth a factor of ten
// and more in throughput. Where the kernel or a network interface refuses that,
// its datagrams cross one by one, but still many in one system call (sendmmsg
// and recvmmsg), which is worth a third; elsewhere each has a call of its own.
//
// On Linux a socket of this package also answers from the address that was
// addressed, never lets a router fragment its datagrams, and counts what the
// kernel dropped for want of room; elsewhere the system chooses the source
// address, decides on fragments unless ForbidFragments is called, and drops are
// not known. Everywhere it takes IPv4 and IPv6 alike. Addresses are unmapped at
// this border: an IPv4 peer is 192.0.2.1, never ::ffff:192.0.2.1.
//
// MemoryNet is the same interface without a kernel, for tests.
package udp

import (
	"fmt"
	"net"
	"net/netip"
)

// Sizes of trains, implementation constants.
const (
	// MaxTrain is the size of a buffer that holds every train, in bytes.
	MaxTrain = 64 << 10
	// MaxSegments is the largest number of datagrams that is sent with one
	// system call: UDP_MAX_SEGMENTS of Linux before version 6.9.
	MaxSegments = 64
	// maxPayload is the largest train that fits the length fields of both IP
	// versions, IPv6 and UDP headers included.
	maxPayload = 1<<16 - 1 - 48

	// maxQuoted is how many bytes of a refused datagram are passed on at most.
	maxQuoted = 64

	// socketBuffer is what is asked for as receive and send buffer, in bytes:
	// 60 ms at 1 Gbit/s, for the moments in which the reader does not run.
	socketBuffer = 8 << 20
)

// A Conn sends and receives trains of datagrams. WriteTrain may be called from
// several goroutines at once, ReadTrain from one.
type Conn interface {
	// ReadTrain blocks for the next train and puts it into buf, which should
	// have MaxTrain bytes: n bytes in datagrams of segmentSize each, the last
	// of which may be shorter, all from remote to local. The bits of ecn are
	// the ECN field of the IP header (RFC 3168), 0 where it is not known.
	// An error means that the socket is of no more use; after Close it wraps
	// net.ErrClosed.
	ReadTrain(buf []byte) (n, segmentSize int, remote, local netip.AddrPort, ecn byte, err error)

	// WriteTrain sends buf as datagrams of segmentSize to remote, from the
	// address of local where that is set. It waits while the socket's buffer
	// is full. An error that wraps net.ErrClosed means that the socket is
	// closed. Every other error is about this train alone: what it did not
	// send counts as lost on the path, which is a matter of congestion,
	// routes and firewalls and may be over the next moment.
	WriteTrain(buf []byte, segmentSize int, remote, local netip.AddrPort) error

	// LocalAddr returns the address that the socket is bound to, unspecified
	// for a socket on all addresses of the machine.
	LocalAddr() netip.AddrPort

	// SocketDrops returns how many datagrams the kernel dropped because the
	// socket's receive buffer was full, as far as it told.
	SocketDrops() uint64

	// ReceiveBuffer returns the size in bytes of the socket's receive buffer
	// as the kernel granted it, 0 where it does not tell.
	ReceiveBuffer() int

	// PortClosed reports whether the system at remote says that nobody listens
	// there. It may take closedPortWait. False proves nothing.
	PortClosed(remote netip.AddrPort) bool

	// WatchRefusals has tell called with the address of each datagram sent
	// from now on of which the system at that address says that nobody listens
	// for it, and with its first bytes, as many as that system quoted of it and
	// at most maxQuoted, which tell may use until it returns. Only Linux passes
	// that on. tell must not call this Conn.
	WatchRefusals(tell func(remote netip.AddrPort, quoted []byte))

	// Close closes the socket and ends a ReadTrain that waits.
	Close() error
}

// Listen opens a socket on address, "host:port". Without a host, or with
// "[::]", it takes IPv6 and IPv4 alike on all addresses of the machine, or IPv4
// alone where there is no IPv6; "0.0.0.0" asks for IPv4 alone. Port 0 lets the
// system choose.
func Listen(address string) (Conn, error) {
	resolved, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	// The network "udp4" keeps 0.0.0.0 from meaning both IP versions, which it
	// does for "udp".
	network := "udp"
	if resolved.IP.To4() != nil {
		network = "udp4"
	}
	socket, err := net.ListenUDP(network, resolved)
	if err != nil && (resolved.IP == nil || resolved.IP.Equal(net.IPv6unspecified)) {
		if v4, fallback := net.ListenUDP("udp4", &net.UDPAddr{Port: resolved.Port}); fallback == nil {
			socket, err = v4, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	conn, err := newConn(socket)
	if err != nil {
		socket.Close()
		return nil, fmt.Errorf("udp: %s: %w", socket.LocalAddr(), err)
	}
	return conn, nil
}

// boundTo returns the address of a socket.
func boundTo(socket *net.UDPConn) netip.AddrPort {
	return unmap(socket.LocalAddr().(*net.UDPAddr).AddrPort())
}

// unmap makes an IPv4 address of an IPv4-mapped IPv6 address.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// eachDatagram calls send with one datagram of the train after the other. It
// goes on after an error, because the next datagram may have more luck, and
// returns the first, unless the socket is closed.
func eachDatagram(train []byte, segmentSize int, send func(datagram []byte) error) error {
	if segmentSize <= 0 {
		segmentSize = len(train)
	}
	var first error
	for len(train) > 0 {
		datagram := train[:min(segmentSize, len(train))]
		train = train[len(datagram):]
		err := send(datagram)
		if err != nil && first == nil {
			first = err
		}
		if isClosed(err) {
			break
		}
	}
	return first
}
