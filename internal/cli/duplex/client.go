package duplex

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"example.com/uft/transport"
)

// connect connects to the server, exchanges files with it, and returns the exit
// code.
func (p *program) connect(ctx context.Context, a *arguments) int {
	conn, err := p.dial(ctx, a)
	if err != nil {
		return p.report(p.t.dialFailure(err, a, p.patience))
	}
	p.say(p.t.connected, conn.RemoteAddr())
	if a.carrier == transport.AnyCarrier && conn.Carrier() == transport.TCP {
		p.say(p.t.overTCP, conn.RemoteAddr())
	}
	sent, received := p.exchange(ctx, conn, a, nil)
	return p.conclude(a, sent, received)
}

// dial connects to a server that may be started a little later. The transport
// gives up early where the machine says that nobody listens on the port; that
// takes it a second at least, so asking again at once is no flood.
func (p *program) dial(ctx context.Context, a *arguments) (*transport.Conn, error) {
	config := p.config
	if a.localPort != 0 {
		config.LocalAddress = net.JoinHostPort("", strconv.Itoa(int(a.localPort)))
	}
	began := time.Now()
	for {
		config.HandshakeTimeout = max(p.patience-time.Since(began), time.Millisecond)
		conn, err := transport.Dial(ctx, net.JoinHostPort(a.host, strconv.Itoa(int(a.port))), &config)
		var closed *transport.ClosedPortError
		if !errors.As(err, &closed) || time.Since(began) >= p.patience {
			return conn, err
		}
	}
}
