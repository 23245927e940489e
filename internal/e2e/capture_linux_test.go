package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of datagrams, docs/protocol.md §3.1 and §3.2.
const (
	blockBytes        = 1024
	fullDatagramBytes = 1064
)

// TestCaptureShowsNoSecret captures a transfer each way on the wire, as anyone
// on the path can, and looks for the name and the contents of the file.
func TestCaptureShowsNoSecret(t *testing.T) {
	besideOthers(t)
	for _, way := range []string{"-t", "-r"} {
		for _, address := range []string{serverV4, serverV6} {
			t.Run(way+" "+address, func(t *testing.T) { captureTransfer(t, way, address) })
		}
	}
}

func captureTransfer(t *testing.T, way, address string) {
	const secretName = "the-name-that-nobody-may-read.txt"
	secret := []byte("Contents that nobody on the way may read. ")
	const blocks = 1000
	contents := bytes.Repeat(secret, blocks*blockBytes/len(secret)+1)[:blocks*blockBytes]

	server, client := newWire(t)
	source, target := client, server
	if way == "-r" {
		source, target = server, client
	}
	source.write(secretName, contents)
	service := server.start("uft", "-a", "-s")
	service.port()
	capture := client.capture()
	client.run(30*time.Second, "uft", address, "-b", "20M", way, secretName)
	// A second time, when the client knows the server and sends at once.
	if way == "-r" {
		client.run(30*time.Second, "uft", address, "-b", "20M", way, secretName, "-o", "again")
	}
	target.mustHold(secretName, contents)
	service.mustStop()

	datagrams := capture.stop()
	full, sizes := 0, map[int]int{}
	for _, d := range datagrams {
		// Any 16 bytes of the file in a row hold one of its words in full; the
		// shorter ones could stand there by chance.
		for _, clear := range [][]byte{[]byte("the-name"), []byte("nobody"), []byte("Contents")} {
			if bytes.Contains(d.payload, clear) {
				t.Fatalf("a datagram from %v shows %q:\n%q", d.from, clear, d.payload)
			}
		}
		// The short header is what full blocks travel in, 0-RTT aside.
		if d.payload[0]&0xc0 == 0x40 && len(d.payload) >= blockBytes {
			sizes[len(d.payload)]++
		}
		if len(d.payload) == fullDatagramBytes {
			full++
		}
	}
	t.Logf("%d datagrams captured; of those with a short header and 1024 bytes or more, by size: %v", len(datagrams), sizes)
	if full < blocks {
		t.Errorf("%d datagrams of %d bytes for a file of %d blocks", full, fullDatagramBytes, blocks)
	}
	for size, count := range sizes {
		if size != fullDatagramBytes {
			t.Errorf("%d full datagrams have %d bytes, not %d", count, size, fullDatagramBytes)
		}
	}
}

// A datagram is one that was seen on the wire.
type datagram struct {
	from    netip.AddrPort
	payload []byte
}

// A capture takes a copy of all that passes the interface of a host, both ways.
type capture struct {
	n         *namespace
	socket    int
	done      sync.WaitGroup
	stopped   chan struct{}
	datagrams []datagram
	err       error
}

// capture begins to capture. The socket is open when it returns.
func (n *namespace) capture() *capture {
	n.t.Helper()
	c := &capture{n: n, stopped: make(chan struct{})}
	n.inside(func() {
		const everyProtocol = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
		socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, everyProtocol)
		if err != nil {
			n.t.Fatal(err)
		}
		c.socket = socket
	})
	_ = unix.SetsockoptInt(c.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) // of help, not needed
	timeout := unix.NsecToTimeval((50 * time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(c.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		n.t.Fatal(err)
	}
	c.done.Go(c.read)
	return c
}

// read takes packets until there are none any more after stop.
func (c *capture) read() {
	buffer := make([]byte, 1<<16)
	for {
		size, _, err := unix.Recvfrom(c.socket, buffer, 0)
		switch err {
		case nil:
			if d, ok := parseUDP(buffer[:size]); ok {
				c.datagrams = append(c.datagrams, d)
			}
		case unix.EINTR:
		case unix.EAGAIN:
			select {
			case <-c.stopped:
				return
			default:
			}
		default:
			c.err = err
			return
		}
	}
}

// stop ends the capture and returns the UDP datagrams.
func (c *capture) stop() []datagram {
	c.n.t.Helper()
	close(c.stopped)
	c.done.Wait()
	_ = unix.Close(c.socket)
	if c.err != nil {
		c.n.t.Fatal(fmt.Errorf("capturing: %w", c.err))
	}
	return c.datagrams
}

// parseUDP returns the datagram in an IP packet, if that is what it holds.
func parseUDP(packet []byte) (datagram, bool) {
	const udpHeaderBytes, ipv6HeaderBytes, protocolUDP = 8, 40, 17
	var from netip.Addr
	var rest []byte
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4 && packet[9] == protocolUDP:
		from, _ = netip.AddrFromSlice(packet[12:16])
		rest = packet[min(int(packet[0]&15)*4, len(packet)):]
	case len(packet) >= ipv6HeaderBytes && packet[0]>>4 == 6 && packet[6] == protocolUDP:
		from, _ = netip.AddrFromSlice(packet[8:24])
		rest = packet[ipv6HeaderBytes:]
	}
	if len(rest) <= udpHeaderBytes {
		return datagram{}, false
	}
	port := binary.BigEndian.Uint16(rest)
	payload := bytes.Clone(rest[udpHeaderBytes:min(int(binary.BigEndian.Uint16(rest[4:])), len(rest))])
	return datagram{netip.AddrPortFrom(from, port), payload}, len(payload) > 0
}
