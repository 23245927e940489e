package seal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func tokenKey(t testing.TB, first byte) *TokenKey {
	t.Helper()
	secret := make([]byte, TokenKeySize)
	secret[0] = first
	key, err := NewTokenKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sealToken(t testing.TB, key *TokenKey, token Token) []byte {
	t.Helper()
	sealed, err := SealToken(key, token, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

var exampleToken = Token{
	Kind:                TokenRetry,
	Address:             netip.MustParseAddrPort("192.0.2.7:4433"),
	IssuedAt:            1_780_000_000,
	OriginalDestination: exampleID,
}

func TestTokenRoundTrip(t *testing.T) {
	key := tokenKey(t, 1)
	for _, c := range []struct {
		name    string
		in, out Token
		length  int
	}{
		{"retry", exampleToken, exampleToken, 75},
		{
			"retry to an IPv4 address written as IPv6",
			Token{Kind: TokenRetry, Address: netip.MustParseAddrPort("[::ffff:192.0.2.7]:1")},
			Token{Kind: TokenRetry, Address: netip.MustParseAddrPort("192.0.2.7:1")},
			75,
		},
		{
			"address loses the port and the connection ID",
			Token{Kind: TokenAddress, Address: netip.MustParseAddrPort("[2001:db8::1]:9"), IssuedAt: -1, OriginalDestination: exampleID, PathRTT: 1500 * time.Microsecond, PathRate: 1 << 40, PathLoss: 0.25},
			Token{Kind: TokenAddress, Address: netip.MustParseAddrPort("[2001:db8::1]:0"), IssuedAt: -1, PathRTT: 1500 * time.Microsecond, PathRate: 1 << 40, PathLoss: 0.25},
			79,
		},
	} {
		sealed := sealToken(t, key, c.in)
		if len(sealed) != c.length {
			t.Errorf("%s: %d bytes, want %d", c.name, len(sealed), c.length)
		}
		if got, err := OpenToken(key, sealed); err != nil || got != c.out {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.out)
		}
	}
}

func TestTokensOfOneContentDiffer(t *testing.T) {
	key := tokenKey(t, 1)
	first, err := SealToken(key, exampleToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := SealToken(key, exampleToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, second) {
		t.Error("two tokens have the same nonce")
	}
}

func TestOpenTokenRefuses(t *testing.T) {
	key := tokenKey(t, 1)
	sealed := sealToken(t, key, exampleToken)
	refuse := func(what string, key *TokenKey, sealed []byte) {
		t.Helper()
		if token, err := OpenToken(key, sealed); !errors.Is(err, ErrToken) || token != (Token{}) {
			t.Errorf("%s: %+v, %v", what, token, err)
		}
	}
	refuse("another key", tokenKey(t, 2), sealed)
	refuse("a longer one", key, append(bytes.Clone(sealed), 0))
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 0x80
		refuse("damage", key, damaged)
		refuse("truncation", key, sealed[:i])
	}
	// Contents that only the holder of the key could have sealed.
	nonce := make([]byte, key.aead.NonceSize())
	for name, content := range map[string][]byte{
		"empty":                     {},
		"no such kind":              append([]byte{9}, make([]byte, addressTokenLength-1)...),
		"a short address token":     append([]byte{byte(TokenAddress)}, make([]byte, addressTokenLength-2)...),
		"a retry token without end": append([]byte{byte(TokenRetry)}, make([]byte, addressTokenLength-1)...),
	} {
		refuse(name, key, key.aead.Seal(bytes.Clone(nonce), nonce, content, nil))
	}
}

func TestSealTokenRefuses(t *testing.T) {
	key := tokenKey(t, 1)
	for name, token := range map[string]Token{
		"no kind":    {Address: exampleToken.Address},
		"no address": {Kind: TokenRetry},
	} {
		if sealed, err := SealToken(key, token, nil); err == nil {
			t.Errorf("%s: sealed %x", name, sealed)
		}
	}
	if _, err := SealToken(key, exampleToken, bytes.NewReader(nil)); err == nil {
		t.Error("sealed without a nonce")
	}
	if _, err := NewTokenKey(make([]byte, TokenKeySize-1)); err == nil {
		t.Error("a short key is accepted")
	}
}

func TestTokenProves(t *testing.T) {
	retry, address := exampleToken, exampleToken
	address.Kind = TokenAddress
	for _, c := range []struct {
		remote         string
		retry, address bool
	}{
		{"192.0.2.7:4433", true, true},
		{"[::ffff:192.0.2.7]:4433", true, true},
		{"192.0.2.7:4434", false, true},
		{"192.0.2.8:4433", false, false},
		{"[2001:db8::7]:4433", false, false},
	} {
		remote := netip.MustParseAddrPort(c.remote)
		if got := retry.Proves(remote); got != c.retry {
			t.Errorf("a retry token proves %s: %v", remote, got)
		}
		if got := address.Proves(remote); got != c.address {
			t.Errorf("an address token proves %s: %v", remote, got)
		}
	}
	local := Token{Kind: TokenRetry, Address: netip.MustParseAddrPort("[fe80::1]:5")}
	if !local.Proves(netip.MustParseAddrPort("[fe80::1%eth0]:5")) {
		t.Error("a token does not prove its address with a zone")
	}
}

func FuzzOpenToken(f *testing.F) {
	key := tokenKey(f, 1)
	f.Add(sealToken(f, key, exampleToken))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		token, err := OpenToken(key, sealed)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Errorf("error %v", err)
			}
			return
		}
		if !token.Address.IsValid() {
			t.Errorf("token %+v has no address", token)
		}
	})
}
