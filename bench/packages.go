package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// peerPackages are the Debian packages that the peers come from.
var peerPackages = []string{"rsync", "openssh-client", "openssh-server", "iperf3", "srt-tools", "uftp", "libudt-dev", "g++"}

// installPackages installs them. Only --install asks for that.
func installPackages(ctx context.Context) error {
	args := append([]string{"install", "-y", "--no-install-recommends"}, peerPackages...)
	for _, args := range [][]string{{"update"}, args} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// needs returns the function that says which program of a package is missing.
func needs(debianPackage string, programs ...string) func(*rig) string {
	return func(*rig) string {
		for _, program := range programs {
			if _, err := exec.LookPath(program); err != nil {
				return fmt.Sprintf("no program %s: apt-get install %s (or --install)", program, debianPackage)
			}
		}
		return ""
	}
}
