package udp

import (
	"net/netip"
	"testing"
)

// A mode is one of the ways in which a socket may move its trains, depending on
// what the system can do.
type mode struct {
	name  string
	limit func(t testing.TB, c Conn) // nil: everything that this system can do
	write func(c Conn, p []byte, segmentSize int, remote netip.AddrPort) error
}

// open listens until the test is over, or skips it where there is no such
// address.
func (m mode) open(t testing.TB, address string) Conn {
	t.Helper()
	c, err := Listen(address)
	if err != nil {
		t.Skipf("no socket on %s: %v", address, err)
	}
	t.Cleanup(func() { c.Close() })
	if m.limit != nil {
		m.limit(t, c)
	}
	return c
}

// wholeTrains is how a mode writes.
func wholeTrains(c Conn, p []byte, segmentSize int, remote netip.AddrPort) error {
	return c.WriteTrain(p, segmentSize, remote, netip.AddrPort{})
}

// inEachMode runs a test in every way that this system has.
func inEachMode(t *testing.T, test func(t *testing.T, m mode)) {
	t.Helper()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}
