package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"example.com/uft/internal/prefix"
	"example.com/uft/internal/tcp"
	"example.com/uft/internal/udp"
)

// sockets is what a server listens on. Either may be missing, not both.
type sockets struct {
	udp udp.Conn
	tcp net.Listener
}

// portAttempts is how many ports are tried where the system is to choose one
// that is free for both carriers.
const portAttempts = 16

// listenSockets opens the sockets that the configuration asks for. Where any
// carrier will do and the TCP port is taken, by a web server perhaps, UDP alone
// has to do.
func listenSockets(address string, carrier Carrier) (sockets, error) {
	if carrier == TCP {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return sockets{}, err
		}
		local := listener.Addr().(*net.TCPAddr).AddrPort()
		return sockets{udp: newNoUDP(netip.AddrPortFrom(local.Addr().Unmap(), local.Port())), tcp: listener}, nil
	}
	for attempt := 1; ; attempt++ {
		conn, err := udp.Listen(address)
		if err != nil || carrier == UDP {
			return sockets{udp: conn}, err
		}
		listener, err := listenBeside(conn.LocalAddr())
		_, port, _ := net.SplitHostPort(address)
		if err == nil || port != "0" || attempt == portAttempts {
			return sockets{udp: conn, tcp: listener}, nil
		}
		_ = conn.Close()
	}
}

// listenBeside opens the TCP port with the number of a UDP socket's.
func listenBeside(local netip.AddrPort) (net.Listener, error) {
	network, host := "tcp", local.Addr().String()
	switch {
	case local.Addr().Is4():
		network = "tcp4"
	case local.Addr().IsUnspecified():
		host = "" // both IP versions, as the UDP socket
	}
	return net.Listen(network, net.JoinHostPort(host, strconv.Itoa(int(local.Port()))))
}

// A tcpAcceptor accepts the TCP connections of a Listener.
type tcpAcceptor struct {
	socket   *socket
	listener net.Listener
	most     func() int // connections that one network may have
	total    int        // that all may have
	readers  sync.WaitGroup
	done     chan struct{}
}

// maxStrangers bounds the TCP connections that have carried nothing of ours yet.
const maxStrangers = 128

// acceptPause is how long an acceptor rests that has no file descriptors left.
const acceptPause = 100 * time.Millisecond

// run is the acceptor's goroutine.
func (a *tcpAcceptor) run() {
	defer close(a.done)
	for {
		conn, err := a.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			timer := time.NewTimer(acceptPause)
			select {
			case <-timer.C:
			case <-a.socket.readerDone:
				timer.Stop()
				return
			}
			continue
		}
		a.take(conn)
	}
}

// take begins to read a TCP connection, if there is room for it.
func (a *tcpAcceptor) take(conn net.Conn) {
	if !a.makeRoom(conn.RemoteAddr()) {
		_ = conn.Close()
		return
	}
	k := a.socket.carry(conn, tcp.Server)
	stranger := time.AfterFunc(carrierIdle, func() {
		if k.conn.Load() == nil {
			k.carrier.Close()
		}
	})
	a.readers.Go(func() {
		defer stranger.Stop()
		a.socket.readCarried(k)
	})
}

// close ends the acceptor and every TCP connection.
func (a *tcpAcceptor) close() {
	_ = a.listener.Close()
	<-a.done
	a.socket.mu.Lock()
	var all []*carried
	for _, k := range a.socket.carriers {
		all = append(all, k)
	}
	a.socket.mu.Unlock()
	for _, k := range all {
		k.carrier.Close()
	}
	a.readers.Wait()
}

// makeRoom reports whether there is room for a TCP connection from an address. A
// network has its quota. Among those that have not shown yet that they carry
// anything of ours, the oldest makes room for the newest: an honest client needs
// its place for a round trip.
func (a *tcpAcceptor) makeRoom(from net.Addr) bool {
	address, ok := from.(*net.TCPAddr)
	if !ok {
		return false
	}
	network := prefix.Of(address.AddrPort().Addr())
	var oldest *carried
	all, strangers, neighbours := 0, 0, 0
	a.socket.mu.Lock()
	for _, k := range a.socket.carriers {
		all++
		if prefix.Of(k.path.Remote.Addr()) == network {
			neighbours++
		}
		if k.conn.Load() == nil {
			strangers++
			if oldest == nil || k.path.Connection < oldest.path.Connection {
				oldest = k
			}
		}
	}
	a.socket.mu.Unlock()
	if neighbours >= a.most() || all-strangers >= a.total {
		return false
	}
	if strangers >= maxStrangers {
		oldest.carrier.Close()
		<-oldest.ended // so that they are counted right
	}
	return true
}

// noUDP stands where the UDP socket would be when TCP is the only carrier: what
// is sent to it is lost, and nothing comes.
type noUDP struct {
	local  netip.AddrPort
	closed chan struct{}
	once   sync.Once
}

func newNoUDP(local netip.AddrPort) *noUDP { return &noUDP{local: local, closed: make(chan struct{})} }

// ReadTrain waits for Close.
func (n *noUDP) ReadTrain([]byte) (int, int, netip.AddrPort, netip.AddrPort, byte, error) {
	<-n.closed
	return 0, 0, netip.AddrPort{}, netip.AddrPort{}, 0, fmt.Errorf("transport: %w", net.ErrClosed)
}

func (n *noUDP) WriteTrain([]byte, int, netip.AddrPort, netip.AddrPort) error { return nil }
func (n *noUDP) LocalAddr() netip.AddrPort                                    { return n.local }
func (n *noUDP) SocketDrops() uint64                                          { return 0 }
func (n *noUDP) ReceiveBuffer() int                                           { return 0 }
func (n *noUDP) PortClosed(netip.AddrPort) bool                               { return false }
func (n *noUDP) WatchRefusals(func(netip.AddrPort, []byte))                   {}

func (n *noUDP) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}
