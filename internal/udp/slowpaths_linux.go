package udp

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of slowPaths, implementation constants.
const (
	// maxSlowPaths bounds how many addresses are remembered.
	maxSlowPaths = 64
	// slowPathMemory is how long one is: a route may lead through another
	// interface by then, and to find out that it does not costs one call.
	slowPathMemory = 5 * time.Minute
)

// slowPaths remembers the addresses to which trains cannot be sent in one piece,
// although the datagrams can: what a route leads through decides on that, not
// the socket. The zero value is ready for use.
type slowPaths struct {
	known atomic.Int32 // how many there are, so that where all is well nothing is locked
	mu    sync.Mutex
	until map[netip.Addr]time.Time
}

// has reports whether address is remembered.
func (s *slowPaths) has(address netip.Addr) bool {
	if s.known.Load() == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	until, found := s.until[address]
	if found && time.Now().After(until) {
		s.forget(address)
		return false
	}
	return found
}

// add remembers address from now on. The oldest memory makes room.
func (s *slowPaths) add(address netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = make(map[netip.Addr]time.Time)
	}
	if _, found := s.until[address]; !found && len(s.until) >= maxSlowPaths {
		s.forget(s.oldest())
	}
	s.until[address] = time.Now().Add(slowPathMemory)
	s.known.Store(int32(len(s.until)))
}

// oldest returns the address that will be forgotten first. s.mu is held.
func (s *slowPaths) oldest() netip.Addr {
	var oldest netip.Addr
	var first time.Time
	for address, until := range s.until {
		if !oldest.IsValid() || until.Before(first) {
			oldest, first = address, until
		}
	}
	return oldest
}

// forget removes an address. s.mu is held.
func (s *slowPaths) forget(address netip.Addr) {
	delete(s.until, address)
	s.known.Store(int32(len(s.until)))
}
