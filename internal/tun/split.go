package tun

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrNotSplit is the error of Read for a large segment that is lost because it
// is not plain TCP or UDP, such as one with IPv6 extension headers.
var ErrNotSplit = errors.New("the kernel hands over packets in one piece that cannot be taken apart")

// headerLength is the length of the header that comes before every packet of
// a device: struct virtio_net_hdr of linux/virtio_net.h, in the byte order of
// the machine. It says what the sender's kernel left undone.
const headerLength = 10

// Values of that header.
const (
	needsChecksum = 1

	offloadNone  = 0
	offloadTCPv4 = 1
	offloadTCPv6 = 4
	offloadUDP   = 5
)

// A header is a struct virtio_net_hdr.
type header struct {
	flags          byte
	offload        byte
	headers        uint16 // the bytes before the payload
	segment        uint16 // the bytes of payload in each packet
	checksumStart  uint16
	checksumOffset uint16
}

func parseHeader(b []byte) header {
	order := binary.NativeEndian
	return header{b[0], b[1], order.Uint16(b[2:]), order.Uint16(b[4:]), order.Uint16(b[6:]), order.Uint16(b[8:])}
}

func (h header) put(b []byte) {
	order := binary.NativeEndian
	b[0], b[1] = h.flags, h.offload
	order.PutUint16(b[2:], h.headers)
	order.PutUint16(b[4:], h.segment)
	order.PutUint16(b[6:], h.checksumStart)
	order.PutUint16(b[8:], h.checksumOffset)
}

// split does what the kernel left undone: it calls visit with each packet that
// the sender would have put on a cable, checksums included. The packets are
// built in scratch and last until visit returns.
func split(h header, p, scratch []byte, visit func([]byte)) error {
	if h.offload == offloadNone {
		if h.flags&needsChecksum != 0 {
			if err := finish(h, p); err != nil {
				return err
			}
		}
		visit(p)
		return nil
	}
	l, ok := layoutOf(p)
	if !ok || h.segment == 0 || l.payload+int(h.segment) > len(scratch) {
		return fmt.Errorf("%d bytes in packets of %d: %w", len(p), h.segment, ErrNotSplit)
	}
	size := int(h.segment)
	for offset, index := 0, 0; offset == 0 || l.payload+offset < len(p); offset, index = offset+size, index+1 {
		part := p[l.payload+offset:]
		last := len(part) <= size
		if !last {
			part = part[:size]
		}
		q := scratch[:copy(scratch, p[:l.payload])]
		q = append(q, part...)
		l.number(q, offset, index, last)
		l.setLength(q, len(q))
		l.setChecksum(q)
		visit(q)
	}
	return nil
}

// number makes headers that were copied from the whole those of one part.
func (l layout) number(q []byte, offset, index int, last bool) {
	if !l.six {
		binary.BigEndian.PutUint16(q[4:], binary.BigEndian.Uint16(q[4:])+uint16(index))
	}
	if l.protocol != protocolTCP {
		return
	}
	sequence := q[l.transport+4:]
	binary.BigEndian.PutUint32(sequence, binary.BigEndian.Uint32(sequence)+uint32(offset))
	if !last {
		q[l.transport+13] &^= flagFIN | flagPSH // they belong to the end
	}
	if index > 0 {
		q[l.transport+13] &^= flagCWR // and this to the begin (RFC 3168 §6.1.2)
	}
}

// finish computes a checksum of which the pseudo-header is there.
func finish(h header, p []byte) error {
	start, field := int(h.checksumStart), int(h.checksumStart)+int(h.checksumOffset)
	if field+2 > len(p) {
		return fmt.Errorf("a checksum at byte %d of %d: %w", field, len(p), ErrNotSplit)
	}
	value := ^sum(0, p[start:])
	if value == 0 {
		value = 0xffff // the same number; 0 would mean none to UDP (RFC 768)
	}
	binary.BigEndian.PutUint16(p[field:], value)
	return nil
}
