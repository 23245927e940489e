package tun

import (
	"bytes"
	"encoding/binary"
)

// A joiner puts packets of one flow that follow each other together, so that
// the kernel takes them in one call, and TCP as one large segment. What reaches
// the programs at either end is the same.
type joiner struct {
	udp    bool   // whether the kernel takes UDP so
	buffer []byte // the header and the packets
	layout layout
	parts  int
	size   int    // of the payload of the first, and so of all but the last
	next   uint32 // the sequence number of TCP that may follow
	closed bool   // nothing may follow
}

// maxJoined is the longest IP packet, and so what packets are joined to.
const maxJoined = 65535

// begin starts with a packet, which is the only one where nothing may follow.
func (j *joiner) begin(p []byte) {
	j.buffer = append(append(j.buffer[:0], make([]byte, headerLength)...), p...)
	j.parts = 1
	l, ok := layoutOf(p)
	j.layout, j.size = l, len(p)-l.payload
	j.closed = !ok || j.size == 0 || !l.hasLength(p) || !j.mayJoin(l, p)
	if !j.closed && l.protocol == protocolTCP {
		j.next = binary.BigEndian.Uint32(p[l.transport+4:]) + uint32(j.size)
		j.closed = p[l.transport+13] != flagACK
	}
}

// mayJoin reports whether a packet is of a kind that is joined. Its checksum
// must be right, since that of the whole is left to the kernel to vouch for.
func (j *joiner) mayJoin(l layout, p []byte) bool {
	switch l.protocol {
	case protocolTCP:
		if flags := p[l.transport+13]; flags&^flagPSH != flagACK {
			return false
		}
	case protocolUDP:
		if !j.udp {
			return false
		}
	}
	return l.isIntact(p)
}

// add appends a packet to those there are, or reports that it does not fit.
func (j *joiner) add(p []byte) bool {
	if j.parts == 0 || j.closed || len(p) > len(j.buffer) {
		return false
	}
	l, ok := layoutOf(p)
	size := len(p) - l.payload
	if !ok || l != j.layout || size == 0 || size > j.size || len(j.buffer)-headerLength+size > maxJoined {
		return false
	}
	if !l.hasLength(p) || !l.sameFlow(j.buffer[headerLength:], p) || !j.mayJoin(l, p) {
		return false
	}
	if l.protocol == protocolTCP {
		if binary.BigEndian.Uint32(p[l.transport+4:]) != j.next {
			return false
		}
		j.next += uint32(size)
		j.closed = p[l.transport+13]&flagPSH != 0
		j.buffer[headerLength+l.transport+13] |= p[l.transport+13]
	}
	j.closed = j.closed || size < j.size
	j.buffer = append(j.buffer, p[l.payload:]...)
	j.parts++
	return true
}

// sameFlow reports whether the headers of two packets of one layout differ only
// in lengths, numbers and checksums, and in the flags of TCP.
func (l layout) sameFlow(p, q []byte) bool {
	same := func(from, to int) bool { return bytes.Equal(p[from:to], q[from:to]) }
	if l.six && !(same(0, 4) && same(6, ipv6Length)) ||
		!l.six && !(same(0, 2) && same(6, 10) && same(12, l.transport)) {
		return false
	}
	t := l.transport
	if l.protocol == protocolUDP {
		return same(t, t+4)
	}
	return same(t, t+4) && same(t+8, t+13) && same(t+14, t+16) && same(t+18, l.payload)
}

// end returns what to hand to the kernel, with the header.
func (j *joiner) end() []byte {
	if j.parts > 1 {
		p := j.buffer[headerLength:]
		l := j.layout
		l.setLength(p, len(p))
		h := header{
			flags: needsChecksum, offload: offloadTCPv4, headers: uint16(l.payload), segment: uint16(j.size),
			checksumStart: uint16(l.transport), checksumOffset: uint16(l.checksum() - l.transport),
		}
		switch {
		case l.protocol == protocolUDP:
			h.offload = offloadUDP
		case l.six:
			h.offload = offloadTCPv6
		}
		h.put(j.buffer)
		binary.BigEndian.PutUint16(p[l.checksum():], pseudoSum(l.addresses(p), l.protocol, len(p)-l.transport))
	}
	j.parts = 0
	return j.buffer
}
