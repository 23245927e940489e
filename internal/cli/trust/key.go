package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"example.com/uft/internal/identity"
)

// Key returns the identity of a server: that of the file that the user named, or
// where path is empty the one in the state folder, or where there is no such
// folder a key for this run. warn is given lines that the user should read.
func Key(path string, warn func(line string)) (ed25519.PrivateKey, error) {
	usual := path == ""
	if usual {
		var err error
		if path, err = identity.KeyPath(); err != nil {
			return ephemeralKey(err, warn)
		}
	}
	key, _, err := identity.LoadOrCreate(path)
	switch {
	case err == nil:
		if exposed, _ := identity.Exposed(path); exposed {
			warn(fmt.Sprintf("warning: other users of this machine can read the key in %s; chmod 600 it", path))
		}
		return key, nil
	case usual && errors.Is(err, identity.ErrNotStored):
		return ephemeralKey(err, warn)
	}
	return nil, err
}

// ephemeralKey is an identity that ends with the process.
func ephemeralKey(cause error, warn func(line string)) (ed25519.PrivateKey, error) {
	warn(fmt.Sprintf("warning: %s; using a key for this run only, so clients that know this server will refuse it", Plain(cause)))
	return identity.Ephemeral(rand.Reader)
}
