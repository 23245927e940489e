package transport

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// sendBlocks sends a transfer over a connection and returns what arrives.
func sendBlocks(t *testing.T, from, to *Conn, p []byte) []byte {
	t.Helper()
	b, err := from.OpenBulk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- sendAll(b, p) }()
	r, err := to.AcceptBulk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := receiveAll(r, len(p))
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	<-b.Delivered()
	return got
}

// TestLargeBlocksOverLoopback finds on real sockets what they carry, in both
// directions, and gives all memory back.
func TestLargeBlocksOverLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			l := loopback(t, net.JoinHostPort(host, "0"), nil)
			c := connect(t, l.Addr().String(), &Config{BlockSize: AutoBlockSize, Carrier: UDP})
			s, err := l.Accept(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p := random(48<<20, 1)
			// The server was not asked by its user, but by the client.
			for _, direction := range [][2]*Conn{{c, s}, {s, c}} {
				from, to := direction[0], direction[1]
				if got := sendBlocks(t, from, to, p); !bytes.Equal(got, p) {
					t.Error("other bytes came")
				}
				checkNothingLeft(t, to)
				// A machine may be so busy that what is lost looks like a black
				// hole at the end; that large blocks were found is seen all the same.
				stats := from.Stats()
				t.Logf("blocks of %d bytes at the end, %d datagrams", stats.BlockSize, stats.DatagramsSent)
				if usual := uint64(len(p) / SmallestBlockSize); stats.DatagramsSent > usual/2 {
					t.Errorf("%d datagrams sent, which is not much less than %d", stats.DatagramsSent, usual)
				}
			}
		})
	}
}

// TestBlockSizeRefused asks for blocks that the path drops.
func TestBlockSizeRefused(t *testing.T) {
	inWorld(t, link.Config{Delay: 5 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		told := make(chan int, 2)
		w.longest.Store(1472)
		c := w.dial(&Config{BlockSize: 8192, OnBlockSizeRefused: func(bytes int) { told <- bytes }})
		p := random(4<<20, 1)
		if got := sendBlocks(t, c, w.accept(), p); !bytes.Equal(got, p) {
			t.Error("other bytes came")
		}
		if bytes := <-told; bytes != 8192 || len(told) != 0 {
			t.Errorf("blocks of %d bytes were refused, and %d more", bytes, len(told))
		}
		if got := c.Stats().BlockSize; got != SmallestBlockSize {
			t.Errorf("blocks of %d bytes", got)
		}
	})
}

// TestProbeTooLong: a probe that the interface does not take is no failure of the
// socket; anything else is.
func TestProbeTooLong(t *testing.T) {
	inWorld(t, link.Config{}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		tooLong := &net.OpError{Op: "write", Err: os.NewSyscallError("sendmsg", syscall.EMSGSIZE)}
		c.noteSendError(tooLong, 8232)
		if c.sendError != nil || isDone(c.sendFails) {
			t.Errorf("a probe left %v", c.sendError)
		}
		c.noteSendError(tooLong, 1200)
		if c.sendError == nil || !isDone(c.sendFails) {
			t.Error("an ordinary datagram left nothing")
		}
	})
}

func TestBlockSizesOutOfBounds(t *testing.T) {
	for _, size := range []int{-1, 1, 1023, LargestBlockSize + 1, AutoBlockSize + 1} {
		if _, err := (&Config{BlockSize: size}).checked(); err == nil || !strings.Contains(err.Error(), "there are only such of 1024 to 65447") {
			t.Errorf("%d: %v", size, err)
		}
	}
	for _, size := range []int{0, 1024, 1400, LargestBlockSize, AutoBlockSize} {
		if _, err := (&Config{BlockSize: size}).checked(); err != nil {
			t.Error(err)
		}
	}
}
