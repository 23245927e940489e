package duplex

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// serve waits for a client, exchanges files with it, and returns the exit code.
// A connection on which no file is ever offered, of a port scanner or of a
// client that died at once, is not the client that it waits for.
func (p *program) serve(ctx context.Context, a *arguments) int {
	port := strconv.Itoa(int(a.port))
	listener, err := transport.Listen(net.JoinHostPort("", port), &p.config)
	if err != nil {
		return p.report(p.t.socketFailure(err, port))
	}
	defer listener.Close() //nolint:errcheck // always nil
	p.say(p.t.listening, listener.Addr())

	late := latecomers{listener: listener}
	defer late.leave()
	for {
		conn, err := listener.Accept(ctx)
		if err != nil {
			return p.report(p.t.transferFailure(err, "", p.kind(a)))
		}
		p.say(p.t.connected, conn.RemoteAddr())
		sent, received := p.exchange(ctx, conn, a, late.refuse)
		if ctx.Err() != nil || !isStray(sent, received) {
			return p.conclude(a, sent, received)
		}
		p.say(p.t.stray, p.t.transferFailure(received.Err, a.receive, p.kind(a)))
	}
}

// isStray reports whether the other side of an exchange has never come as far
// as to offer a file, so that another one may. Whoever came for the other kind
// of exchange has to be told, and so has the user of this side.
func isStray(sent, received transfer.Result) bool {
	var known *transfer.Error
	mismatch := errors.As(received.Err, &known) && known.Code == codeMode
	return received.Err != nil && received.Name == "" && !mismatch && (sent.Name == "" || sent.Err != nil)
}

// latecomers are the clients that come while another one is served. They wait
// until that one has offered its file; then they are told that they are too
// late, rather than left to find the connection closed when the program ends.
type latecomers struct {
	listener *transport.Listener
	once     sync.Once
	refusing sync.WaitGroup
	stop     context.CancelFunc // nil before refuse
}

// refuse begins to turn all other clients away, those that wait first.
func (l *latecomers) refuse() {
	l.once.Do(func() {
		var ctx context.Context
		ctx, l.stop = context.WithCancel(context.Background())
		l.refusing.Go(func() {
			for {
				conn, err := l.listener.Accept(ctx)
				if err != nil {
					return
				}
				_ = conn.CloseWithError(codeBusy, "another client is served") // always nil
			}
		})
	})
}

// leave ends that. The exchange, which calls refuse, is over.
func (l *latecomers) leave() {
	if l.stop != nil {
		l.stop()
	}
	l.refusing.Wait()
}
