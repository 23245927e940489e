//go:build !unix

package medium

import "net"

// listenPrivate makes the socket. Who may connect there is decided by the folder
// that it is in: there are no modes.
func listenPrivate(path string) (*net.UnixListener, error) {
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}
