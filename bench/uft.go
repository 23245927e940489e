package main

import (
	"context"
	"path/filepath"
	"syscall"
)

// uft as its users run it: the built program, server and client, whose server
// keeps its key and whose client makes first contact each time, for the port
// is another one.
var (
	uftSend = subject{
		name: "uft -t", role: ours,
		about: "uft HOST -t FILE to uft -a",
		run: func(ctx context.Context, r *rig, n network) (result, error) {
			return uftCopy(ctx, r, n, false)
		},
	}
	uftFetch = subject{
		name: "uft -r", role: ours,
		about: "uft HOST -r NAME from uft -s",
		run: func(ctx context.Context, r *rig, n network) (result, error) {
			return uftCopy(ctx, r, n, true)
		},
	}
)

// uftCopy makes a transfer on a port of its own, with further options for the
// client.
func uftCopy(ctx context.Context, r *rig, n network, fetch bool, options ...string) (result, error) {
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	return uftPair(r, n, port, fetch, options...).run(ctx, r, n)
}

// uftPair is a server and a client that sends the file to it, or fetches it.
func uftPair(r *rig, n network, port int, fetch bool, options ...string) pair {
	p := pair{
		server:   []string{r.uft, "-a", "-p", text(port), "-d", r.copies},
		client:   []string{r.uft, n.addr, "-p", text(port), "-t", r.source},
		protocol: "udp", port: port, signal: syscall.SIGTERM,
		copy: filepath.Join(r.copies, filepath.Base(r.source)),
	}
	if fetch {
		p.copy = filepath.Join(r.copies, "fetched.bin")
		p.server = []string{r.uft, "-s", "-p", text(port), "-d", filepath.Dir(r.source)}
		p.client = []string{r.uft, n.addr, "-p", text(port), "-r", filepath.Base(r.source), "-o", p.copy}
	}
	p.client = append(p.client, options...)
	return p
}
