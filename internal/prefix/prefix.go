// Package prefix says which addresses count as one client where a server bounds
// what one of them may take.
package prefix

import "net/netip"

// Of returns the prefix that counts as one client with an address: the IPv4
// address itself, or the /64 of an IPv6 address, which is what one host is given
// to choose its addresses from. An address that is not known has no prefix.
func Of(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	network, _ := a.Prefix(bits) // the length is never out of bounds
	return network
}
