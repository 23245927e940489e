package core

import (
	"testing"

	"example.com/uft/internal/parity"
)

// TestKeptTwiceIsNothingNew: bytes that are kept already must not set anything
// going, or one repeated byte would cost a walk through every open group.
func TestKeptTwiceIsNothingNew(t *testing.T) {
	r := &repairReceiver{limit: 1 << 20}
	if !r.keep(1, 100, make([]byte, 50)) || !r.keep(1, 149, make([]byte, 2)) {
		t.Error("new bytes were not noticed")
	}
	if r.keep(1, 100, make([]byte, 51)) {
		t.Error("bytes that are kept already were taken for new")
	}
}

// TestPiecesOfAPageAreBounded: a page in pieces needs far more memory for its
// gaps than for its bytes, and none of that is counted.
func TestPiecesOfAPageAreBounded(t *testing.T) {
	r := &repairReceiver{limit: 1 << 20}
	most := 0
	for offset := uint64(0); offset < 4*keptPageSize; offset += 2 {
		r.keep(1, offset, []byte{1})
		for _, p := range r.transfers[1].pages {
			most = max(most, len(p.have))
		}
	}
	if most > maxKeptRanges || most < 2 {
		t.Errorf("a page in %d pieces", most)
	}
	if r.used != keptPageSize*len(r.transfers[1].pages) || r.used != keptPageSize*len(r.pages) {
		t.Errorf("%d bytes counted, %d and %d pages", r.used, len(r.transfers[1].pages), len(r.pages))
	}
}

// TestKeptTransfersAreBounded: each costs memory before anything of it is kept.
func TestKeptTransfersAreBounded(t *testing.T) {
	r := &repairReceiver{limit: 64 << 20}
	for id := range uint16(2 * maxKeptTransfers) {
		r.keep(id, 0, []byte{1})
	}
	if len(r.transfers) != maxKeptTransfers {
		t.Errorf("%d transfers are kept", len(r.transfers))
	}
}

// TestClosedGroupIsFreed: the oldest group makes room for a new one.
func TestClosedGroupIsFreed(t *testing.T) {
	r := &repairReceiver{limit: 1 << 20}
	k := r.of(1)
	g := &incomingGroup{key: groupKey{size: 1024}, shares: []parity.Share{{Bytes: make([]byte, 1024)}}}
	k.open = []*incomingGroup{g}
	r.use(k, 1024+groupOverhead)
	if r.close(k, g); r.used != 0 || k.used != 0 || len(k.open) != 0 || !g.done || g.shares != nil {
		t.Errorf("used %d, %d; open %d; %+v", r.used, k.used, len(k.open), g)
	}
}
