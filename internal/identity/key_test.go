package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestKeySurvivesRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "uft", "identity.key")
	first, created, err := LoadOrCreate(path)
	if err != nil || !created {
		t.Fatalf("first start: created %v, %v", created, err)
	}
	second, created, err := LoadOrCreate(path)
	if err != nil || created {
		t.Fatalf("second start: created %v, %v", created, err)
	}
	if !first.Equal(second) {
		t.Error("the second start has another key")
	}
	if names := names(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("left in the folder: %q, want the key alone", names)
	}
}

func TestKeyIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits on Windows")
	}
	path := filepath.Join(t.TempDir(), "uft", "identity.key")
	if _, _, err := LoadOrCreate(path); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)
	wantMode(t, filepath.Dir(path), 0o700)
	if exposed, err := Exposed(path); err != nil || exposed {
		t.Errorf("Exposed = %v, %v for a new key", exposed, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if exposed, err := Exposed(path); err != nil || !exposed {
		t.Errorf("Exposed = %v, %v for mode 0640", exposed, err)
	}
	if _, _, err := LoadOrCreate(path); err != nil {
		t.Errorf("an exposed key is a warning, not an error: %v", err)
	}
}

func TestServersStartingTogetherShareOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uft", "identity.key")
	const servers = 16
	keys := make([]ed25519.PrivateKey, servers)
	createds := make([]bool, servers)
	errs := make([]error, servers)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() { keys[i], createds[i], errs[i] = LoadOrCreate(path) })
	}
	wg.Wait()
	makers := 0
	for i := range servers {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if !keys[i].Equal(keys[0]) {
			t.Fatalf("server %d has another key than server 0", i)
		}
		if createds[i] {
			makers++
		}
	}
	if makers != 1 {
		t.Errorf("%d servers say that they made the key, want 1", makers)
	}
}

func TestKeyWithoutHardLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	noLinks := func(string, string) error { return errors.New("operation not permitted") }
	first, created, err := loadOrCreate(path, noLinks)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	second, _, err := LoadOrCreate(path)
	if err != nil || !first.Equal(second) {
		t.Errorf("the key was not kept: %v", err)
	}
	if names := names(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("left in the folder: %q, want the key alone", names)
	}
}

func TestKeyLostTheRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	var other ed25519.PrivateKey
	// The other server stores its key between our look and our link.
	late := func(from, to string) error {
		var err error
		if other, _, err = LoadOrCreate(path); err != nil {
			t.Fatal(err)
		}
		return os.Link(from, to)
	}
	got, created, err := loadOrCreate(path, late)
	if err != nil || created {
		t.Fatalf("created %v, %v", created, err)
	}
	if !got.Equal(other) {
		t.Error("the loser kept its own key")
	}
}

func TestKeyFileIsNotReplaced(t *testing.T) {
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKCS8PrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, text, want string }{
		{"empty", "", "holds no PEM block"},
		{"not PEM", "hello\n", "holds no PEM block"},
		{"certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", `"CERTIFICATE"`},
		{"damaged", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PKCS#8"},
		{"elliptic curve", string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: ecDER})), "not Ed25519"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "identity.key")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := LoadOrCreate(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want one with %q and the path", err, test.want)
			}
			if errors.Is(err, ErrNotStored) {
				t.Error("a bad key file must not lead to an ephemeral key")
			}
			if now, _ := os.ReadFile(path); string(now) != test.text {
				t.Errorf("the file was changed to %q", now)
			}
		})
	}
}

func TestKeyWithoutWritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A folder below a file cannot be made, not even by the superuser.
	_, _, err := LoadOrCreate(filepath.Join(file, "uft", "identity.key"))
	if err == nil {
		t.Fatal("no error")
	}
	if runtime.GOOS != "windows" && errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v hides the reason", err)
	}
	if !errors.Is(err, ErrNotStored) {
		t.Errorf("error %v does not wrap ErrNotStored", err)
	}
}

func TestEphemeral(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	one, err := Ephemeral(bytes.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	if !one.Equal(ed25519.NewKeyFromSeed(seed)) {
		t.Error("the key does not follow from the random bytes")
	}
	if _, err := Ephemeral(bytes.NewReader(seed[1:])); err == nil {
		t.Error("31 random bytes made a key")
	}
}

// names lists a folder.
func names(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// wantMode fails the test unless path has these permission bits.
func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}
