package trust

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/uft/internal/identity"
)

// publicKey returns a key that is always the same for a number.
func publicKey(number byte) ed25519.PublicKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = number
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// trustIn returns the trust of a client with a list of known servers.
func trustIn(t *testing.T, fingerprint, list string) *Server {
	t.Helper()
	trusted, err := NewServer("Example.ORG.", 5855, fingerprint, list)
	if err != nil {
		t.Fatal(err)
	}
	return trusted
}

// TestFirstContactThenPinned is the life of a pin: nothing is remembered before
// the server has proved its key, and another key is refused afterwards.
func TestFirstContactThenPinned(t *testing.T) {
	list := filepath.Join(t.TempDir(), "known_hosts")
	first := trustIn(t, "", list)
	if got := first.Expected(); got != "" {
		t.Errorf("a stranger is expected to have the key %s", got)
	}
	if err := first.Verify(publicKey(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(list); err == nil {
		t.Error("the list was written before the server proved its key")
	}
	want := "first contact with [example.org]:5855, key " + identity.Fingerprint(publicKey(1)) + ", remembered in " + list
	if got := first.Remember(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := first.Remember(); got != "" {
		t.Errorf("remembered twice: %s", got)
	}

	again := trustIn(t, "", list)
	if got := again.Expected(); got != identity.Fingerprint(publicKey(1)) {
		t.Errorf("expected %q", got)
	}
	if err := again.Verify(publicKey(1)); err != nil || again.Remember() != "" {
		t.Errorf("a known server: %v", err)
	}
	var changed *identity.ChangedError
	if err := again.Verify(publicKey(2)); !errors.As(err, &changed) || changed.Line != 1 {
		t.Errorf("another key: %v", err)
	}
	if message := again.Remember(); message != "" {
		t.Errorf("a refused key was remembered: %s", message)
	}
}

func TestFingerprintOfTheUser(t *testing.T) {
	list := filepath.Join(t.TempDir(), "known_hosts")
	trusted := trustIn(t, identity.Fingerprint(publicKey(1)), list)
	if got := trusted.Expected(); got != identity.Fingerprint(publicKey(1)) {
		t.Errorf("expected %q", got)
	}
	if err := trusted.Verify(publicKey(1)); err != nil || trusted.Remember() != "" {
		t.Errorf("the right server: %v", err)
	}
	var changed *identity.ChangedError
	if err := trusted.Verify(publicKey(2)); !errors.As(err, &changed) || changed.Path != "" {
		t.Errorf("another server: %v", err)
	}
	if _, err := os.Stat(list); err == nil {
		t.Error("the list was written, which takes no part")
	}
}

// TestNoPlaceForPins: without a state folder every contact is the first.
func TestNoPlaceForPins(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unusable := trustIn(t, "", filepath.Join(file, "known_hosts"))
	if err := unusable.Verify(publicKey(1)); !errors.Is(err, identity.ErrNotStored) {
		t.Errorf("a list that the user named: %v", err)
	}
	unusable.asked = false
	if err := unusable.Verify(publicKey(1)); err != nil {
		t.Errorf("the usual list: %v", err)
	}
	if got := unusable.Remember(); !strings.Contains(got, "; it cannot be remembered: ") {
		t.Errorf("message %q", got)
	}
	none := &Server{server: "[example.org]:5855"}
	if err := none.Verify(publicKey(1)); err != nil || none.Expected() != "" {
		t.Errorf("no list at all: %v", err)
	}
	if got := none.Remember(); !strings.HasSuffix(got, "; it cannot be remembered: there is no state folder") {
		t.Errorf("message %q", got)
	}
}
