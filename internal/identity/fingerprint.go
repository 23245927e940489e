package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

// fingerprintPrefix names the hash function, so that another one can follow.
const fingerprintPrefix = "SHA256:"

// fingerprintEncoding is base64 without padding, as ssh prints it. Strict, so
// that every key has exactly one spelling and fingerprints compare as strings.
var fingerprintEncoding = base64.RawStdEncoding.Strict()

// Fingerprint returns "SHA256:" and the unpadded base64 of the SHA-256 of the
// key's SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7, RFC 8410 §4). Hashing
// the whole structure rather than the 32 key bytes lets the fingerprint be
// recomputed with common tools:
//
//	openssl pkey -in identity.key -pubout -outform DER | openssl sha256 -binary | base64
//
// It returns the empty string for a key that is not 32 bytes long.
func Fingerprint(pub ed25519.PublicKey) string {
	if len(pub) != ed25519.PublicKeySize {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "" // cannot happen for a key of the right length
	}
	sum := sha256.Sum256(der)
	return fingerprintPrefix + fingerprintEncoding.EncodeToString(sum[:])
}

// ParseFingerprint checks that s is a fingerprint as Fingerprint prints it and
// returns its only spelling; surrounding space and base64 padding are dropped.
func ParseFingerprint(s string) (string, error) {
	digits, found := strings.CutPrefix(strings.TrimSpace(s), fingerprintPrefix)
	if !found {
		return "", fmt.Errorf("a fingerprint starts with %s", fingerprintPrefix)
	}
	digits = strings.TrimSuffix(digits, "=")
	if len(digits) != fingerprintEncoding.EncodedLen(sha256.Size) {
		return "", fmt.Errorf("a fingerprint has %d characters after %s, not %d",
			fingerprintEncoding.EncodedLen(sha256.Size), fingerprintPrefix, len(digits))
	}
	// The decoder skips line breaks, which have no place within a fingerprint.
	if strings.ContainsAny(digits, "\r\n") {
		return "", fmt.Errorf("a fingerprint is a single line")
	}
	if _, err := fingerprintEncoding.DecodeString(digits); err != nil {
		return "", fmt.Errorf("a fingerprint is base64 after %s: %w", fingerprintPrefix, err)
	}
	return fingerprintPrefix + digits, nil
}
