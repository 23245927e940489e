package transport

import (
	"context"
	"io"
	"slices"

	"example.com/uft/internal/core"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/wire"
)

// A Slab is a piece of a transfer: Data stands at Offset. Offset is a multiple
// of SlabSize and Data has SlabSize bytes, but at the end of the transfer and
// beside bytes that the sender skipped.
type Slab struct {
	Offset int64
	Data   []byte

	memory int64 // bytes of its buffer
}

// A BulkReceiver is the receiving end of a transfer.
type BulkReceiver struct {
	conn *Conn
	id   uint16

	// Guarded by conn.mu.
	partial     map[int64]*partialSlab // by index: offset / SlabSize
	recent      *partialSlab           // the one that was written to last, and its index
	recentIndex int64
	finished    ranges.Set // bytes that were queued or skipped
	skipped     bool       // Skip was called
	ready       []Slab
	arrived     signal
	size        int64 // in all, if known
	known       bool
	err         error // why nothing more comes
}

// receiver returns the receiving end of a transfer, a new one for a new
// transfer. c.mu is held.
func (c *Conn) receiver(id uint16) *BulkReceiver {
	if c.recent != nil && c.recent.id == id {
		return c.recent
	}
	r := c.receivers[id]
	if r == nil {
		r = &BulkReceiver{conn: c, id: id, partial: map[int64]*partialSlab{}}
		c.receivers[id] = r
	}
	c.recent = r
	return r
}

// forgetReceiver forgets a transfer that is over. c.mu is held.
func (c *Conn) forgetReceiver(r *BulkReceiver) {
	delete(c.receivers, r.id)
	if c.recent == r {
		c.recent = nil
	}
}

// takeBlock puts the bytes of a DATA frame where they belong. c.mu is held.
func (c *Conn) takeBlock(block core.Block) {
	r := c.receiver(block.Transfer)
	if r.err != nil || c.closing {
		c.core.ConsumeBulk(r.id, block.Offset, block.Offset+uint64(len(block.Bytes)))
		return
	}
	offset, p := int64(block.Offset), block.Bytes
	for len(p) > 0 {
		border := offset - offset%SlabSize + SlabSize
		n := int(min(int64(len(p)), border-offset))
		r.put(offset, p[:n])
		offset, p = offset+int64(n), p[n:]
	}
}

// put copies bytes of one slab into it, but for those that are skipped.
func (r *BulkReceiver) put(offset int64, p []byte) {
	if r.skipped { // or the core hands out no byte twice
		start, end := uint64(offset), uint64(offset)+uint64(len(p))
		if gap, gapEnd := r.finished.FirstGap(start, end); gap != start || gapEnd != end {
			r.putAround(start, end, p)
			return
		}
	}
	c, index := r.conn, offset/SlabSize
	slab := r.recent
	if slab == nil || r.recentIndex != index {
		if slab = r.partial[index]; slab == nil {
			slab = c.newPartialSlab()
			r.partial[index] = slab
		}
		r.recent, r.recentIndex = slab, index
	}
	if taken := slab.write(offset%SlabSize, p); taken > 0 {
		c.occupy(taken)
	}
	slab.got.Add(uint64(offset), uint64(offset)+uint64(len(p)))
	c.backlog += int64(len(p))
	r.checkSlab(index, slab)
}

// putAround puts the bytes [start, end) that are not skipped, and gives the
// credit for the others back.
func (r *BulkReceiver) putAround(start, end uint64, p []byte) {
	for at := start; at < end; {
		gap, gapEnd := r.finished.FirstGap(at, end)
		gap, gapEnd = min(gap, end), min(gapEnd, end)
		r.conn.core.ConsumeBulk(r.id, at, gap)
		if gap >= end {
			return
		}
		r.put(int64(gap), p[gap-start:gapEnd-start])
		at = gapEnd
	}
}

// end takes the size of the transfer.
func (r *BulkReceiver) end(size int64) {
	r.size, r.known = size, true
	if slab := r.partial[size/SlabSize]; slab != nil {
		r.checkSlab(size/SlabSize, slab)
	}
	r.arrived.wake()
}

// limits returns the offsets at which a slab begins and ends.
func (r *BulkReceiver) limits(index int64) (start, end uint64) {
	start = uint64(index) * SlabSize
	end = start + SlabSize
	if r.known {
		end = min(end, uint64(r.size))
	}
	return start, end
}

// checkSlab queues a slab that has no gaps left, skipped bytes apart.
func (r *BulkReceiver) checkSlab(index int64, slab *partialSlab) {
	start, end := r.limits(index)
	if !r.skipped {
		if len(slab.got) != 1 || slab.got[0].Start != start || slab.got[0].End < end {
			return
		}
	} else {
		for at := start; at < end; {
			gap, gapEnd := slab.got.FirstGap(at, end)
			if gap >= end {
				break
			}
			if !r.finished.ContainsRange(gap, min(gapEnd, end)) {
				return
			}
			at = gapEnd
		}
	}
	delete(r.partial, index)
	r.recent = nil
	before, after := slab.memory, int64(0)
	for i, run := range slab.got {
		data, memory := slab.take(int64(run.Start)%SlabSize, int64(run.Len()), i == len(slab.got)-1)
		r.ready = append(r.ready, Slab{Offset: int64(run.Start), Data: data, memory: memory})
		after += memory
	}
	slab.free()
	if after != before {
		r.conn.occupy(after - before)
	}
	r.finished.Add(start, end)
	r.arrived.wake()
}

// ID returns the number of the transfer, the same on both sides.
func (r *BulkReceiver) ID() uint16 { return r.id }

// Size returns how many bytes the transfer has in all, once the sender has
// said so.
func (r *BulkReceiver) Size() (size int64, known bool) {
	r.conn.mu.Lock()
	defer r.conn.mu.Unlock()
	return r.size, r.known
}

// Next returns the next complete slab, waiting for it. Every byte that the
// sender sent comes once, in any order. After the last it returns io.EOF;
// where one side has broken the transfer off, a *StreamError. When the
// connection is over, it first returns the slabs that were complete by then.
func (r *BulkReceiver) Next(ctx context.Context) (Slab, error) {
	c := r.conn
	for {
		c.mu.Lock()
		slab, found, err := r.next()
		if found || err != nil {
			c.mu.Unlock()
			return slab, err
		}
		arrived := r.arrived.wait()
		c.mu.Unlock()
		if err := c.await(ctx, arrived); err != nil {
			return Slab{}, err
		}
	}
}

// next returns the next slab if there is one. conn.mu is held.
func (r *BulkReceiver) next() (slab Slab, found bool, err error) {
	switch {
	case r.err != nil:
		return Slab{}, false, r.err
	case len(r.ready) > 0:
		slab = r.ready[0]
		r.ready = slices.Delete(r.ready, 0, 1) // so that the list keeps its memory
		return slab, true, nil
	case r.known && (r.size == 0 || r.finished.ContainsRange(0, uint64(r.size))):
		if !r.skipped {
			// Every byte has come. Skipped ones may still come, and are to
			// find their receiver.
			r.conn.forgetReceiver(r)
		}
		return Slab{}, false, io.EOF
	}
	return Slab{}, false, r.conn.err
}

// Release says that a slab is done with: the sender may send as many more
// bytes. The data must not be used afterwards.
func (r *BulkReceiver) Release(slab Slab) {
	r.Keep(slab)
	slab.Recycle()
}

// Keep says of a slab that the sender may send as many more bytes, although its
// data are still used. Their memory is the caller's to bound from then on, and
// to give back by Slab.Recycle.
func (r *BulkReceiver) Keep(slab Slab) {
	c := r.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	r.keep(slab)
	if c.err == nil && c.core.BulkCreditDue() {
		c.wakeOwner()
	}
}

// keep is Keep with conn.mu held.
func (r *BulkReceiver) keep(slab Slab) {
	r.conn.occupy(-slab.memory)
	r.consume(uint64(slab.Offset), uint64(slab.Offset)+uint64(len(slab.Data)))
}

// Recycle gives the memory of a slab that was kept back, to be used for another
// one. The data must not be used afterwards. Where it is left out, the garbage
// collector does the same later.
func (s Slab) Recycle() {
	if s.memory == SlabSize {
		giveSlabSlice(s.Data[:0])
	}
}

// consume gives the credit for received bytes back.
func (r *BulkReceiver) consume(start, end uint64) {
	r.conn.backlog -= int64(end - start)
	if r.conn.err == nil {
		r.conn.core.ConsumeBulk(r.id, start, end)
	}
}

// Skip says that the bytes [start, end) will not come, because this side has
// them and the sender was told. Those that come all the same are dropped, but
// for slabs that were complete before.
func (r *BulkReceiver) Skip(start, end int64) {
	c := r.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if start < 0 || start >= end || r.err != nil {
		return
	}
	r.skipped = true
	r.finished.Add(uint64(start), uint64(end))
	for index, slab := range r.partial {
		if from, to := index*SlabSize, (index+1)*SlabSize; start < to && from < end {
			r.drop(slab, uint64(start), uint64(end))
			if len(slab.got) == 0 {
				r.discard(index, slab)
			} else {
				r.checkSlab(index, slab)
			}
		}
	}
	r.arrived.wake()
	c.wakeOwner()
}

// drop removes bytes from a partial slab. The sets know only whole ranges, so
// the credit is given back for what the removal takes away.
func (r *BulkReceiver) drop(slab *partialSlab, start, end uint64) {
	for _, run := range slab.got {
		if from, to := max(run.Start, start), min(run.End, end); from < to {
			r.consume(from, to)
		}
	}
	slab.got.Remove(start, end)
}

// discard forgets a partial slab without bytes.
func (r *BulkReceiver) discard(index int64, slab *partialSlab) {
	delete(r.partial, index)
	r.recent = nil
	r.conn.occupy(-slab.free())
}

// Stop says that nothing more of the transfer is wanted. The sender is told
// the code.
func (r *BulkReceiver) Stop(code uint64) {
	c := r.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.err != nil {
		return
	}
	if c.err == nil {
		c.core.StopBulk(r.id, code)
	}
	r.breakOff(&StreamError{Bulk: true, ID: uint64(r.id), Code: code})
	c.wakeOwner()
}

// breakOff ends the transfer and frees what is in memory but not handed out.
// conn.mu is held.
func (r *BulkReceiver) breakOff(err error) {
	if r.err != nil {
		return
	}
	r.err = err
	for index, slab := range r.partial {
		r.drop(slab, 0, wire.MaxVarint)
		r.discard(index, slab)
	}
	for _, slab := range r.ready {
		r.keep(slab)
		slab.Recycle()
	}
	r.ready = nil
	r.conn.forgetReceiver(r)
	r.arrived.wake()
}
