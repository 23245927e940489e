package udp

import (
	"bytes"
	"errors"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace runs a test in a network namespace of its own, after the given
// commands, or skips it where that is not allowed or a command does not work.
func inNamespace(t *testing.T, commands []string, test func(t *testing.T)) {
	t.Helper()
	done := make(chan struct{})
	var obstacle string
	go func() {
		defer close(done)
		// The namespace belongs to the thread, which ends with the goroutine
		// because it is never unlocked. A socket stays where it was made.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			obstacle = "no network namespace: " + err.Error()
			return
		}
		for _, command := range commands {
			words := strings.Fields(command)
			if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
				obstacle = command + ": " + err.Error() + ": " + string(output)
				return
			}
		}
		test(t)
	}()
	<-done
	if obstacle != "" {
		t.Skip(obstacle)
	}
}

// pairInNamespace does the same with two sockets of an address there.
func pairInNamespace(t *testing.T, commands []string, host string, test func(t *testing.T, a, b Conn)) {
	t.Helper()
	inNamespace(t, commands, func(t *testing.T) {
		a, errA := Listen(host + ":0")
		b, errB := Listen(host + ":0")
		if err := errors.Join(errA, errB); err != nil {
			t.Error(err)
			return
		}
		defer a.Close()
		defer b.Close()
		test(t, a, b)
	})
}

// TestSegmentBeyondTheMTU: the kernel refuses such a train, and each of its
// datagrams; what fits the path goes on as before.
func TestSegmentBeyondTheMTU(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		pairInNamespace(t, []string{"ip link set lo up mtu 1280"}, host, func(t *testing.T, a, b Conn) {
			tried := attempts(a.(*conn), netip.Addr{}, 0)
			part := train(4*1400 + 100)
			if err := a.WriteTrain(part, 1400, b.LocalAddr(), netip.AddrPort{}); !errors.Is(err, unix.EMSGSIZE) {
				t.Errorf("%s: error %v, want one about the size", host, err)
			}
			arrives(t, a, b, part[4*1400:], 100)
			for range 2 {
				sent := train(20 * 1200)
				if err := a.WriteTrain(sent, 1200, b.LocalAddr(), netip.AddrPort{}); err != nil {
					t.Error(err)
				}
				arrives(t, a, b, sent, 1200)
			}
			if want := 3; *tried != want {
				t.Errorf("%s: segmentation was tried %d times, want %d", host, *tried, want)
			}
		})
	}
}

// TestFullSendBuffer: on a path slower than the writer, WriteTrain waits for
// room in the middle of a train, and nothing is lost, doubled or reordered.
func TestFullSendBuffer(t *testing.T) {
	slow := []string{"ip link set lo up mtu 1500", "tc qdisc add dev lo root tbf rate 200mbit burst 20kb limit 10mb"}
	inEachMode(t, func(t *testing.T, m mode) {
		pairInNamespace(t, slow, "127.0.0.1", func(t *testing.T, a, b Conn) {
			if m.limit != nil {
				m.limit(t, a)
				m.limit(t, b)
			}
			setOption(t, a.(*conn), unix.SOL_SOCKET, unix.SO_SNDBUF, 1)
			sent := train(5 * 61 * 1064)
			if err := a.WriteTrain(sent, 1064, b.LocalAddr(), netip.AddrPort{}); err != nil {
				t.Error(err)
			}
			arrives(t, a, b, sent, 1064)
		})
	})
}

// TestRefusalBehindAFullSendBuffer: ICMP messages that come while there is no
// room to write do not end the reader.
func TestRefusalBehindAFullSendBuffer(t *testing.T) {
	slow := []string{"ip link set lo up mtu 1500", "tc qdisc add dev lo root tbf rate 100mbit burst 20kb limit 10mb"}
	inEachMode(t, func(t *testing.T, m mode) {
		inNamespace(t, slow, func(t *testing.T) {
			c, errC := Listen("127.0.0.1:0")
			other, errOther := Listen("127.0.0.1:0")
			gone, errGone := Listen("127.0.0.1:0")
			if err := errors.Join(errC, errOther, errGone); err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			defer c.Close()
			nobody := gone.LocalAddr()
			gone.Close()
			if m.limit != nil {
				m.limit(t, c)
			}
			setOption(t, c.(*conn), unix.SOL_SOCKET, unix.SO_SNDBUF, 100_000)
			var refused atomic.Int64
			c.WatchRefusals(func(netip.AddrPort, []byte) { refused.Add(1) })
			go func() {
				for range 50 {
					_ = c.WriteTrain(train(10*1064), 1064, nobody, netip.AddrPort{})
					_ = c.WriteTrain(train(10*1064), 1064, other.LocalAddr(), netip.AddrPort{})
				}
				_ = other.WriteTrain(train(100), 100, c.LocalAddr(), netip.AddrPort{})
			}()
			if got, _, _ := receive(t, c, 100, 100); !bytes.Equal(got, train(100)) {
				t.Error("other bytes arrived than were sent")
			}
			if refused.Load() == 0 {
				t.Error("no datagram was refused")
			}
		})
	})
}
