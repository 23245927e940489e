package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/zeebo/blake3"

	"example.com/uft/internal/seal"
	"example.com/uft/internal/udp"
)

// pipe is the bare pipeline: all the work that a file needs, one goroutine a
// side, and no protocol. Nothing is ever sent twice, so the sender must not
// overrun the receiver: after every creditStep the receiver sends a credit
// datagram with the number of bytes that it has processed, and the sender
// keeps at most a window of bytes beyond that. A datagram that is missing
// all the same fails the measurement.
var pipe = subject{
	name: "pipe", role: ceiling,
	about: "the bare pipeline, one goroutine a side: pread of 61 KiB, BLAKE3 of 1 MiB chunks, seal, send a train; " +
		"receive, open in place, copy into the chunk, hash, pwrite of 1 MiB; no loss handling, " +
		"a credit datagram after each 256 KiB, window 2 MiB",
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		copied := filepath.Join(r.copies, "pipe.bin")
		address := fmt.Sprintf("%s:%d", n.addr, port)
		return pair{
			server:   []string{r.self, "worker", "pipe-receive", address, copied},
			client:   []string{r.self, "worker", "pipe-send", address, r.source},
			protocol: "udp", port: port, copy: copied,
		}.run(ctx, r, n)
	},
}

// Sizes of the pipeline, in bytes.
const (
	chunkSize  = 1 << 20
	creditStep = 256 << 10
	// pipeWindow is what may be on the way: little enough for the processor's
	// cache, enough that neither side waits for the other.
	pipeWindow = 2 << 20
)

// pipeSend is the worker that reads, hashes, seals and sends a file.
func pipeSend(address, path string, limit time.Duration) error {
	conn, remote, err := dial(address, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	s := sealer{}
	if s.keys, err = benchKeys(); err != nil {
		return err
	}
	// The kernel counts its own overhead against the buffer, too.
	window := min(int64(pipeWindow), int64(conn.ReceiveBuffer())/2)
	buf := make([]byte, udp.MaxTrain)
	var hash chunkHasher
	var offset, credited int64
	for {
		n, err := file.ReadAt(buf[:trainBytes], offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			break
		}
		hash.write(buf[:n])
		train := s.seal(buf[:n], offset)
		offset += int64(n)
		for offset-credited > window {
			if credited, err = readCredit(conn, buf); err != nil {
				return err
			}
		}
		if err := conn.WriteTrain(train, datagramSize, remote, netip.AddrPort{}); err != nil {
			return err
		}
	}
	end := append([]byte{kindEnd}, hash.root()...)
	if err := conn.WriteTrain(end, len(end), remote, netip.AddrPort{}); err != nil {
		return err
	}
	for credited <= offset { // one byte more than the file says that all is well
		if credited, err = readCredit(conn, buf); err != nil {
			return err
		}
	}
	return nil
}

// readCredit waits for the next credit; the last of a train counts.
func readCredit(conn udp.Conn, buf []byte) (int64, error) {
	n, _, _, _, _, err := conn.ReadTrain(buf)
	if err != nil {
		return 0, err
	}
	if n < 9 || buf[n-9] != kindCredit {
		return 0, errDatagram
	}
	return int64(binary.BigEndian.Uint64(buf[n-8:])), nil
}

// pipeReceiver is the other end.
type pipeReceiver struct {
	conn     udp.Conn
	keys     *seal.Keys
	file     *os.File
	chunk    [chunkSize]byte
	received int64 // bytes, all of them in order
	credited int64
	hash     chunkHasher
}

// pipeReceive is the worker that opens, hashes and writes a file.
func pipeReceive(address, path string, limit time.Duration) error {
	conn, err := endpoint(address, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := &pipeReceiver{conn: conn}
	if r.keys, err = benchKeys(); err != nil {
		return err
	}
	if r.file, err = os.Create(path); err != nil {
		return err
	}
	defer r.file.Close()
	buf := make([]byte, udp.MaxTrain)
	for {
		n, segment, remote, local, _, err := conn.ReadTrain(buf)
		if err != nil {
			return err
		}
		if buf[0] == kindEnd {
			if err := r.end(buf[1:n]); err != nil {
				return err
			}
			return r.credit(r.received+1, remote, local)
		}
		for at := 0; at < n; at += segment {
			if err := r.datagram(buf[at:min(at+segment, n)]); err != nil {
				return err
			}
		}
		if r.received >= r.credited+creditStep {
			r.credited = r.received
			if err := r.credit(r.received, remote, local); err != nil {
				return err
			}
		}
	}
}

// datagram opens one datagram and puts it into the chunk.
func (r *pipeReceiver) datagram(datagram []byte) error {
	offset, block, err := open(r.keys, datagram)
	if err != nil {
		return err
	}
	if offset != r.received {
		return fmt.Errorf("lost: byte %d after %d", offset, r.received)
	}
	copy(r.chunk[offset%chunkSize:], block)
	r.received += int64(len(block))
	if r.received%chunkSize != 0 {
		return nil
	}
	r.hash.write(r.chunk[:])
	_, err = r.file.WriteAt(r.chunk[:], r.received-chunkSize)
	return err
}

// end checks the root that the sender has computed.
func (r *pipeReceiver) end(root []byte) error {
	if string(r.hash.root()) != string(root) {
		return errors.New("the hashes of the two ends differ")
	}
	return r.file.Close()
}

// credit sends a credit datagram.
func (r *pipeReceiver) credit(bytes int64, remote, local netip.AddrPort) error {
	datagram := binary.BigEndian.AppendUint64([]byte{kindCredit}, uint64(bytes))
	return r.conn.WriteTrain(datagram, len(datagram), remote, local)
}

// chunkHasher hashes each chunk of 1 MiB, and the list of these hashes.
type chunkHasher struct {
	chunk, list *blake3.Hasher
	filled      int
}

// write hashes the next bytes of the file, across chunks.
func (h *chunkHasher) write(b []byte) {
	if h.chunk == nil {
		h.chunk, h.list = blake3.New(), blake3.New()
	}
	for len(b) > 0 {
		part := b[:min(len(b), chunkSize-h.filled)]
		_, _ = h.chunk.Write(part)
		b = b[len(part):]
		if h.filled += len(part); h.filled == chunkSize {
			_, _ = h.list.Write(h.chunk.Sum(nil))
			h.chunk.Reset()
			h.filled = 0
		}
	}
}

// root returns the hash of the list. The file has whole chunks.
func (h *chunkHasher) root() []byte { return h.list.Sum(nil) }
