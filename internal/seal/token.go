package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// TokenKeySize is the length in bytes of the secret that a server seals its
// tokens with.
const TokenKeySize = chacha20poly1305.KeySize

// The lengths in bytes of a token's content: kind, time and IP address, and
// then what is remembered of the path, or for a Retry the port and the original
// destination connection ID.
const (
	tokenHeadLength    = 1 + 8 + 16
	addressTokenLength = tokenHeadLength + 4 + 8 + 2
	retryTokenLength   = tokenHeadLength + 2 + 8
)

// lossUnit is the resolution in which a token keeps a share.
const lossUnit = 1 << 16

// ErrToken says that a token was not made with this key, or was damaged. For a
// server this is no fault of the client's: it treats the client as one that
// has brought no token.
var ErrToken = errors.New("seal: not a token of this server")

// TokenKind says what a token was given for.
type TokenKind uint8

// The two kinds (docs/protocol.md §6.5).
const (
	// TokenRetry came in a Retry packet and answers it at once.
	TokenRetry TokenKind = iota + 1
	// TokenAddress came in a NEW_TOKEN frame and is for a later connection.
	TokenAddress
)

// A Token proves that its bearer has received something at an address: only the
// server can read or make one. How long it is good for is the server's decision.
type Token struct {
	Kind TokenKind

	// Address is where the token was sent to. A token of kind TokenAddress
	// keeps the IP address alone, since a later connection comes from
	// another port; OpenToken then returns port 0.
	Address netip.AddrPort

	// IssuedAt is in seconds since 1970: a token outlives the clock of the
	// process that made it.
	IssuedAt int64

	// OriginalDestination is the destination connection ID of the client's
	// very first Initial packet. It is kept for TokenRetry only.
	OriginalDestination [8]byte

	// What the server remembers of the path, for TokenAddress only: the
	// client carries it, and can neither read nor change it. Zero is unknown.
	PathRTT  time.Duration // kept in microseconds
	PathRate int64         // bytes per second
	PathLoss float64       // kept in 1/65536
}

// Proves reports whether the token shows that remote was reached: the same IP
// address, and for a TokenRetry the same port.
func (t Token) Proves(remote netip.AddrPort) bool {
	if t.Address.Addr().Unmap().WithZone("") != remote.Addr().Unmap().WithZone("") {
		return false
	}
	return t.Kind == TokenAddress || t.Address.Port() == remote.Port()
}

// TokenKey is the secret of a server's tokens. It may be used by several
// goroutines at the same time.
type TokenKey struct{ aead cipher.AEAD }

// NewTokenKey makes a key from [TokenKeySize] secret random bytes. A server
// that keeps them over a restart still accepts its older tokens.
func NewTokenKey(secret []byte) (*TokenKey, error) {
	// The nonce of XChaCha20-Poly1305 is long enough to be drawn at random
	// for as many tokens as a server will ever give; that of AES-GCM is not.
	aead, err := chacha20poly1305.NewX(secret)
	if err != nil {
		return nil, fmt.Errorf("seal: a token key has %d bytes, not %d", TokenKeySize, len(secret))
	}
	return &TokenKey{aead: aead}, nil
}

// SealToken returns the token as the client carries it: a random nonce, the
// sealed content and the tag. A nil random is crypto/rand.
func SealToken(key *TokenKey, token Token, random io.Reader) ([]byte, error) {
	if token.Kind != TokenRetry && token.Kind != TokenAddress {
		return nil, fmt.Errorf("seal: there is no token of kind %d", token.Kind)
	}
	if !token.Address.Addr().IsValid() {
		return nil, errors.New("seal: a token needs an address")
	}
	if random == nil {
		random = rand.Reader
	}
	nonceSize := key.aead.NonceSize()
	sealed := make([]byte, nonceSize, nonceSize+addressTokenLength+key.aead.Overhead())
	if _, err := io.ReadFull(random, sealed); err != nil {
		return nil, fmt.Errorf("seal: nonce of a token: %w", err)
	}
	address := token.Address.Addr().As16()
	content := make([]byte, 0, addressTokenLength)
	content = append(content, byte(token.Kind))
	content = binary.BigEndian.AppendUint64(content, uint64(token.IssuedAt))
	content = append(content, address[:]...)
	if token.Kind == TokenRetry {
		content = binary.BigEndian.AppendUint16(content, token.Address.Port())
		content = append(content, token.OriginalDestination[:]...)
	} else {
		content = binary.BigEndian.AppendUint32(content, uint32(min(max(token.PathRTT.Microseconds(), 0), math.MaxUint32)))
		content = binary.BigEndian.AppendUint64(content, uint64(max(token.PathRate, 0)))
		content = binary.BigEndian.AppendUint16(content, uint16(min(max(token.PathLoss, 0), 0.999)*lossUnit))
	}
	return key.aead.Seal(sealed, sealed, content, nil), nil
}

// OpenToken returns the content of a token that SealToken made with the same
// key. The only error is [ErrToken].
func OpenToken(key *TokenKey, sealed []byte) (Token, error) {
	nonceSize := key.aead.NonceSize()
	if len(sealed) > nonceSize+addressTokenLength+key.aead.Overhead() || len(sealed) < nonceSize {
		return Token{}, ErrToken
	}
	content, err := key.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], nil)
	if err != nil || len(content) < tokenHeadLength {
		return Token{}, ErrToken
	}
	token := Token{
		Kind:     TokenKind(content[0]),
		IssuedAt: int64(binary.BigEndian.Uint64(content[1:])),
	}
	address := netip.AddrFrom16([16]byte(content[9:])).Unmap()
	switch {
	case token.Kind == TokenAddress && len(content) == addressTokenLength:
		token.Address = netip.AddrPortFrom(address, 0)
		path := content[tokenHeadLength:]
		token.PathRTT = time.Duration(binary.BigEndian.Uint32(path)) * time.Microsecond
		token.PathRate = int64(min(binary.BigEndian.Uint64(path[4:]), math.MaxInt64))
		token.PathLoss = float64(binary.BigEndian.Uint16(path[12:])) / lossUnit
	case token.Kind == TokenRetry && len(content) == retryTokenLength:
		token.Address = netip.AddrPortFrom(address, binary.BigEndian.Uint16(content[tokenHeadLength:]))
		token.OriginalDestination = [8]byte(content[tokenHeadLength+2:])
	default:
		return Token{}, ErrToken
	}
	return token, nil
}
