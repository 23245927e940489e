package seal

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"sync"
)

// Salts of the two derivations in this file. The first is part of the protocol
// (docs/protocol.md §5.5); the second concerns nobody but the server itself.
const (
	retrySalt = "uft/1 retry salt"
	resetSalt = "uft/1 reset salt"
)

// RetryTag returns the integrity tag of a Retry packet: the tag of an empty
// plaintext, with the client's original destination connection ID and the
// whole packet before the tag as associated data (docs/protocol.md §3.4,
// §5.5). Everybody can compute it. It shows that the sender has seen the
// client's Initial packet, and it turns damage into loss.
func RetryTag(originalDestination [8]byte, retryWithoutTag []byte) [16]byte {
	additional := make([]byte, 0, len(originalDestination)+len(retryWithoutTag))
	additional = append(additional, originalDestination[:]...)
	additional = append(additional, retryWithoutTag...)
	keys := *retryKeys() // a copy, because keys hold the nonce in use
	return [16]byte(keys.Seal(nil, additional, nil, 0, 0))
}

// retryKeys derives the fixed keys of all Retry packets. The nonce of §5.5 is
// the iv alone, which is what path 0 and packet number 0 give.
var retryKeys = sync.OnceValue(func() *Keys {
	keys, err := NewKeys(tls.TLS_AES_128_GCM_SHA256, extract([]byte(retrySalt), nil))
	if err != nil {
		panic("seal: retry keys: " + err.Error()) // suite and length are constants that fit
	}
	return keys
})

// ResetToken returns the stateless reset token of a connection ID: the first
// 16 bytes of HMAC-SHA256(reset key, connection ID) (docs/protocol.md §3.6).
// Whoever compares tokens does it in constant time, with
// [crypto/subtle.ConstantTimeCompare].
func ResetToken(resetKey []byte, id [8]byte) [16]byte {
	mac := hmac.New(sha256.New, resetKey)
	mac.Write(id[:])
	return [16]byte(mac.Sum(nil)[:16])
}

// ResetKey derives the 32-byte reset key from the server's identity and its
// port, so that a server that was restarted still gives the tokens that its
// peers expect (docs/protocol.md §3.6). Two servers of one machine that share
// the identity have different keys: otherwise a packet that was meant for one,
// sent to the other, would bring the token that ends the connection (RFC 9000
// §21.11).
func ResetKey(identity ed25519.PrivateKey, port uint16) []byte {
	return extract([]byte(resetSalt), binary.BigEndian.AppendUint16(identity.Seed(), port))
}
