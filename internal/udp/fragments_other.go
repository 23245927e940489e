//go:build !linux && !darwin && !freebsd && !windows

package udp

// dontFragment is not known how to do here.
func dontFragment(uintptr) (v4, v6 bool) { return false, false }
