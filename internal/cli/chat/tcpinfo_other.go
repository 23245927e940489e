//go:build !linux

package chat

import (
	"net"
	"time"
)

// tcpRoundTrip knows nothing: each system tells in a way of its own.
func tcpRoundTrip(*net.TCPConn) (rtt time.Duration, known bool) { return 0, false }

// limitSilence leaves it to the keep-alive of the system.
func limitSilence(*net.TCPConn, time.Duration) {}
