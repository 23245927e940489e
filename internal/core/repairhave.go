package core

import "example.com/uft/internal/wire"

// telling is how far the sender of a transfer was told what was repaired.
type telling struct {
	repairs uint64 // groups so far
	sent    int    // BULK_HAVE frames since the last of them
}

// maxTold is how many times BULK_HAVE is sent without waiting for its loss. The
// sender has nothing to do but wait for it, so a loss would cost a round trip.
const maxTold = 6

// tell has the sender be told what was repaired.
func (r *repairReceiver) tell(id uint16) {
	if r.told == nil {
		r.told = make(map[uint16]telling)
	}
	r.told[id] = telling{repairs: r.told[id].repairs + 1}
	r.haves.put(id, true)
	r.again.put(id, false)
}

// sentHave counts a BULK_HAVE that is sent, and returns how many repairs it
// tells of.
func (r *repairReceiver) sentHave(id uint16) uint64 {
	t := r.told[id]
	t.sent++
	r.told[id] = t
	r.again.put(id, t.sent < maxTold)
	return t.repairs
}

// tellAgain has BULK_HAVE ride along with an acknowledgement of what the sender,
// which may not have heard of the repair, goes on sending. It is asked with every
// acknowledgement, and a peer may never acknowledge any of what it was told of 65536
// transfers: so it goes through a set, of those that it is to be told again.
func (r *repairReceiver) tellAgain() {
	r.again.all(func(id uint16) { r.haves.put(id, true) })
}

// haveLost follows the loss of a BULK_HAVE, unless a later one is acknowledged.
func (r *repairReceiver) haveLost(id uint16) {
	if _, some := r.told[id]; some {
		r.haves.put(id, true)
	}
}

// haveAcked follows the acknowledgement of a BULK_HAVE that said all there was.
func (r *repairReceiver) haveAcked(id uint16, repairs uint64) {
	if r.told[id].repairs == repairs {
		r.haves.put(id, false)
		r.again.put(id, false)
		delete(r.told, id)
	}
}

// appendHave writes a BULK_HAVE frame for each transfer that needs one.
func (c *Conn) appendHave(b []byte, limit int) []byte {
	haves := &c.bulkIn.repair.haves
	for {
		id, some := haves.first()
		if !some {
			return b
		}
		f := wire.BulkHave{Transfer: id}
		t := c.bulkIn.byID[id]
		if t != nil {
			f.Ranges = t.received[max(0, len(t.received)-wire.MaxHaveRanges):]
		}
		if f.Len() > limit-len(b) {
			return b
		}
		haves.put(id, false)
		if t == nil || len(f.Ranges) > 0 {
			b = f.Append(b)
			c.frames = append(c.frames, sentFrame{kind: sentBulkHave, id: uint64(id), start: c.bulkIn.repair.sentHave(id)})
		}
	}
}
