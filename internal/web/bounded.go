package web

import (
	"net"
	"net/netip"
	"sync"

	"example.com/uft/internal/prefix"
)

// bounded is a listener whose connections are bounded in number, in all and for
// each network, so that one client cannot take the places of all. What is beyond
// is closed at once.
type bounded struct {
	net.Listener
	limit, quota int

	mu    sync.Mutex
	all   int
	taken map[netip.Prefix]int
}

func newBounded(l net.Listener, limit, quota int) *bounded {
	return &bounded{Listener: l, limit: limit, quota: quota, taken: map[netip.Prefix]int{}}
}

// Accept waits for a connection that there is a place for.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		network := networkOf(conn.RemoteAddr())
		if b.enter(network) {
			return &boundedConn{Conn: conn, leave: sync.OnceFunc(func() { b.leave(network) })}, nil
		}
		_ = conn.Close()
	}
}

// enter takes a place for a network, if there is one.
func (b *bounded) enter(network netip.Prefix) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= b.limit || b.taken[network] >= b.quota {
		return false
	}
	b.all++
	b.taken[network]++
	return true
}

// leave gives a place back.
func (b *bounded) leave(network netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all--
	if b.taken[network]--; b.taken[network] == 0 {
		delete(b.taken, network)
	}
}

// networkOf returns the prefix that counts as one client; connections whose
// address is not known are one together.
func networkOf(a net.Addr) netip.Prefix {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	return prefix.Of(t.AddrPort().Addr())
}

// boundedConn gives its place back when it is closed.
type boundedConn struct {
	net.Conn
	leave func()
}

func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
