package xfer

import "example.com/uft/internal/wire"

// Decoder cuts the bytes of a stream into messages. The zero Decoder is ready
// to use. It holds at most one incomplete message, hence little more than
// MaxBody bytes and what was fed last.
type Decoder struct {
	buf  []byte
	read int // bytes of buf that were handed out
}

// Feed takes the next bytes of the stream. It copies them.
func (d *Decoder) Feed(p []byte) {
	if d.read > 0 {
		d.buf = d.buf[:copy(d.buf, d.buf[d.read:])]
		d.read = 0
	}
	d.buf = append(d.buf, p...)
}

// Next returns the next message, and nil where more bytes are needed. Messages
// of unknown extensions are skipped. Every error is a *ProtocolError and final.
func (d *Decoder) Next() (Message, error) {
	for {
		t, body, n, err := wire.ConsumeMessage(d.buf[d.read:], MaxBody)
		if err != nil {
			return nil, broken("%v: %v", MessageType(t), err)
		}
		if n == 0 {
			return nil, nil
		}
		d.read += n
		m, err := Parse(MessageType(t), body)
		if m != nil || err != nil {
			return m, err
		}
	}
}

// Buffered reports whether an incomplete message is there: a stream that ends
// now was cut off.
func (d *Decoder) Buffered() bool { return d.read < len(d.buf) }
