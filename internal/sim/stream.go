package sim

import (
	"errors"
	"io"

	"example.com/uft/internal/core"
)

// reading is what the application knows of a stream's incoming bytes.
type reading struct {
	offset uint64
	ended  bool
	broken bool
}

// writing is what the application still wants to write on a stream.
type writing struct {
	id, offset, size uint64
}

// SendStream opens a stream and writes size bytes on it, then its end.
func (p *Peer) SendStream(size uint64) (uint64, error) {
	id, err := p.Conn.OpenStream()
	if err != nil {
		return 0, err
	}
	p.startReading(id)
	p.WriteStream(id, size)
	return id, nil
}

// WriteStream writes size bytes on an open stream, then its end.
func (p *Peer) WriteStream(id, size uint64) {
	p.writing = append(p.writing, &writing{id: id, size: size})
	p.write()
}

func (p *Peer) startReading(id uint64) {
	p.reading[id] = &reading{}
	p.readOrder = append(p.readOrder, id)
}

// write writes what there is room for.
func (p *Peer) write() {
	kept := p.writing[:0]
	for _, w := range p.writing {
		if !p.writeOne(w) {
			kept = append(kept, w)
		}
	}
	clear(p.writing[len(kept):])
	p.writing = kept
}

// writeOne writes on one stream and reports whether that is over.
func (p *Peer) writeOne(w *writing) bool {
	var chunk [4096]byte
	for w.offset < w.size {
		b := chunk[:min(uint64(len(chunk)), w.size-w.offset)]
		streamContent(p.Role, w.id).fill(b, w.offset)
		n, err := p.Conn.WriteStream(w.id, b)
		if err != nil {
			return true
		}
		w.offset += uint64(n)
		if n < len(b) {
			return false
		}
	}
	_ = p.Conn.FinishStream(w.id)
	return true
}

// read takes and checks what a stream has in order.
func (p *Peer) read(id uint64) {
	r := p.reading[id]
	if r == nil || r.ended || r.broken || p.Hold {
		return
	}
	var chunk [4096]byte
	for {
		n, err := p.Conn.ReadStream(p.network.now, id, chunk[:])
		if !streamContent(1-p.Role, id).matches(chunk[:n], r.offset) {
			p.network.fail("%s: wrong bytes in stream %d at %d", p.Name, id, r.offset)
		}
		r.offset += uint64(n)
		var broken *core.StreamError
		switch {
		case err == io.EOF: //nolint:errorlint // ReadStream returns the sentinel itself
			r.ended = true
			return
		case errors.As(err, &broken):
			r.broken = true
			return
		case err != nil || n == 0:
			return
		}
	}
}

// StreamRead returns how many bytes of a stream were read, and whether its end
// was reached.
func (p *Peer) StreamRead(id uint64) (n uint64, ended bool) {
	r := p.reading[id]
	if r == nil {
		return 0, false
	}
	return r.offset, r.ended
}

// StreamsEnded returns how many streams were read to their end.
func (p *Peer) StreamsEnded() (n int) {
	for _, r := range p.reading {
		if r.ended {
			n++
		}
	}
	return n
}
