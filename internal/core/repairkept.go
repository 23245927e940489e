package core

import (
	"slices"

	"example.com/uft/internal/ranges"
)

// keptTransfer is what is kept of one transfer.
type keptTransfer struct {
	pages  map[uint64]*keptPage // by offset / keptPageSize
	groups map[groupKey]*incomingGroup
	open   []*incomingGroup // those that are not repaired yet, by age
	used   int
}

// keptPage is a stretch of a transfer of which some bytes are kept.
type keptPage struct {
	owner *keptTransfer // nil when freed
	index uint64
	have  ranges.Set // offsets in data
	data  [keptPageSize]byte
}

const (
	keptPageSize = 16 << 10
	// maxKeptTransfers bounds the transfers of which anything is kept.
	maxKeptTransfers = 256
	// maxKeptRanges bounds the pieces of a page: its gaps are not counted as
	// memory, and whoever sends a page in more pieces does not want it repaired.
	maxKeptRanges = 32
)

// of returns what is kept of a transfer, or nil where too many are kept.
func (r *repairReceiver) of(id uint16) *keptTransfer {
	k := r.transfers[id]
	if k == nil {
		if len(r.transfers) >= maxKeptTransfers {
			return nil
		}
		if r.transfers == nil {
			r.transfers = make(map[uint16]*keptTransfer)
		}
		k = &keptTransfer{pages: make(map[uint64]*keptPage), groups: make(map[groupKey]*incomingGroup)}
		r.transfers[id] = k
	}
	return k
}

// forget frees what is kept of a transfer.
func (r *repairReceiver) forget(id uint16) {
	k := r.transfers[id]
	if k == nil {
		return
	}
	delete(r.transfers, id)
	r.used -= k.used
	r.pages = slices.DeleteFunc(r.pages, func(p *keptPage) bool { return p.owner == k })
	if len(r.transfers) == 0 {
		r.pages, r.spare = nil, nil
	}
}

// keep copies bytes of a transfer, and reports whether any were not kept before.
func (r *repairReceiver) keep(id uint16, offset uint64, p []byte) (grew bool) {
	k := r.of(id)
	if k == nil {
		return false
	}
	for len(p) > 0 {
		at := offset % keptPageSize
		n := min(uint64(len(p)), keptPageSize-at)
		page := r.page(k, offset/keptPageSize)
		if page == nil {
			return grew
		}
		copy(page.data[at:], p[:n])
		grew = page.have.Add(at, at+n) > 0 || grew
		if len(page.have) > maxKeptRanges {
			r.pages = slices.DeleteFunc(r.pages, func(other *keptPage) bool { return other == page })
			r.free(page)
		}
		offset, p = offset+n, p[n:]
	}
	return grew
}

// page returns the page with that index, a new one where there is none. It is
// nil where the memory is used up by shares.
func (r *repairReceiver) page(k *keptTransfer, index uint64) *keptPage {
	if p := k.pages[index]; p != nil {
		return p
	}
	if !r.makeRoom(keptPageSize) {
		return nil
	}
	p := new(keptPage)
	if n := len(r.spare); n > 0 {
		p, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	p.owner, p.index, p.have = k, index, p.have[:0]
	k.pages[index] = p
	r.pages = append(r.pages, p)
	r.use(k, keptPageSize)
	return p
}

func (r *repairReceiver) use(k *keptTransfer, n int) {
	r.used += n
	k.used += n
}

// makeRoom frees the oldest pages until n more bytes fit.
func (r *repairReceiver) makeRoom(n int) bool {
	for r.used+n > r.limit {
		if len(r.pages) == 0 {
			return false
		}
		p := r.pages[0]
		r.pages = r.pages[1:]
		r.free(p)
	}
	return true
}

// free takes a page that is no longer among pages from its transfer.
func (r *repairReceiver) free(p *keptPage) {
	delete(p.owner.pages, p.index)
	r.use(p.owner, -keptPageSize)
	p.owner = nil
	r.spare = append(r.spare[:min(len(r.spare), 1)], p)
}

// whole reports whether the bytes [offset, end) are kept.
func (k *keptTransfer) whole(offset, end uint64) bool {
	for offset < end {
		page, at := k.pages[offset/keptPageSize], offset%keptPageSize
		n := min(end-offset, keptPageSize-at)
		if page == nil || !page.have.ContainsRange(at, at+n) {
			return false
		}
		offset += n
	}
	return true
}

// block returns the bytes [offset, end), all of which are kept, filled up with
// zeros to size.
func (k *keptTransfer) block(offset, end uint64, size int) []byte {
	var whole []byte
	for offset < end {
		page, at := k.pages[offset/keptPageSize], offset%keptPageSize
		n := min(end-offset, keptPageSize-at)
		if n == uint64(size) {
			return page.data[at : at+n : at+n]
		}
		whole = append(whole, page.data[at:at+n]...)
		offset += n
	}
	return append(whole, make([]byte, size-len(whole))...)
}
