package uft

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"example.com/uft/internal/identity"
)

const sessionServer = "example.org:5855"

// TestSessionsBelongToAKey: what is sent by a session can be read by the server
// that it is with, so it is not used for another one.
// publicKey returns a key that is always the same for a number.
func publicKey(number byte) ed25519.PublicKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = number
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// known is a server with given fingerprints.
type known struct{ expected, shown string }

func (k *known) Expected() string { return k.expected }
func (k *known) Shown() string    { return k.shown }

func TestSessionsBelongToAKey(t *testing.T) {
	folder := t.TempDir()
	one, two := identity.Fingerprint(publicKey(1)), identity.Fingerprint(publicKey(2))
	store := &sessions{dir: filepath.Join(folder, "sessions"), trust: &known{expected: one, shown: one}}
	if store.Load(sessionServer) != nil {
		t.Error("a session out of nothing")
	}
	store.Store(sessionServer, []byte("first"))
	store.Store(sessionServer, []byte("second"))
	if got := store.Load(sessionServer); string(got) != "second" {
		t.Errorf("loaded %q", got)
	}
	if store.Load("example.org:5856") != nil {
		t.Error("the session of another port")
	}
	other := &sessions{dir: store.dir, trust: &known{expected: two, shown: two}}
	if other.Load(sessionServer) != nil {
		t.Error("the session of another key")
	}
	stranger := &sessions{dir: store.dir, trust: &known{shown: one}}
	if stranger.Load(sessionServer) != nil {
		t.Error("a session with a server of which nothing is known")
	}
	unverified := &sessions{dir: filepath.Join(folder, "unverified"), trust: &known{expected: one}}
	unverified.Store(sessionServer, []byte("third"))
	if _, err := os.Stat(unverified.dir); err == nil {
		t.Error("the session of a server that has shown no key was kept")
	}
}

// TestSessionFiles: the files are for their owner, and damaged ones are no
// sessions.
func TestSessionFiles(t *testing.T) {
	one := identity.Fingerprint(publicKey(1))
	store := &sessions{dir: filepath.Join(t.TempDir(), "sessions"), trust: &known{expected: one, shown: one}}
	store.Store(sessionServer, []byte("secret"))
	path := store.path(sessionServer, one)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if entries, err := os.ReadDir(store.dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), maxSession+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if store.Load(sessionServer) != nil {
		t.Error("a file of any size is read")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if store.Load(sessionServer) != nil {
		t.Error("a folder is read")
	}
	store.Store(sessionServer, []byte("secret")) // does no harm
	if entries, err := os.ReadDir(store.dir); err != nil || len(entries) != 1 {
		t.Errorf("a file that could not be placed was left: %d files, %v", len(entries), err)
	}
}
