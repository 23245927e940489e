// Package trust decides for the programs whether a server is the right one, and
// finds the key by which a server of ours is known (docs/protocol.md §17.2).
package trust

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"

	"example.com/uft/internal/identity"
)

// A Server decides whether a server is the right one, by its key: the one that
// the user gave, or the one that was pinned at first contact (docs/protocol.md
// §17.2).
type Server struct {
	server string // canonical [host]:port
	want   string // the fingerprint that the user gave; empty: known_hosts decides
	hosts  *identity.KnownHosts
	path   string // of known_hosts; empty where there is no place for it
	asked  bool   // path is the user's own choice

	mu        sync.Mutex
	presented string // by the server verified last
	fresh     bool   // nothing was known of the server
}

// NewServer prepares the decision about the server at host and port. fingerprint
// is the one that the user gave, or empty; knownHosts is the list that the user
// named, or empty for the usual one.
func NewServer(host string, port uint16, fingerprint, knownHosts string) (*Server, error) {
	t := &Server{server: identity.HostPort(host, port), want: fingerprint, path: knownHosts, asked: knownHosts != ""}
	if t.want != "" {
		return t, nil
	}
	if t.path == "" {
		path, err := identity.KnownHostsPath()
		if err != nil && !errors.Is(err, identity.ErrNotStored) {
			return nil, err
		}
		t.path = path
	}
	if t.path != "" {
		t.hosts = identity.NewKnownHosts(t.path)
	}
	return t, nil
}

// Verify is Config.VerifyServer: it only decides. The server's proof that it
// owns the key follows later, so nothing is remembered here.
func (t *Server) Verify(key ed25519.PublicKey) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.presented, t.fresh = identity.Fingerprint(key), false
	if t.want != "" {
		return identity.Expect(t.server, t.want, t.presented)
	}
	if t.hosts == nil {
		t.fresh = true
		return nil
	}
	result, err := t.hosts.Check(t.server, t.presented)
	if errors.Is(err, identity.ErrNotStored) && !t.asked {
		t.fresh = true // as without a state folder; Remember warns
		return nil
	}
	if err != nil {
		return err
	}
	if result.Status == identity.Changed {
		return result.Change
	}
	t.fresh = result.Status == identity.New
	return nil
}

// Remember pins a server met for the first time, once it has proved that the
// key is its own, and returns what the user should read about it.
func (t *Server) Remember() (message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.fresh {
		return ""
	}
	t.fresh = false
	message = fmt.Sprintf("first contact with %s, key %s", t.server, t.presented)
	if t.hosts == nil {
		return message + "; it cannot be remembered: there is no state folder"
	}
	if err := t.hosts.Add(t.server, t.presented); err != nil {
		return message + "; it cannot be remembered: " + Plain(err)
	}
	return message + ", remembered in " + t.path
}

// Expected returns the fingerprint that the server should have, or "" where that
// is not known before it has answered.
func (t *Server) Expected() string {
	if t.want != "" || t.hosts == nil {
		return t.want
	}
	fingerprint, _, err := t.hosts.Lookup(t.server)
	if err != nil {
		return "" // Verify reports it
	}
	return fingerprint
}

// Shown returns the fingerprint of the server that was verified last, or "".
func (t *Server) Shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.presented
}

// Plain returns the text of an error without the name of the package that found
// it, which means nothing to a user.
func Plain(err error) string { return strings.TrimPrefix(err.Error(), "identity: ") }
