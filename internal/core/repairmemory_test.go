package core

import (
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
)

func TestKeptOf(t *testing.T) {
	const mebibyte = 1 << 20
	for _, c := range []struct{ announced, inRoundTrip, want uint64 }{
		{128, 0, 8},
		{128, 16, 8},
		{128, 20, 20},
		{128, 50, 110},
		{128, 72, 128},
		{128, 1000, 128},
		{8, 72, 8},
		{1, 0, 1},
		{0, 72, 0},
	} {
		if got := keptOf(c.announced*mebibyte, c.inRoundTrip*mebibyte); got != c.want*mebibyte {
			t.Errorf("of %d MiB, with %d in a round trip, %d bytes are kept, want %d MiB", c.announced, c.inRoundTrip, got, c.want)
		}
	}
}

func TestBusiest(t *testing.T) {
	var b busiest
	now, counter := instant.Time(time.Second), uint64(0)
	const rtt = 100 * time.Millisecond
	go1 := func(d time.Duration, rate uint64) (most uint64) {
		for end := now.Add(d); now.Before(end); {
			now = now.Add(time.Millisecond)
			counter += rate
			most = b.note(now, rtt, counter)
		}
		return most
	}
	if most := go1(time.Second, 10); most < 950 || most > 1010 {
		t.Errorf("%d of 10 in a millisecond", most)
	}
	if most := go1(time.Second, 30); most < 2900 || most > 3030 {
		t.Errorf("%d of 30 in a millisecond", most)
	}
	if most := go1(time.Second, 1); most < 2900 || most > 3030 {
		t.Errorf("%d when that is over", most)
	}
}

// TestSharesGoStretchByStretch: each group of a stretch has its turn, and the next
// stretch begins when the shares of the one before are sent.
func TestSharesGoStretchByStretch(t *testing.T) {
	c := newTestClient(t, nil)
	c.bulkOut.byID = map[uint16]*bulkOut{0: {}}
	r := &c.repairOut
	share := make([]byte, c.mtu.block())
	for i, shares := range []int{2, 0, 3, 1, 1, 2} {
		g := outgoingGroup{last: i == 2 || i == 5}
		g.frame.First = uint64(i)
		for range shares {
			g.shares = append(g.shares, share)
		}
		r.groups = append(r.groups, g)
		r.left += shares
	}
	var order []uint64
	for {
		g := c.nextShare()
		if g == nil {
			break
		}
		order = append(order, g.frame.First)
		g.shares = g.shares[1:]
		r.left--
	}
	want := []uint64{0, 2, 0, 2, 2, 3, 4, 5, 5}
	if !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
}
