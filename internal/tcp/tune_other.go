//go:build !linux

package tcp

import (
	"net"
	"time"
)

// tune leaves everything as the system has it.
func tune(net.Conn, time.Duration) {}
