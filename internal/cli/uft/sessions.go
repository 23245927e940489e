package uft

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"example.com/uft/internal/identity"
)

// sessions keeps in the state folder what makes the next connection to a
// server quicker: one file for each server, readable by its owner alone, since
// it holds the secret of a TLS session. It implements transport.SessionStore.
// Losing a file costs a round trip, so errors are of no interest.
//
// A session lets a client send before the server has shown who it is, and who
// holds the other end of the session can read that. So a session is filed under
// the key of its server, and used only where that very key is trusted now.
type sessions struct {
	dir   string
	trust trusted
}

// trusted is what a session is filed under; a *trust.Server is one.
type trusted interface {
	Expected() string // fingerprint of the server, or "" where that is not known yet
	Shown() string    // fingerprint of the server that was verified last, or ""
}

// maxSession bounds the size of a file that is read, in bytes.
const maxSession = 64 << 10

// newSessions returns the store beside the list of known servers, or nil where
// there is no state folder.
func newSessions(t trusted) *sessions {
	path, err := identity.KnownHostsPath()
	if err != nil {
		return nil
	}
	return &sessions{dir: filepath.Join(filepath.Dir(path), "sessions"), trust: t}
}

// path is where the file of a server with this key stands. The name is a hash: a
// host name may hold what a file name may not.
func (s *sessions) path(server, fingerprint string) string {
	sum := sha256.Sum256([]byte(server + " " + fingerprint))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16]))
}

// Load returns what was stored for the server, or nil. A server met for the first
// time has no session.
func (s *sessions) Load(server string) []byte {
	fingerprint := s.trust.Expected()
	if fingerprint == "" {
		return nil
	}
	f, err := os.Open(s.path(server, fingerprint))
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSession {
		return nil
	}
	data := make([]byte, info.Size())
	if n, err := f.Read(data); err != nil || n != len(data) {
		return nil
	}
	return data
}

// Store replaces the server's file in one step, so that another client never
// reads half of it.
func (s *sessions) Store(server string, data []byte) {
	fingerprint := s.trust.Shown()
	if fingerprint == "" {
		return
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return
	}
	f, err := os.CreateTemp(s.dir, ".new-*") // with mode 0600
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path(server, fingerprint))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}
