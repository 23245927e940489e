package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
)

// scp with a server and keys that are made for the run and that nobody else sees.
var scp = subject{
	name: "scp", role: encryptedPeer,
	about:   "scp of OpenSSH with its default cipher to an sshd of its own",
	missing: needs("openssh-client openssh-server", "scp", "ssh-keygen", "/usr/sbin/sshd"),
	run:     runSCP,
}

func runSCP(ctx context.Context, r *rig, n network) (result, error) {
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	me, err := user.Current()
	if err != nil {
		return result{}, err
	}
	dir := filepath.Join(r.state, "ssh")
	if err := makeSSHKeys(ctx, dir); err != nil {
		return result{}, err
	}
	config := filepath.Join(dir, "sshd_config")
	lines := []string{
		"Port " + text(port),
		"ListenAddress " + n.addr,
		"HostKey " + filepath.Join(dir, "host"),
		"AuthorizedKeysFile " + filepath.Join(dir, "user.pub"),
		"PermitRootLogin prohibit-password",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"StrictModes no", // the folder is below one that everybody may write to
		"UsePAM no",
		"PidFile none",
		"Subsystem sftp internal-sftp",
	}
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return result{}, err
	}
	if os.Getuid() == 0 {
		// Where sshd is not started by the system, its empty folder is missing.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return result{}, err
		}
	}
	copied := filepath.Join(r.copies, "scp.bin")
	return pair{
		server: []string{"/usr/sbin/sshd", "-D", "-e", "-f", config},
		client: []string{
			"scp", "-q", "-F", "/dev/null", "-P", text(port), "-i", filepath.Join(dir, "user"),
			"-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
			"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
			r.source, fmt.Sprintf("%s@%s:%s", me.Username, n.addr, copied),
		},
		protocol: "tcp", port: port, signal: syscall.SIGTERM, copy: copied,
	}.run(ctx, r, n)
}

// makeSSHKeys makes the keys of server and user, once in a run.
func makeSSHKeys(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"host", "user"} {
		key := filepath.Join(dir, name)
		if _, err := os.Stat(key); err == nil {
			continue
		}
		if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	return nil
}
