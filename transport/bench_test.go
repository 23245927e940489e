package transport

import (
	"errors"
	"testing"

	"example.com/uft/internal/core"
	"example.com/uft/internal/wire"
)

const blocksPerSlab = SlabSize / wire.BlockSize

// senderWithSlabs returns a connection without a core that has slabs of transfer
// 0 to send.
func senderWithSlabs(slabs int) *Conn {
	c := &Conn{senders: map[uint16]*BulkSender{}}
	b := &BulkSender{conn: c}
	for range slabs {
		b.slabs = append(b.slabs, sendSlab{offset: b.offset, length: SlabSize, data: make([]byte, SlabSize)})
		b.offset += SlabSize
	}
	c.senders[b.id] = b
	return c
}

// BenchmarkResident finds a slab of a transfer, which has 8 MiB in memory, and
// copies its blocks to where they are sealed.
func BenchmarkResident(b *testing.B) {
	const slabs = 128
	c, dst := senderWithSlabs(slabs), make([]byte, wire.BlockSize)
	offset := uint64(0)
	b.SetBytes(SlabSize)
	b.ReportAllocs()
	for b.Loop() {
		data := c.Resident(0, offset, SlabSize)
		if len(data) != SlabSize {
			b.Fatal(len(data))
		}
		for range blocksPerSlab {
			data = data[copy(dst, data):]
		}
		offset = (offset + SlabSize) % (slabs * SlabSize)
	}
}

// slabReceiver returns what has the next slab of a transfer come in blocks,
// handed over and released. The connection is over, so that it asks no core.
func slabReceiver(tb testing.TB) (next func()) {
	c := &Conn{
		cfg: &Config{BulkMemory: leastBulkMemory}, receivers: map[uint16]*BulkReceiver{},
		err: errors.New("over"),
	}
	data, offset := make([]byte, wire.BlockSize), uint64(0)
	return func() {
		for range blocksPerSlab {
			c.takeBlock(core.Block{Offset: offset, Bytes: data})
			offset += wire.BlockSize
		}
		r := c.receivers[0]
		slab, found, err := r.next()
		if !found || err != nil || len(slab.Data) != SlabSize {
			tb.Fatal(len(slab.Data), found, err)
		}
		r.Release(slab)
	}
}

// BenchmarkReceiveSlab puts the blocks of a slab together, hands it over and
// takes it back.
func BenchmarkReceiveSlab(b *testing.B) {
	next := slabReceiver(b)
	b.SetBytes(SlabSize)
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

// BenchmarkCopyTrain copies a train that came from the socket's buffer into one
// of its own, and frees it.
func BenchmarkCopyTrain(b *testing.B) {
	p := make([]byte, 61*wire.FullDataDatagram)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		t := copyTrain(p, wire.FullDataDatagram, pathOfTrain{})
		t.free()
	}
}
