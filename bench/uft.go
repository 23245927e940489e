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
			port, err := freePort()
			if err != nil {
				return result{}, err
			}
			return pair{
				server:   []string{r.uft, "-a", "-p", text(port), "-d", r.copies},
				client:   []string{r.uft, n.addr, "-p", text(port), "-t", r.source},
				protocol: "udp", port: port, signal: syscall.SIGTERM,
				copy: filepath.Join(r.copies, filepath.Base(r.source)),
			}.run(ctx, r, n)
		},
	}
	uftFetch = subject{
		name: "uft -r", role: ours,
		about: "uft HOST -r NAME from uft -s",
		run: func(ctx context.Context, r *rig, n network) (result, error) {
			port, err := freePort()
			if err != nil {
				return result{}, err
			}
			copied := filepath.Join(r.copies, "fetched.bin")
			return pair{
				server:   []string{r.uft, "-s", "-p", text(port), "-d", filepath.Dir(r.source)},
				client:   []string{r.uft, n.addr, "-p", text(port), "-r", filepath.Base(r.source), "-o", copied},
				protocol: "udp", port: port, signal: syscall.SIGTERM, copy: copied,
			}.run(ctx, r, n)
		},
	}
)
