package web

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"example.com/uft/internal/store"
	"example.com/uft/transfer"
)

// Bounds of what clients can make a server hold.
const (
	maxConnections = 512
	maxNeighbours  = 64       // connections of one client
	maxStreams     = 16       // of one HTTP/2 connection
	maxRequests    = 128      // answered at once, over all connections
	maxReaders     = 32       // of events
	maxHeader      = 16 << 10 // bytes of the header of a request
)

// Limits of time.
const (
	headerLimit = 10 * time.Second // for the header of a request
	idleLimit   = 60 * time.Second // between two requests of a connection
	stallLimit  = 60 * time.Second // for a piece of an answer to be taken
	bodyLimit   = time.Second      // for the body of a request, which nobody wants
	farewell    = 2 * time.Second  // for what is being answered at the end
)

// Config says what a server shows.
type Config struct {
	Dir    string // the folder
	Hidden bool   // show names with a leading dot
	// Status is what /status shows; a transfer.Server has it.
	Status func() (transfer.Status, <-chan struct{})
}

// A Server shows one folder.
type Server struct {
	folder   *store.Folder
	monitor  *monitor
	hostname string
	requests chan struct{} // a place for each request that is being answered
	readers  chan struct{} // the same for the readers of events
	stall    time.Duration
	now      func() time.Time
}

// New opens the folder of a server.
func New(config Config) (*Server, error) {
	folder, err := store.Open(config.Dir, store.Options{Hidden: config.Hidden})
	if err != nil {
		return nil, err
	}
	hostname, _ := os.Hostname() // without it, it is not among the names of this machine
	return &Server{
		folder:   folder,
		monitor:  newMonitor(config.Status),
		hostname: hostname,
		requests: make(chan struct{}, maxRequests),
		readers:  make(chan struct{}, maxReaders),
		stall:    stallLimit,
		now:      time.Now,
	}, nil
}

// Close closes the folder. The call of Serve has ended before.
func (s *Server) Close() error { return s.folder.Close() }

// Serve answers requests until ctx ends, and closes the listener. What is being
// answered then has a moment to be finished, but streams of events end at once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := s.httpServer(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.monitor.run(ctx)
	}()
	served := make(chan error, 1)
	go func() { served <- server.Serve(newBounded(listener, maxConnections, maxNeighbours)) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		limit, stop := context.WithTimeout(context.Background(), farewell)
		defer stop()
		_ = server.Shutdown(limit) // what is left is cut off
		err = <-served
	}
	_ = server.Close() // the listener is closed already
	cancel()
	<-ended
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// httpServer is the server of the standard library, with our limits. The
// contexts of its requests end with ctx.
func (s *Server) httpServer(ctx context.Context) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: s.stall},
		ReadHeaderTimeout: headerLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		// What clients do wrong would fill the terminal.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}
