package uft

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"example.com/uft/internal/web"
	"example.com/uft/transfer"
)

// webServer is the HTTP face of a server. A nil one is none.
type webServer struct {
	face     *web.Server
	listener net.Listener
}

// openWeb listens where --http says. It returns nil without that option.
func openWeb(c Command, server *transfer.Server) (*webServer, error) {
	if c.HTTP == "" {
		return nil, nil
	}
	face, err := web.New(web.Config{Dir: c.Dir, Hidden: c.Hidden, Status: server.Status})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", c.HTTP)
	if err != nil {
		_ = face.Close() // nothing was read from it
		return nil, fmt.Errorf("cannot listen for HTTP on %s: %w; choose another address or port with --http", c.HTTP, cause(err))
	}
	return &webServer{face: face, listener: listener}, nil
}

// close ends what openWeb began.
func (w *webServer) close() {
	if w != nil {
		_ = w.listener.Close() // it may be closed already
		_ = w.face.Close()     // it was only read
	}
}

// beside answers requests as long as serve runs. Where that cannot go on, it
// ends serve too: a server that does half of what it was started for would not
// be noticed.
func (w *webServer) beside(ctx context.Context, serve func(context.Context) error) error {
	if w == nil {
		return serve(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		failed <- w.face.Serve(ctx, w.listener)
		cancel()
	}()
	err := serve(ctx)
	cancel()
	if broken := <-failed; broken != nil {
		return fmt.Errorf("cannot go on to serve HTTP: %w", broken)
	}
	return err
}

// announce says where a browser finds the folder, and who else does.
func (w *webServer) announce(std stdio) {
	if w == nil {
		return
	}
	address := w.listener.Addr().(*net.TCPAddr)
	host, where := address.IP.String(), ""
	if address.IP.IsUnspecified() {
		host, where = "localhost", " (on all addresses)"
	}
	if address.Zone != "" {
		host += "%25" + address.Zone // RFC 6874
	}
	std.say("anyone who reaches http://%s/%s can read them too, and see the transfers: HTTP is neither encrypted nor verified",
		net.JoinHostPort(host, strconv.Itoa(address.Port)), where)
}
