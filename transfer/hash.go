package transfer

import (
	"io"

	"example.com/uft/internal/xfer"
)

// Hash returns the hash of everything in r, as a transfer of the same bytes
// shows it: "uft1:" and 64 hexadecimal digits (docs/protocol.md §10.2). The
// error is that of r.
func Hash(r io.Reader) (string, error) {
	root, _, err := xfer.HashReader(r)
	if err != nil {
		return "", err
	}
	return root.String(), nil
}
