package udp

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

var (
	alice = netip.MustParseAddrPort("192.0.2.1:1")
	bob   = netip.MustParseAddrPort("192.0.2.2:2")
)

// pair opens two sockets on a network in memory.
func pair(t *testing.T, impairment Impairment) (a, b Conn) {
	t.Helper()
	network := NewMemoryNet(impairment)
	a, err := network.Listen(alice)
	if err != nil {
		t.Fatal(err)
	}
	b, err = network.Listen(bob)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestMemoryTrains(t *testing.T) {
	a, b := pair(t, nil)
	first, second := train(10*1064+5), train(3*500)
	for _, sent := range [][]byte{first, second} {
		size := 1064
		if len(sent) == len(second) {
			size = 500
		}
		if err := a.WriteTrain(sent, size, bob, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, MaxTrain)
	for _, want := range []struct {
		bytes []byte
		size  int
	}{{first, 1064}, {second, 500}} {
		n, size, remote, local, _, err := b.ReadTrain(buf)
		if err != nil || size != want.size || remote != alice || local != bob || !bytes.Equal(buf[:n], want.bytes) {
			t.Errorf("%d bytes in datagrams of %d from %v to %v, error %v; want %d in %d",
				n, size, remote, local, err, len(want.bytes), want.size)
		}
	}
}

func TestMemoryHoldsBackALargerDatagram(t *testing.T) {
	a, b := pair(t, nil)
	for _, n := range []int{10, 20, 20, 5, 20} {
		if err := a.WriteTrain(train(n), n, bob, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, MaxTrain)
	for _, want := range []struct{ bytes, size int }{{10, 10}, {45, 20}, {20, 20}} {
		n, size, _, _, _, err := b.ReadTrain(buf)
		if err != nil || n != want.bytes || size != want.size {
			t.Errorf("%d bytes in datagrams of %d, %v; want %+v", n, size, err, want)
		}
	}
}

func TestMemoryImpairment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := 0
		a, b := pair(t, func(_, _ netip.AddrPort, datagram []byte) (time.Duration, bool) {
			count++
			datagram[0] = byte(count)
			return time.Duration(count) * time.Second, count == 2
		})
		start := time.Now()
		if err := a.WriteTrain(make([]byte, 3), 1, bob, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, MaxTrain)
		for _, want := range []byte{1, 3} {
			n, _, _, _, _, err := b.ReadTrain(buf)
			if err != nil || n != 1 || buf[0] != want || time.Since(start) != time.Duration(want)*time.Second {
				t.Errorf("%v after %v, %v; want %d", buf[:n], time.Since(start), err, want)
			}
		}
	})
}

func TestMemoryFullQueueDrops(t *testing.T) {
	a, b := pair(t, nil)
	for range memoryQueue + 7 {
		if err := a.WriteTrain(train(1), 1, bob, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.SocketDrops(); got != 7 {
		t.Errorf("%d drops, want 7", got)
	}
}

func TestMemoryAddresses(t *testing.T) {
	network := NewMemoryNet(nil)
	a, err := network.Listen(netip.MustParseAddrPort("192.0.2.1:0"))
	if err != nil || a.LocalAddr().Port() == 0 {
		t.Fatalf("%v, %v", a, err)
	}
	if _, err := network.Listen(a.LocalAddr()); err == nil {
		t.Error("one address was given twice")
	}
	a.Close()
	b, err := network.Listen(a.LocalAddr())
	if err != nil {
		t.Errorf("the address of a closed socket: %v", err)
	} else {
		b.Close()
	}
	// Nobody is there: the datagram is gone, and no error.
	c, _ := network.Listen(alice)
	defer c.Close()
	if err := c.WriteTrain(train(1), 1, bob, netip.AddrPort{}); err != nil {
		t.Error(err)
	}
}
