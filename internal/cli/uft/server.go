package uft

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/cli/trust"
	"example.com/uft/internal/doctor"
	"example.com/uft/internal/identity"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// runServer is a server until ctx ends. Stopped while nothing was under way,
// it returns nil.
func runServer(ctx context.Context, c Command, std stdio) error {
	key, err := trust.Key(c.Key, func(line string) { std.say("%s", line) })
	if err != nil {
		return err
	}
	log := &serverLog{std: std, quiet: c.Quiet, verbose: c.Verbose, json: c.JSON}
	server, err := transfer.NewServer(transfer.ServerConfig{
		Dir: c.Dir, Accept: c.Accept, Serve: c.Serve,
		Overwrite: c.Overwrite, Hidden: c.Hidden, MaxSize: c.MaxSize,
		Log: log.event,
	})
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // nothing is written through it any more
	config := transport.Config{
		Trace: std.trace, Identity: key, IdleTimeout: c.IdleTimeout, Carrier: c.Carrier, BlockSize: c.BlockSize,
		OnRateHalved: std.rateHalved, OnBlockSizeRefused: std.blockSizeRefused(c.Quiet),
	}
	simulateLoss(&config, c, std)
	listener, err := transport.Listen(net.JoinHostPort("", strconv.Itoa(int(c.Port))), &config)
	if err != nil {
		return fmt.Errorf("cannot listen on port %d: %w; choose another one with -p, or any free one with -p 0", c.Port, cause(err))
	}
	defer listener.Close() //nolint:errcheck // the program ends
	log.stats = listener.Stats
	pages, err := openWeb(c, server)
	if err != nil {
		return err
	}
	defer pages.close()
	if !c.Quiet {
		announce(c, listener, key, std)
		pages.announce(std)
	}
	return pages.beside(ctx, func(ctx context.Context) error { return server.Serve(ctx, listener) })
}

// carrierOf returns what a command wants the datagrams to travel by: simulated
// loss needs UDP.
func carrierOf(c Command) transport.Carrier {
	if c.Loss > 0 {
		return transport.UDP
	}
	return c.Carrier
}

// carriers says what the server listens on.
func carriers(c Command, carrier transport.Carrier) string {
	switch {
	case carrier == transport.AnyCarrier:
		return "UDP and TCP"
	case carrier == transport.UDP && carrierOf(c) == transport.AnyCarrier:
		return "UDP (the TCP port is taken)"
	}
	return strings.ToUpper(carrier.String())
}

// announce says where the server listens, and what anyone may do there.
func announce(c Command, listener *transport.Listener, key ed25519.PrivateKey, std stdio) {
	std.say("listening on %v, %s, key %s", listener.Addr(), carriers(c, listener.Carrier()), identity.Fingerprint(key.Public().(ed25519.PublicKey)))
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		dir = c.Dir
	}
	dir = term.EscapePath(dir)
	if c.Accept {
		what := "new files only"
		if c.Overwrite {
			what = "and replace the files there"
		}
		std.say("anyone who reaches this port can write to %s (%s)", dir, what)
	}
	if c.Serve {
		std.say("anyone who reaches this port can read the files in %s", dir)
	}
}

// serverLog writes a line for every transfer of a server.
type serverLog struct {
	std            stdio
	quiet, verbose bool
	json           bool

	stats   func() transport.ListenerStats // nil: not asked
	advised bool
}

func (l *serverLog) event(e transfer.Event) {
	r := &e.Result
	verb := received
	if e.Sending {
		verb = sent
	}
	switch {
	case e.Started:
		if l.verbose && !l.quiet {
			l.std.say("%v: %s begins", e.Client, term.Escape(r.Name))
		}
	case r.Err != nil:
		l.std.say("%v: %s", e.Client, term.Escape(explain(r.Err, Serve, "the client").Error()))
	case !l.quiet:
		fmt.Fprintf(l.std.err, "%v: %s", e.Client, summary(verb, r).String())
	}
	if !e.Started {
		if l.json {
			printAccount(l.std.out, verb, "", r)
		}
		if details := limitDetails(&r.Limit); l.verbose && r.Err == nil && details != "" {
			l.std.say("%v: %s", e.Client, details)
		}
		l.advise()
	}
}

// advise says once that the receive buffer is too small for what comes.
func (l *serverLog) advise() {
	if l.quiet || l.advised || l.stats == nil {
		return
	}
	s := l.stats()
	if advice := doctor.BufferAdvice(s.ReceiveBufferSize, s.SocketDrops); advice != "" {
		l.std.say("%s", advice)
		l.advised = true
	}
}
