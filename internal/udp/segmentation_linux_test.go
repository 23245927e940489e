package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// attempts counts the trains that a socket tries to send in one piece, and has
// those to the given address refused with an error; 0: by the kernel itself.
func attempts(c *conn, refusing netip.Addr, errno syscall.Errno) *int {
	count := new(int)
	c.writeSegmented = func(train []byte, segmentSize int, remote netip.AddrPort, source netip.Addr) error {
		*count++
		if errno != 0 && remote.Addr() == refusing {
			return &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendmsg", errno)}
		}
		return c.write(train, segmentSize, remote, source)
	}
	return count
}

// arrives checks that exactly the bytes of sent arrive at to, in order: behind
// them nothing but the last word, which is sent now.
func arrives(t *testing.T, from, to Conn, sent []byte, size int) {
	t.Helper()
	if got, _, _ := receive(t, to, len(sent), size); !bytes.Equal(got, sent) {
		t.Error("other bytes arrived than were sent")
	}
	lastWord := []byte("the last word")
	if err := from.WriteTrain(lastWord, len(lastWord), to.LocalAddr(), netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, MaxTrain)
	if n, _, _, _, _, err := to.ReadTrain(buf); err != nil || !bytes.Equal(buf[:n], lastWord) {
		t.Errorf("%d bytes more arrived than were sent, %v", n, err)
	}
}

// TestRefusedSegmentation: whatever the reason, the train that was refused
// arrives all the same, and later ones on this path go another way at once.
func TestRefusedSegmentation(t *testing.T) {
	here := netip.MustParseAddr("127.0.0.1")
	for _, test := range []struct {
		name        string
		prepare     func(t *testing.T, c *conn)
		refusal     syscall.Errno // in place of the kernel's; 0: the kernel refuses by itself
		size, bytes int
	}{
		{"no checksum offload, a tunnel", nil, unix.EIO, 1064, 61 * 1064},
		{"a segment beyond the MTU, before Linux 6.10", nil, unix.EINVAL, 1064, 61*1064 - 7},
		{"a segment beyond the MTU", nil, unix.EMSGSIZE, 1064, 3 * 1064},
		{"too many segments", nil, 0, 1, 1000},
		{"too long for the length field", nil, 0, 1000, 70_000},
		{"no checksums wanted", func(t *testing.T, c *conn) {
			setOption(t, c, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
		}, 0, 1064, 61 * 1064},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := offload.open(t, "127.0.0.1:0").(*conn), offload.open(t, "127.0.0.1:0")
			if !a.segmentation {
				t.Skip("this kernel has no UDP_SEGMENT")
			}
			if test.prepare != nil {
				test.prepare(t, a)
			}
			tried := attempts(a, here, test.refusal)
			sent := train(test.bytes)
			for range 3 {
				// In one part, also where WriteTrain would have made several.
				if err := a.writePart(sent, test.size, b.LocalAddr(), netip.Addr{}); err != nil {
					t.Fatal(err)
				}
				arrives(t, a, b, sent, test.size)
			}
			if *tried != 1 {
				t.Errorf("segmentation was tried %d times on a path that refuses it", *tried)
			}
			sent = train(5 * 1064)
			if err := a.WriteTrain(sent, 1064, b.LocalAddr(), netip.AddrPort{}); err != nil {
				t.Fatal(err)
			}
			arrives(t, a, b, sent, 1064)
		})
	}
}

func TestOtherPathsKeepTheirSegmentation(t *testing.T) {
	if !canBind("127.0.0.2") {
		t.Skip("no address 127.0.0.2 here")
	}
	a := offload.open(t, "0.0.0.0:0").(*conn)
	slow, fast := offload.open(t, "127.0.0.1:0"), offload.open(t, "127.0.0.2:0")
	if !a.segmentation {
		t.Skip("this kernel has no UDP_SEGMENT")
	}
	tried := attempts(a, slow.LocalAddr().Addr(), unix.EIO)
	sent := train(10 * 1064)
	for range 4 {
		for _, to := range []Conn{slow, fast} {
			if err := a.WriteTrain(sent, 1064, to.LocalAddr(), netip.AddrPort{}); err != nil {
				t.Fatal(err)
			}
			arrives(t, a, to, sent, 1064)
		}
	}
	if *tried != 1+4 {
		t.Errorf("segmentation was tried %d times, want once on the one path and 4 times on the other", *tried)
	}
}

// TestPathThatFailsIsNotBlamedOnSegmentation: where the datagrams one by one
// fare no better, the fault is with the path.
func TestPathThatFailsIsNotBlamedOnSegmentation(t *testing.T) {
	a, b := offload.open(t, "127.0.0.1:0").(*conn), offload.open(t, "127.0.0.1:0")
	const tooLong = 65_530
	part := train(tooLong + 100)
	for range 2 {
		if err := a.writePart(part, tooLong, b.LocalAddr(), netip.Addr{}); !errors.Is(err, unix.EMSGSIZE) {
			t.Errorf("error %v, want one about the size", err)
		}
		if a.slowPaths.has(b.LocalAddr().Addr()) {
			t.Error("a datagram too long for the path turned segmentation off")
		}
		arrives(t, a, b, part[tooLong:], 100) // what was short enough has been sent
	}
}

func TestRefusalsOfSegmentation(t *testing.T) {
	for _, err := range []error{unix.EIO, unix.EINVAL, unix.EMSGSIZE} {
		if !refusesSegmentation(err) {
			t.Errorf("%v is taken for no refusal", err)
		}
	}
	for _, err := range []error{nil, unix.ENOBUFS, unix.EPERM, errors.New("other")} {
		if refusesSegmentation(err) {
			t.Errorf("%v is taken for a refusal", err)
		}
	}
}

func TestSlowPathsAreForgotten(t *testing.T) {
	path := func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i)) }
	synctest.Test(t, func(t *testing.T) {
		var paths slowPaths
		for i := range maxSlowPaths + 2 {
			paths.add(path(i))
			time.Sleep(time.Second)
		}
		paths.add(path(5)) // known, so nothing has to make room
		for i := range maxSlowPaths + 2 {
			if got, want := paths.has(path(i)), i >= 2; got != want {
				t.Errorf("path %d of %d: remembered: %v, want %v", i, maxSlowPaths+2, got, want)
			}
		}
		time.Sleep(slowPathMemory - time.Second/2)
		for i := range maxSlowPaths + 2 {
			if got, want := paths.has(path(i)), i == 5; got != want {
				t.Errorf("path %d after a while: remembered: %v, want %v", i, got, want)
			}
		}
		time.Sleep(time.Second)
		if paths.has(path(5)) || paths.known.Load() != 0 || len(paths.until) != 0 {
			t.Errorf("%d paths are left in the end", len(paths.until))
		}
	})
}
