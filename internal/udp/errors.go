package udp

import (
	"errors"
	"net"
)

// isClosed reports whether err says that the socket is closed.
func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// IsTooLong reports whether an error of WriteTrain says that a datagram is longer
// than the interface or the system takes.
func IsTooLong(err error) bool { return errors.Is(err, errTooLong) }

// isPassing reports whether an error of a receive call leaves the socket
// usable: it reports an ICMP message about an earlier datagram, or a shortage.
func isPassing(err error) bool {
	for _, passing := range passingErrors {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
