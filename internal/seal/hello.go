package seal

import (
	"crypto/sha256"
	"hash"
)

// A helloDigest is by what a ClientHello is known again.
type helloDigest [16]byte

// A helloHasher computes the digest of the first message of a handshake, as it
// comes in pieces. What follows the message does not count: who replays a
// ClientHello could put anything there.
type helloHasher struct {
	hash   hash.Hash
	header []byte // of the message: its type, and its length in 3 bytes
	left   int    // bytes of the body that are still to come
}

// messageHeader is the size of a handshake message's header (RFC 8446 §4).
const messageHeader = 4

func newHelloHasher() *helloHasher { return &helloHasher{hash: sha256.New()} }

// add takes the next bytes of the handshake.
func (h *helloHasher) add(p []byte) {
	for len(p) > 0 && len(h.header) < messageHeader {
		h.header = append(h.header, p[0])
		p = p[1:]
		if len(h.header) == messageHeader {
			h.hash.Write(h.header)
			h.left = int(h.header[1])<<16 | int(h.header[2])<<8 | int(h.header[3])
		}
	}
	n := min(h.left, len(p))
	h.hash.Write(p[:n])
	h.left -= n
}

// digest returns the digest of the message, which has come in full.
func (h *helloHasher) digest() helloDigest { return helloDigest(h.hash.Sum(nil)[:len(helloDigest{})]) }
