package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// SelfSigned wraps an identity in the certificate that TLS wants to see.
// Clients look at nothing in it but the key, so the rest is constant, and the
// same key always gives the same certificate. It is valid from 1970 to the end
// of 9999, which RFC 5280 §4.1.2.5 defines as "never expires": an identity
// ends when it is deleted, not at a date.
func SelfSigned(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "uft"},
		NotBefore:    time.Unix(0, 0).UTC(),
		NotAfter:     time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	// An Ed25519 signature takes nothing from the source of randomness.
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("seal: certificate of the identity: %w", err)
	}
	leaf, err := x509.ParseCertificate(encoded)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("seal: certificate of the identity: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{encoded}, PrivateKey: key, Leaf: leaf}, nil
}

// verifyIdentity returns the check that TLS calls for every handshake. It has
// to be VerifyConnection: VerifyPeerCertificate is skipped when a session is
// resumed, and the certificate then is the one kept in the session.
func verifyIdentity(verify func(ed25519.PublicKey) error) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the server has shown no certificate")
		}
		key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
		if !ok {
			return fmt.Errorf("the server's identity is a %v key, not Ed25519", state.PeerCertificates[0].PublicKeyAlgorithm)
		}
		return verify(key)
	}
}
