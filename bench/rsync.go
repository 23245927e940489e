package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// rsync to an rsync daemon, the fastest way that it has: plain TCP, and whole
// files instead of differences.
var rsync = subject{
	name: "rsync", role: plainPeer,
	about:   "rsync --whole-file FILE rsync://HOST/ to rsync --daemon, plain TCP",
	missing: needs("rsync", "rsync"),
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		config := filepath.Join(r.state, "rsyncd.conf")
		module := fmt.Sprintf("use chroot = no\n%s[copies]\npath = %s\nread only = no\n", rsyncUser(), r.copies)
		if err := os.WriteFile(config, []byte(module), 0o600); err != nil {
			return result{}, err
		}
		return pair{
			server: []string{
				"rsync", "--daemon", "--no-detach", "--config", config,
				"--address", n.addr, "--port", text(port),
			},
			client:   []string{"rsync", "--whole-file", r.source, fmt.Sprintf("rsync://%s:%d/copies/", n.addr, port)},
			protocol: "tcp", port: port, signal: syscall.SIGTERM,
			copy: filepath.Join(r.copies, filepath.Base(r.source)),
		}.run(ctx, r, n)
	},
}

// rsyncUser keeps a daemon of root from becoming nobody, who may not write here.
func rsyncUser() string {
	if os.Getuid() != 0 {
		return ""
	}
	return "uid = root\ngid = root\n"
}
