package udp

import (
	"math"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

var (
	// offload is what this kernel can do.
	offload = mode{"offload", nil, wholeTrains}
	// mmsg is what a kernel can do that has neither UDP_GRO nor UDP_SEGMENT.
	mmsg = mode{"mmsg", withoutOffload, wholeTrains}
	// unjoined is a path on which UDP_GRO works and finds nothing to join.
	unjoined = mode{"nothing to join", withoutSegmentation, wholeTrains}
	// oneByOne is no mode of a socket, but what the modes are compared with.
	oneByOne = mode{"one by one", withoutBatches, datagramsAlone}

	modes = []mode{offload, mmsg, unjoined, {"offload, read by recvmmsg", readInBatches, wholeTrains}}
)

// datagramsAlone writes each datagram of a train with a call of its own.
func datagramsAlone(c Conn, p []byte, segmentSize int, remote netip.AddrPort) error {
	return eachDatagram(p, segmentSize, func(datagram []byte) error {
		return c.WriteTrain(datagram, segmentSize, remote, netip.AddrPort{})
	})
}

// withoutOffload makes a socket as on a kernel that has neither UDP_GRO nor
// UDP_SEGMENT.
func withoutOffload(t testing.TB, socket Conn) {
	t.Helper()
	c := socket.(*conn)
	setOption(t, c, unix.SOL_UDP, unix.UDP_GRO, 0)
	c.reader.patience = 0
	c.segmentation = false
}

// readInBatches makes a socket one that received only single datagrams so far.
func readInBatches(_ testing.TB, socket Conn) {
	c := socket.(*conn)
	c.reader.alone = c.reader.patience
}

// withoutSegmentation makes a socket send as on a kernel without UDP_SEGMENT.
func withoutSegmentation(_ testing.TB, socket Conn) {
	socket.(*conn).segmentation = false
}

// withoutBatches makes a socket read each datagram with a call of its own.
func withoutBatches(t testing.TB, socket Conn) {
	withoutOffload(t, socket)
	socket.(*conn).reader.patience = math.MaxInt
}

// setOption sets an option of the socket.
func setOption(t testing.TB, c *conn, level, name, value int) {
	t.Helper()
	var failed error
	if err := c.raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, name, value) }); err != nil {
		t.Fatal(err)
	}
	if failed != nil {
		t.Fatal(failed)
	}
}
