package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	// pemType is the label of an unencrypted PKCS#8 key (RFC 7468 §10).
	pemType = "PRIVATE KEY"
	// maxKeyFile bounds what is read of a key file, in bytes. Ours have 119;
	// the rest is room for comments around the PEM block.
	maxKeyFile = 64 << 10
)

// LoadOrCreate returns the server key kept at path, a PEM file with an Ed25519
// key in PKCS#8 (RFC 8410 §7). Where there is no file it makes a key, stores it
// readable by its owner alone, and reports created.
//
// Of several servers that start at the same time exactly one stores its key
// and all of them return that one. An error wraps ErrNotStored when the key
// could not be kept; a file that exists but cannot be read, or is no such key,
// is an error of its own, and is never replaced.
func LoadOrCreate(path string) (key ed25519.PrivateKey, created bool, err error) {
	return loadOrCreate(path, os.Link)
}

// Ephemeral returns a key for this run only, from 32 bytes of random.
func Ephemeral(random io.Reader) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("identity: random bytes for a key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Exposed reports whether others than the owner may read the file at path by
// its permission bits, which deserves a warning. Windows has no such bits.
func Exposed(path string) (bool, error) {
	if runtime.GOOS == "windows" {
		return false, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("identity: %w", err)
	}
	return info.Mode().Perm()&0o077 != 0, nil
}

// loadOrCreate is LoadOrCreate with the system call that gives a finished file
// its name: some file systems (FAT, some phones) have no hard links.
func loadOrCreate(path string, link func(from, to string) error) (ed25519.PrivateKey, bool, error) {
	// Lstat tells a file that cannot be read, which is an error, from a folder
	// that cannot be entered, which is only a place that serves for nothing.
	if _, err := os.Lstat(path); err == nil {
		key, err := load(path)
		return key, false, err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, notStored(err)
	}
	key, err := Ephemeral(rand.Reader)
	if err != nil {
		return nil, false, err
	}
	err = store(path, key, link)
	if errors.Is(err, fs.ErrExist) {
		// Another server was faster. Its file is complete, since it got its
		// name only after its contents.
		key, err = load(path)
		return key, false, err
	}
	if err != nil {
		return nil, false, notStored(err)
	}
	return key, true, nil
}

// notStored wraps the reason why a new key has no place to stay.
func notStored(err error) error {
	return fmt.Errorf("identity: the server key %w: %w", ErrNotStored, err)
}

// load reads the key file at path.
func load(path string) (ed25519.PrivateKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("identity: server key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("identity: server key: %w", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("identity: %s %w; move it away and a new key is made", path, err)
	}
	return key, nil
}

// parseKey finds the key in the text of a key file. Its errors read on after
// the name of the file.
func parseKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("holds no PEM block")
	}
	if block.Type != pemType {
		return nil, fmt.Errorf("holds a PEM block %q, not %q", block.Type, pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("holds no readable PKCS#8 key: %w", err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("holds a key of type %T, not Ed25519", parsed)
	}
	return key, nil
}

// formatKey returns the text of a key file.
func formatKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// store writes key to a temporary file beside path and links it to path, which
// fails with fs.ErrExist when path has been taken meanwhile. A rename would
// silently replace the other server's key.
func store(path string, key ed25519.PrivateKey, link func(from, to string) error) error {
	text, err := formatKey(key)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	// CreateTemp opens with O_EXCL and mode 0600.
	temp, err := os.CreateTemp(folder, ".identity-*.part")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := writeAndClose(temp, text); err != nil {
		return err
	}
	err = link(temp.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return storeExclusive(path, text)
}

// storeExclusive creates path itself, for file systems without hard links. The
// file has its name before its contents: a server that starts within that
// instant finds no key in it and says so, and works when it is started again.
func storeExclusive(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := writeAndClose(f, text); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// writeAndClose writes text to f, brings it to disk and closes f in any case.
func writeAndClose(f *os.File, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
