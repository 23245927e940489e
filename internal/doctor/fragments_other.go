//go:build !linux && !darwin && !freebsd

package doctor

import "net"

// forbidFragments is not known how to do here.
func forbidFragments(*net.UDPConn, bool) (route int, fragment bool) { return 0, true }
