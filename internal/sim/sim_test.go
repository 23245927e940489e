package sim

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
)

func TestContent(t *testing.T) {
	c := fileContent(core.Client, 3)
	var whole [100]byte
	c.fill(whole[:], 7)
	for offset := range whole {
		for length := range min(20, len(whole)-offset) {
			part := make([]byte, length)
			c.fill(part, 7+uint64(offset))
			if string(part) != string(whole[offset:offset+length]) || !c.matches(part, 7+uint64(offset)) {
				t.Fatalf("%d bytes at %d differ", length, offset)
			}
			if length > 0 {
				part[length-1]++
				if c.matches(part, 7+uint64(offset)) {
					t.Fatalf("a wrong byte at %d was not found", offset+length-1)
				}
			}
		}
	}
	for _, other := range []content{fileContent(core.Server, 3), fileContent(core.Client, 4), streamContent(core.Client, 3)} {
		if other.matches(whole[:], 7) {
			t.Error("two contents are the same")
		}
	}
}

func TestArrivalsInOrder(t *testing.T) {
	n := New(Config{})
	var order []int
	for i, at := range []instant.Time{30, 10, 20, 10, 30} {
		n.At(n.Now()+at, func() { order = append(order, i) })
	}
	if err := n.Sleep(time.Second); err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 3, 2, 0, 4}; len(order) != 5 || order[0] != want[0] || order[1] != want[1] || order[2] != want[2] || order[3] != want[3] || order[4] != want[4] {
		t.Errorf("order %v", order)
	}
	if n.Elapsed() != time.Second {
		t.Errorf("%v passed", n.Elapsed())
	}
}

// connected returns a network with one client that is connected.
func connected(t *testing.T) (*Network, *Peer) {
	t.Helper()
	n := New(Config{Up: link.Config{Delay: time.Millisecond}, Down: link.Config{Delay: time.Millisecond}})
	p, err := n.Dial(DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Run(time.Second, func() bool { return p.Connected && p.Other != nil }); err != nil {
		t.Fatal(err)
	}
	return n, p
}

func TestRunEnds(t *testing.T) {
	n, _ := connected(t)
	from := n.Elapsed()
	if err := n.Run(time.Second, func() bool { return false }); !errors.Is(err, ErrTime) {
		t.Errorf("got %v", err)
	}
	if took := n.Elapsed() - from; took != time.Second {
		t.Errorf("%v passed", took)
	}
}

// TestViolationsAreFound breaks what the simulator is to watch.
func TestViolationsAreFound(t *testing.T) {
	for _, test := range []struct {
		want    string
		violate func(p *Peer)
	}{
		{"wrong bytes", func(p *Peer) { p.takeBlock(core.Block{Transfer: 1, Bytes: []byte("no")}) }},
		{"twice", func(p *Peer) {
			b := core.Block{Transfer: 1, Bytes: FileBytes(core.Server, 1, 0, 10)}
			p.takeBlock(b)
			p.takeBlock(b)
		}},
		{"window", func(p *Peer) { p.checkWindow(core.Stats{Window: 1000}, core.Stats{Window: 1000, Inflight: 1001}) }},
	} {
		n, p := connected(t)
		test.violate(p)
		if err := n.Sleep(time.Second); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.want, err)
		}
	}
}

func TestProbesMayExceedTheWindow(t *testing.T) {
	n, p := connected(t)
	full := core.Stats{Window: 1000, Inflight: 1000, ProbeTimeouts: 1}
	once, twice, thrice := full, full, full
	once.Inflight, twice.Inflight, thrice.Inflight = 2260, 3520, 4780
	p.checkWindow(full, once)
	p.checkWindow(once, twice)
	if n.err != nil {
		t.Errorf("two datagrams: %v", n.err)
	}
	p.checkWindow(twice, thrice)
	if n.err == nil {
		t.Error("a third datagram was not found")
	}
}

func TestVanish(t *testing.T) {
	n, p := connected(t)
	server := p.Other
	server.Vanish()
	if n.Server().Endpoint().Len() != 0 {
		t.Error("the endpoint still knows the connection")
	}
	var reset *core.ResetError
	if _, err := p.SendFile(10); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(time.Second, func() bool { return p.Closed != nil }); err != nil || !errors.As(p.Closed, &reset) {
		t.Errorf("%v, closed with %v", err, p.Closed)
	}
}
