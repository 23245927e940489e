package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var allSuites = []uint16{
	tls.TLS_AES_128_GCM_SHA256,
	tls.TLS_AES_256_GCM_SHA384,
	tls.TLS_CHACHA20_POLY1305_SHA256,
}

// exampleID is the connection ID of the vectors, here and in RFC 9001 appendix A.
var exampleID = [8]byte{0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wantHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s is %x, want %s", what, got, want)
	}
}

// suiteKeys returns keys of the suite from a secret of zeros.
func suiteKeys(t *testing.T, suite uint16) *Keys {
	t.Helper()
	newHash, _, err := suiteParameters(suite)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeys(suite, make([]byte, newHash().Size()))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// The derivation functions agree with RFC 9001 appendix A.1, whose label for
// the client's secret is ours too.
func TestDerivationAgreesWithRFC9001(t *testing.T) {
	initial := extract(unhex(t, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), exampleID[:])
	wantHex(t, "client_initial_secret", expandLabel(sha256.New, initial, "client in", 32),
		"c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea")
}

// The vectors were computed outside of this module, from docs/protocol.md §5.
func TestInitialKeysVectors(t *testing.T) {
	client, server := InitialKeys(exampleID)
	for _, side := range []struct {
		name                                string
		keys                                *Keys
		secret, key, iv, nextSecret, nextIV string
	}{
		{
			"client", client,
			"7b89abc267d23d8136b77eae1a592fe45ad7e0beea0be75de05cad16cd5ed21e",
			"b2c5f8f1ace604a940ceb9bf5f800ac6", "0fc29c6cd1ad377f7661844c",
			"c6c62fb8b34d5b3962b1fddab71b341fa91ae17776fc24cd17d4c335df018999", "c3cc9f4b9627c569f577ecdc",
		},
		{
			"server", server,
			"e0650eee710ed2b75f658eb61f2008294a100bef407b813f1e8c008f3e886443",
			"5173a9cfee0444233e620b2b8117928d", "6a7e7004f7f793fb7ef58295",
			"1af99a6cf86096b2659deaa446b2ded9450533dd8a58b75ae16e58fdb470f9e8", "cab8baa1e8a8cf572ef6b4f2",
		},
	} {
		wantHex(t, side.name+" secret", side.keys.secret, side.secret)
		wantHex(t, side.name+" key", expandLabel(sha256.New, side.keys.secret, "uft key", 16), side.key)
		wantHex(t, side.name+" iv", side.keys.iv[:], side.iv)
		next := side.keys.Next()
		wantHex(t, side.name+" next secret", next.secret, side.nextSecret)
		wantHex(t, side.name+" next iv", next.iv[:], side.nextIV)
	}
	sealed := client.Seal(nil, unhex(t, "c055465401"), []byte("payload"), 1, 2)
	wantHex(t, "packet of path 1 with number 2", sealed, "153de5380ccfaae669945b864126cfbf9232cc359e624d")
}

func TestRetryAndResetVectors(t *testing.T) {
	tag := RetryTag(exampleID, []byte("retry packet"))
	wantHex(t, "retry tag", tag[:], "21057f062ee53797196026adba29e6ef")

	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	token := ResetToken(secret, exampleID)
	wantHex(t, "reset token", token[:], "50b5d256607ba9fa7686ff5cea8c78c9")
	wantHex(t, "reset key", ResetKey(ed25519.NewKeyFromSeed(secret), 4242),
		"6b70b9b2f879132158bb58e5137ed7eacc39031dbd3f63c4cf17b0c1301db686")
}

// TestResetKeysOfTwoServers: a token that one server gives must say nothing
// about the connections of another with the same identity.
func TestResetKeysOfTwoServers(t *testing.T) {
	identity := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	one, other := ResetKey(identity, 4242), ResetKey(identity, 4243)
	if ResetToken(one, exampleID) == ResetToken(other, exampleID) {
		t.Error("two servers give the same reset token")
	}
	if !bytes.Equal(one, ResetKey(identity, 4242)) {
		t.Error("a server that was restarted gives another reset token")
	}
}

func TestSealInPlaceOpensInPlace(t *testing.T) {
	header, payload := []byte("header"), bytes.Repeat([]byte("0123456789abcdef"), 64)
	for _, suite := range allSuites {
		keys := suiteKeys(t, suite)
		buffer := make([]byte, len(payload), len(payload)+Overhead)
		copy(buffer, payload)

		sealed := keys.Seal(buffer[:0], header, buffer, 0, 7)
		if len(sealed) != len(payload)+Overhead || &sealed[0] != &buffer[0] {
			t.Fatalf("%s: sealed %d bytes, in place: %v", tls.CipherSuiteName(suite), len(sealed), &sealed[0] == &buffer[0])
		}
		if bytes.Contains(sealed, payload[:32]) {
			t.Fatalf("%s: the payload is not encrypted", tls.CipherSuiteName(suite))
		}
		opened, err := keys.Open(sealed[:0], header, sealed, 0, 7)
		if err != nil || !bytes.Equal(opened, payload) || &opened[0] != &buffer[0] {
			t.Fatalf("%s: opened %d bytes, error %v", tls.CipherSuiteName(suite), len(opened), err)
		}
	}
}

func TestSealAndOpenAllocateNothing(t *testing.T) {
	header := make([]byte, 13)
	for _, suite := range allSuites {
		keys := suiteKeys(t, suite)
		buffer := make([]byte, 1035, 1035+Overhead)
		number := uint64(0)
		allocations := testing.AllocsPerRun(100, func() {
			number++
			sealed := keys.Seal(buffer[:0], header, buffer, 0, number)
			if _, err := keys.Open(sealed[:0], header, sealed, 0, number); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations per packet", tls.CipherSuiteName(suite), allocations)
		}
	}
}

func TestOpenRefusesWhatWasNotSealed(t *testing.T) {
	header, payload := []byte("header"), []byte("payload")
	for _, suite := range allSuites {
		keys := suiteKeys(t, suite)
		sealed := keys.Seal(nil, header, payload, 3, 1<<40)
		refuse := func(what string, keys *Keys, header, sealed []byte, path uint32, number uint64) {
			t.Helper()
			if _, err := keys.Open(nil, header, sealed, path, number); !errors.Is(err, ErrOpen) {
				t.Errorf("%s: %s: error %v", tls.CipherSuiteName(suite), what, err)
			}
		}
		refuse("another path", keys, header, sealed, 2, 1<<40)
		refuse("another number", keys, header, sealed, 3, 1<<40+1)
		refuse("another number in the high half", keys, header, sealed, 3, 1<<41)
		refuse("another header", keys, []byte("HEADER"), sealed, 3, 1<<40)
		refuse("the next phase", keys.Next(), header, sealed, 3, 1<<40)
		for i := range sealed {
			damaged := bytes.Clone(sealed)
			damaged[i] ^= 1
			refuse("damage", keys, header, damaged, 3, 1<<40)
			refuse("truncation", keys, header, sealed[:i], 3, 1<<40)
		}
		if got, err := keys.Open(nil, header, sealed, 3, 1<<40); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%s: the packet itself: %q, %v", tls.CipherSuiteName(suite), got, err)
		}
	}
}

func TestNextPhasesAgree(t *testing.T) {
	for _, suite := range allSuites {
		sender, receiver := suiteKeys(t, suite), suiteKeys(t, suite)
		for phase := range 3 {
			sealed := sender.Seal(nil, nil, []byte("payload"), 0, 1)
			if _, err := receiver.Open(nil, nil, sealed, 0, 1); err != nil {
				t.Fatalf("%s: phase %d: %v", tls.CipherSuiteName(suite), phase, err)
			}
			sender, receiver = sender.Next(), receiver.Next()
			if sender.Suite() != suite {
				t.Fatalf("the next phase of %#04x has suite %#04x", suite, sender.Suite())
			}
		}
	}
}

func TestNewKeysRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		suite  uint16
		length int
	}{
		{"a suite of TLS 1.2", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 32},
		{"no suite", 0, 32},
		{"a short secret", tls.TLS_AES_128_GCM_SHA256, 31},
		{"a long secret", tls.TLS_CHACHA20_POLY1305_SHA256, 48},
		{"no secret", tls.TLS_AES_256_GCM_SHA384, 0},
	} {
		if keys, err := NewKeys(c.suite, make([]byte, c.length)); err == nil || keys != nil {
			t.Errorf("%s: keys %v, error %v", c.name, keys, err)
		}
	}
}

func TestIntegrityLimits(t *testing.T) {
	for suite, want := range map[uint16]uint64{
		tls.TLS_AES_128_GCM_SHA256:       1 << 52,
		tls.TLS_AES_256_GCM_SHA384:       1 << 52,
		tls.TLS_CHACHA20_POLY1305_SHA256: 1 << 36,
	} {
		if got := suiteKeys(t, suite).IntegrityLimit(); got != want {
			t.Errorf("%s: limit %d, want %d", tls.CipherSuiteName(suite), got, want)
		}
	}
}

// The engine converts between the two types by number.
func TestLevelsAreThoseOfTLS(t *testing.T) {
	for level, want := range map[Level]tls.QUICEncryptionLevel{
		Initial:     tls.QUICEncryptionLevelInitial,
		Early:       tls.QUICEncryptionLevelEarly,
		Handshake:   tls.QUICEncryptionLevelHandshake,
		Application: tls.QUICEncryptionLevelApplication,
	} {
		if tls.QUICEncryptionLevel(level) != want {
			t.Errorf("%s is %d, in crypto/tls %d", level, level, want)
		}
	}
}
