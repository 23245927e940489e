package transfer

import (
	"errors"
	"io"
	"time"

	"example.com/uft/internal/store"
	"example.com/uft/internal/xfer"
)

// statusInterval is how often a receiver that is busy with its disk says so.
const statusInterval = time.Second

// accept decides on the offer (docs/protocol.md §10.3). Its error is why the
// file is refused.
func (in *incoming) accept() error {
	if in.refused != nil {
		return in.refused
	}
	if in.target == nil {
		in.update(in.receiver.Accept)
		return nil
	}
	meta := metaOf(in.receiver.Entry())
	if !in.target.replaces() {
		sink, err := in.target.create(meta)
		if !errors.Is(err, store.ErrExists) {
			in.sink = sink
			if err == nil {
				in.update(in.receiver.Accept)
			}
			return err
		}
		if !in.comparable(meta) {
			return err
		}
		return in.compare(false)
	}
	if in.comparable(meta) {
		return in.compare(true)
	}
	sink, err := in.target.create(meta)
	if err != nil {
		return err
	}
	in.sink = sink
	in.update(in.receiver.Accept)
	return nil
}

// comparable opens the existing file and reports whether it may be the very
// same one.
func (in *incoming) comparable(meta store.Meta) bool {
	if meta.Size < 0 {
		return false
	}
	existing, err := in.target.existing()
	if err != nil {
		return false
	}
	if existing.Size() != meta.Size {
		_ = existing.Close() // it was only opened
		return false
	}
	in.existing = existing
	return true
}

// compare tells the sender the hashes of the existing file.
func (in *incoming) compare(replace bool) error {
	var hashed uint64
	return in.busy(xfer.ActivityReading, &hashed, func() error {
		size := uint64(in.existing.Size())
		buf := make([]byte, min(size, xfer.ChunkSize))
		for i := range xfer.ChunkCount(size) {
			if in.ctx.Err() != nil {
				return nil
			}
			chunk := buf[:xfer.ChunkLen(size, i)]
			if _, err := in.existing.ReadAt(chunk, int64(i)*xfer.ChunkSize); err != nil && err != io.EOF {
				return err
			}
			h := xfer.HashChunk(chunk)
			if !in.c.awaitRoom(in.ctx, in.c.session.Queued) {
				return nil
			}
			in.c.update(func() {
				in.receiver.Hold(h)
				hashed += uint64(len(chunk))
			})
		}
		in.update(func() { in.receiver.AcceptHolding(replace) })
		return nil
	})
}

// busy runs work that may take long, and tells the sender every second that it
// goes on. bytes is guarded by c.mu.
func (in *incoming) busy(activity uint64, bytes *uint64, work func() error) error {
	finished := make(chan error, 1)
	go func() { finished <- work() }()
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-finished:
			return err
		case <-ticker.C:
			in.c.update(func() {
				if in.c.session.Queued() <= maxQueued { // else there is news enough on its way
					in.receiver.Status(activity, *bytes)
				}
			})
		}
	}
}

// open returns the new file. Where there is an existing one to compare with,
// it is not made before something turns out to differ.
func (in *incoming) open() (store.Sink, error) {
	if in.sink == nil {
		sink, err := in.target.create(metaOf(in.receiver.Entry()))
		if err != nil {
			return nil, err
		}
		in.sink = sink
	}
	return in.sink, nil
}

// copyChunks copies what the existing file has and the new one still lacks.
func (in *incoming) copyChunks() error {
	i, ok := in.nextCopy()
	if !ok {
		return nil
	}
	var copied uint64
	return in.busy(xfer.ActivitySyncing, &copied, func() error {
		for ; ok; i, ok = in.nextCopy() {
			if err := in.copyChunk(i); err != nil {
				return err
			}
			in.c.mu.Lock()
			copied += xfer.ChunkSize
			in.c.mu.Unlock()
		}
		return nil
	})
}

func (in *incoming) nextCopy() (i uint64, ok bool) {
	in.c.mu.Lock()
	defer in.c.mu.Unlock()
	return in.receiver.NextCopy()
}

// copyChunk copies a chunk of the existing file into the new one.
func (in *incoming) copyChunk(i uint64) error {
	sink, err := in.open()
	if err != nil {
		return err
	}
	offset := int64(i) * xfer.ChunkSize
	chunk := make([]byte, xfer.ChunkLen(uint64(in.existing.Size()), i))
	if _, err := in.existing.ReadAt(chunk, offset); err != nil && err != io.EOF {
		return err
	}
	if _, err := sink.WriteAt(chunk, offset); err != nil {
		return err
	}
	h := xfer.HashChunk(chunk)
	in.update(func() { in.receiver.Chunk(i, h) })
	return nil
}
