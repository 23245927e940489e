package main

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"example.com/uft/internal/seal"
	"example.com/uft/internal/udp"
)

// The datagram of uft (docs/protocol.md §3) in sizes, in bytes: what the raw
// ceiling and the bare pipeline send is as long, and as long to seal.
const (
	headerSize   = 24
	blockSize    = 1024
	datagramSize = headerSize + blockSize + seal.Overhead // 1064
	trainBlocks  = 61
	trainBytes   = trainBlocks * blockSize
)

// The first byte of a datagram says what it is.
const (
	kindBlock  = 'B'
	kindCredit = 'C'
	kindEnd    = 'E'
)

// benchKeys are the same at both ends: nothing is secret here, but the AEAD
// works as it would.
func benchKeys() (*seal.Keys, error) {
	return seal.NewKeys(tls.TLS_AES_128_GCM_SHA256, make([]byte, 32))
}

// putHeader writes the header of a block with the offset of its bytes.
func putHeader(header []byte, number uint64, offset int64) {
	header[0] = kindBlock
	binary.BigEndian.PutUint32(header[9:], uint32(number))
	binary.BigEndian.PutUint64(header[headerSize-8:], uint64(offset))
}

// sealer makes trains of blocks.
type sealer struct {
	keys   *seal.Keys
	number uint64
	train  [udp.MaxTrain]byte
}

// seal returns the train of the blocks at an offset of the file.
func (s *sealer) seal(blocks []byte, offset int64) []byte {
	used := 0
	for len(blocks) > 0 {
		block := blocks[:min(len(blocks), blockSize)]
		blocks = blocks[len(block):]
		header := s.train[used : used+headerSize]
		putHeader(header, s.number, offset)
		sealed := s.keys.Seal(s.train[used+headerSize:used+headerSize], header, block, 0, s.number)
		used += headerSize + len(sealed)
		offset += int64(len(block))
		s.number++
	}
	return s.train[:used]
}

// errDatagram says that what arrived is not of the bench.
var errDatagram = errors.New("a datagram that the other end did not send")

// open opens a datagram in place and returns its packet number, offset and
// block. The number on the wire is the low half, which serves for 4 TiB.
func open(keys *seal.Keys, datagram []byte) (offset int64, block []byte, err error) {
	if len(datagram) < headerSize+seal.Overhead || datagram[0] != kindBlock {
		return 0, nil, errDatagram
	}
	header, sealed := datagram[:headerSize], datagram[headerSize:]
	number := uint64(binary.BigEndian.Uint32(header[9:]))
	block, err = keys.Open(sealed[:0], header, sealed, 0, number)
	return int64(binary.BigEndian.Uint64(header[headerSize-8:])), block, err
}

// endpoint opens a socket that is closed, so that a worker never hangs, when
// the time limit of the worker is over.
func endpoint(address string, limit time.Duration) (udp.Conn, error) {
	conn, err := udp.Listen(address)
	if err != nil {
		return nil, err
	}
	time.AfterFunc(limit, func() { _ = conn.Close() })
	return conn, nil
}

// dial opens a socket to send to an address.
func dial(address string, limit time.Duration) (udp.Conn, netip.AddrPort, error) {
	remote, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, remote, err
	}
	conn, err := endpoint("0.0.0.0:0", limit)
	return conn, remote, err
}
