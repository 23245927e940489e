// Package identity holds who a server is and which servers a client knows.
//
// A server is an Ed25519 key, made at its first start and kept in the state
// folder of the user. A client pins the fingerprint of that key under the
// server's host and port at first contact, in the manner of ssh's known_hosts,
// and refuses to go on when another key answers there later. No certificate
// authority takes part; see docs/protocol.md §17.2.
//
// The package only keeps and compares identities. Proving possession of the
// key is the work of the handshake.
package identity

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/adrg/xdg"
)

// ErrNotStored is wrapped by errors that say that there is no usable place to
// keep something: no state folder, or one that cannot be written. A server may
// go on with a key from Ephemeral then; a client may go on without pinning.
var ErrNotStored = errors.New("cannot be kept in the state folder")

// KeyPath returns the default path of the server's key,
// $XDG_STATE_HOME/uft/identity.key. Nothing is created.
func KeyPath() (string, error) { return statePath("identity.key") }

// KnownHostsPath returns the default path of the client's list of servers,
// $XDG_STATE_HOME/uft/known_hosts. Nothing is created.
func KnownHostsPath() (string, error) { return statePath("known_hosts") }

// statePath returns the path of one of our files in the state folder. Without
// a home folder the state folder comes out as a relative path, which would
// scatter keys over whatever folder a service was started in.
func statePath(name string) (string, error) {
	if !filepath.IsAbs(xdg.StateHome) {
		return "", fmt.Errorf("identity: %s %w: neither XDG_STATE_HOME nor a home folder is set", name, ErrNotStored)
	}
	return filepath.Join(xdg.StateHome, "uft", name), nil
}
