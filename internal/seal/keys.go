// Package seal is the cryptography of the protocol: which keys protect which
// packet, how a packet is sealed and opened, the tokens that prove an address,
// and the handshake that two peers derive their keys from
// (docs/protocol.md §5 and §6).
//
// The package does no input or output and starts nothing that outlives
// [Engine.Close]. A handshake is a state machine behind [Engine]: the caller
// feeds it the peer's handshake bytes and polls it for events, such as new
// keys or bytes to send. [NewTLSClient] and [NewTLSServer] are TLS 1.3 from
// crypto/tls; [NewNull] is a stand-in for the simulator, equal in the length
// of its messages and in the order of its events, and without any security.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// Overhead is the length in bytes of the tag that sealing adds to a payload,
// the same for every cipher suite (docs/protocol.md §3).
const Overhead = 16

// nonceSize is the nonce's length in bytes: a path id of 32 bits and a packet
// number of 64 (docs/protocol.md §5.3).
const nonceSize = 12

// initialSalt separates the Initial keys of this protocol version from those
// of any other protocol that derives keys from a connection ID (docs/protocol.md §5.2).
const initialSalt = "uft/1 initial salt"

// ErrOpen says that a packet is not what the holder of the other half of the
// keys sealed: it was damaged, forged, or sealed under other keys. It does not
// tell these apart, because nobody can.
var ErrOpen = errors.New("seal: packet does not open")

// Level names what a handshake message or a pair of keys belongs to
// (RFC 9001 §4.1.4).
type Level uint8

// The levels in the order in which a connection reaches them.
const (
	Initial     Level = iota // keys that anybody can derive from the first datagram
	Early                    // 0-RTT, from the client to the server only
	Handshake                // keys of the handshake in progress
	Application              // keys of the completed handshake
)

// String returns the name that docs/protocol.md uses.
func (l Level) String() string {
	switch l {
	case Initial:
		return "Initial"
	case Early:
		return "0-RTT"
	case Handshake:
		return "Handshake"
	case Application:
		return "Application"
	default:
		return fmt.Sprintf("Level(%d)", uint8(l))
	}
}

// Keys protect the packets of one direction, level and key phase. They hold
// room for one nonce, so that sealing a packet allocates nothing, and
// therefore belong to one goroutine at a time.
type Keys struct {
	suite  uint16
	secret []byte // what the next phase is derived from
	aead   cipher.AEAD
	iv     [nonceSize]byte
	nonce  [nonceSize]byte
}

// NewKeys derives the key and the initialisation vector from a secret of TLS
// (docs/protocol.md §5.1). The suite is one of the three of TLS 1.3, such as
// [tls.TLS_AES_128_GCM_SHA256]; another one, or a secret whose length is not
// that of the suite's hash, is an error of the caller.
func NewKeys(suite uint16, secret []byte) (*Keys, error) {
	newHash, keyLength, err := suiteParameters(suite)
	if err != nil {
		return nil, err
	}
	if want := newHash().Size(); len(secret) != want {
		return nil, fmt.Errorf("seal: a secret for %s has %d bytes, not %d",
			tls.CipherSuiteName(suite), want, len(secret))
	}
	aead, err := newAEAD(suite, expandLabel(newHash, secret, "uft key", keyLength))
	if err != nil {
		return nil, err
	}
	keys := &Keys{suite: suite, secret: append([]byte(nil), secret...), aead: aead}
	copy(keys.iv[:], expandLabel(newHash, secret, "uft iv", nonceSize))
	return keys, nil
}

// InitialKeys derives the keys of the Initial packets from the destination
// connection ID of the client's first Initial packet, or, after a Retry, from
// the Retry's source connection ID (docs/protocol.md §5.2). The first result
// seals what the client sends, the second what the server sends.
func InitialKeys(firstDestination [8]byte) (client, server *Keys) {
	initial := extract([]byte(initialSalt), firstDestination[:])
	return initialDirection(initial, "client in"), initialDirection(initial, "server in")
}

func initialDirection(initial []byte, label string) *Keys {
	keys, err := NewKeys(tls.TLS_AES_128_GCM_SHA256, expandLabel(sha256.New, initial, label, sha256.Size))
	if err != nil {
		panic("seal: initial keys: " + err.Error()) // suite and length are constants that fit
	}
	return keys
}

// Seal appends to dst the payload, encrypted, and the tag that authenticates
// it together with the header, and returns the longer dst. Sealing in place is
// done with payload[:0] as dst; where dst has no room for [Overhead] bytes
// more than the payload, it is reallocated. The packet number must not have
// been used before with these keys and this path: the AEAD would lose all its
// strength.
func (k *Keys) Seal(dst, header, payload []byte, pathID uint32, packetNumber uint64) []byte {
	k.setNonce(pathID, packetNumber)
	return k.aead.Seal(dst, k.nonce[:], payload, header)
}

// Open appends to dst the payload that was sealed together with the header
// under this path id and packet number. Opening in place is done with
// sealed[:0] as dst. The only error is [ErrOpen]; the room behind dst is then
// cleared, so dst must never be memory that holds good data.
func (k *Keys) Open(dst, header, sealed []byte, pathID uint32, packetNumber uint64) ([]byte, error) {
	k.setNonce(pathID, packetNumber)
	payload, err := k.aead.Open(dst, k.nonce[:], sealed, header)
	if err != nil {
		return nil, ErrOpen
	}
	return payload, nil
}

// Next returns the keys of the next key phase (docs/protocol.md §5.4). Only
// Application keys have phases.
func (k *Keys) Next() *Keys {
	newHash, _, err := suiteParameters(k.suite)
	if err != nil {
		panic("seal: next key phase: " + err.Error()) // NewKeys has accepted this suite
	}
	next, err := NewKeys(k.suite, expandLabel(newHash, k.secret, "uft ku", len(k.secret)))
	if err != nil {
		panic("seal: next key phase: " + err.Error())
	}
	return next
}

// Suite returns the TLS cipher suite of these keys; [tls.CipherSuiteName] has its name.
func (k *Keys) Suite() uint16 { return k.suite }

// IntegrityLimit returns how many packets may fail to open, over all key
// phases, before the connection must end with KEY_LIMIT (docs/protocol.md
// §5.4, RFC 9001 §6.6): each failure may be an attempt at forgery.
func (k *Keys) IntegrityLimit() uint64 {
	if k.suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		return 1 << 36
	}
	return 1 << 52
}

// setNonce writes (path id ‖ packet number) XOR iv into k.nonce
// (docs/protocol.md §5.3).
func (k *Keys) setNonce(pathID uint32, packetNumber uint64) {
	binary.BigEndian.PutUint32(k.nonce[:4], pathID^binary.BigEndian.Uint32(k.iv[:4]))
	binary.BigEndian.PutUint64(k.nonce[4:], packetNumber^binary.BigEndian.Uint64(k.iv[4:]))
}

// suiteParameters returns the hash and the key length in bytes of a cipher
// suite of TLS 1.3 (RFC 8446 appendix B.4).
func suiteParameters(suite uint16) (newHash func() hash.Hash, keyLength int, err error) {
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
		return sha256.New, 16, nil
	case tls.TLS_AES_256_GCM_SHA384:
		return sha512.New384, 32, nil
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		return sha256.New, chacha20poly1305.KeySize, nil
	default:
		return nil, 0, fmt.Errorf("seal: cipher suite %s (%#04x) is none of TLS 1.3's", tls.CipherSuiteName(suite), suite)
	}
}

func newAEAD(suite uint16, key []byte) (cipher.AEAD, error) {
	if suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		return chacha20poly1305.New(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// extract is HKDF-Extract with SHA-256 (RFC 5869 §2.2).
func extract(salt, input []byte) []byte {
	secret, err := hkdf.Extract(sha256.New, input, salt)
	if err != nil {
		panic("seal: HKDF-Extract: " + err.Error()) // SHA-256 is always allowed
	}
	return secret
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446 §7.1):
// the label goes out with the prefix "tls13 ".
func expandLabel(newHash func() hash.Hash, secret []byte, label string, length int) []byte {
	const prefix = "tls13 "
	info := make([]byte, 0, 2+1+len(prefix)+len(label)+1)
	info = binary.BigEndian.AppendUint16(info, uint16(length))
	info = append(info, byte(len(prefix)+len(label)))
	info = append(info, prefix...)
	info = append(info, label...)
	info = append(info, 0) // the length of the context
	out, err := hkdf.Expand(newHash, secret, string(info), length)
	if err != nil {
		panic("seal: HKDF-Expand: " + err.Error()) // no length here comes near the limit of 255 hashes
	}
	return out
}
