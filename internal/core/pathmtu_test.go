package core

import (
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/wire"
)

func TestSizesWorthProbing(t *testing.T) {
	all := []int{1352, 1372, 1392, 1412, 1432, 1452, 1464, 1472, 2088, 4136, 8232, 16424, 32808, 64552}
	for _, test := range []struct {
		wanted, most, headers int
		sizes                 []int
		passed                int
	}{
		{0, wire.LargestDatagram, 28, nil, 0},
		{1024, wire.LargestDatagram, 28, nil, 0},
		{1025, wire.LargestDatagram, 28, []int{1065}, 1},
		{1192, wire.LargestDatagram, 28, []int{1232}, 1},
		{1193, wire.LargestDatagram, 28, []int{1233}, 0},
		{1193, wire.MaxDatagram, 28, nil, 0},
		{wire.LargestBlock, wire.LargestDatagram, 28, []int{65487}, 0},
		{wire.AutoBlockSize, wire.LargestDatagram, 28, all, 0},
		{wire.AutoBlockSize, 9000, 28, all[:11], 0},
		{wire.AutoBlockSize, 1400, 48, []int{1332, 1352, 1372, 1392}, 0},
		{wire.AutoBlockSize, wire.MaxDatagram, 28, nil, 0},
	} {
		m := newPathMTU(test.wanted, test.most, test.headers, 0)
		if !slices.Equal(m.sizes, test.sizes) || m.passed != test.passed || m.failed != len(m.sizes) {
			t.Errorf("%d, at most %d with %d of headers: %v, of which %d pass", test.wanted, test.most, test.headers, m.sizes, m.passed)
		}
	}
}

// TestSearch lets every size be the largest that passes.
func TestSearch(t *testing.T) {
	now := instant.Time(time.Second)
	sizes := newPathMTU(wire.AutoBlockSize, wire.LargestDatagram, 28, 0).sizes
	for largest := range len(sizes) + 1 {
		m := newPathMTU(wire.AutoBlockSize, wire.LargestDatagram, 28, 0)
		probes := 0
		for m.ready(now) && m.passed < m.failed {
			size := m.next(wire.LargestDatagram)
			probes++
			m.sent(uint64(probes), size)
			if m.ready(now) {
				t.Fatal("two probes at once")
			}
			if slices.Contains(sizes[:largest], size) {
				m.acked(now, uint64(probes), size)
			} else {
				m.probeLost(now, uint64(probes), 0)
			}
		}
		if m.passed != largest || probes > 4*leastAttempts {
			t.Errorf("%d sizes pass after %d probes, want %d", m.passed, probes, largest)
		}
		if got := m.ready(now.Add(raiseAfter - 1)); got {
			t.Errorf("with %d sizes the search begins again too early", largest)
		}
		if got := m.ready(now.Add(raiseAfter)); got != (largest < len(sizes)) {
			t.Errorf("with %d sizes the search begins again: %t", largest, got)
		}
	}
}

func TestProbesWithinTheRate(t *testing.T) {
	m := newPathMTU(wire.AutoBlockSize, wire.LargestDatagram, 28, 0)
	if size := m.next(1000); size != 0 {
		t.Errorf("a probe of %d bytes", size)
	}
	if size := m.next(1472); size != 1432 {
		t.Errorf("a probe of %d bytes, want the middle of what is allowed", size)
	}
}

// found is a search that has found everything to pass, with packets up to 99.
func found() pathMTU {
	m := newPathMTU(wire.AutoBlockSize, wire.LargestDatagram, 28, 0)
	m.acked(instant.Time(1), 99, wire.LargestDatagram)
	return m
}

func TestBlackHoleDetection(t *testing.T) {
	now := instant.Time(time.Second)
	lose := func(m *pathMTU, from, to uint64, loss float64) (hole bool) {
		for n := from; n < to; n++ {
			hole = m.lost(now, n, to, loss) || hole
		}
		return hole
	}
	m := found()
	if lose(&m, 50, 90, 0) {
		t.Error("packets that were sent before one that arrived make a black hole")
	}
	if lose(&m, 100, 107, 0) || m.datagram() != 64552 {
		t.Error("seven packets make a black hole")
	}
	m.acked(now, 107, 8232)
	if lose(&m, 108, 115, 0) {
		t.Error("seven and seven packets make a black hole, with one between that arrived")
	}
	if !lose(&m, 115, 116, 0) || m.datagram() != wire.FullDataDatagram {
		t.Error("eight packets make none")
	}
	if m.acked(now, 112, 64552); m.passed != 0 {
		t.Error("what was sent before the black hole proves a size")
	}
	if m.ready(now.Add(holePause-1)) || !m.ready(now.Add(holePause)) {
		t.Error("the next search does not begin after the pause")
	}
	if m = found(); lose(&m, 100, 111, 0.3) || !lose(&m, 111, 112, 0.3) {
		t.Error("at 30 % loss it is not twelve packets that make a black hole")
	}
	if m = found(); !lose(&m, 100, 140, 1) {
		t.Error("at 100 % loss nothing makes a black hole")
	}
	m = found()
	m.excused = 200
	if lose(&m, 100, 200, 0) || !lose(&m, 200, 208, 0) {
		t.Error("what the receiver dropped makes a black hole, or what it did not drop makes none")
	}
}

// TestOnlyShortPacketsWaitForKeys bounds what a stranger can have kept.
func TestOnlyShortPacketsWaitForKeys(t *testing.T) {
	c := &Conn{}
	c.wait(&arrival{}, make([]byte, wire.MaxDatagram+1))
	c.wait(&arrival{}, make([]byte, wire.MaxDatagram))
	if len(c.waiting) != 1 || len(c.waiting[0].datagram) != wire.MaxDatagram {
		t.Errorf("%d packets wait", len(c.waiting))
	}
}
