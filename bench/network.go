package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// A network is where the two ends of a measurement stand: on loopback both in
// the namespace of the bench, on a veth pair each in one of its own.
type network struct {
	name   string
	client []string // what stands before a command at the client's end
	server []string
	addr   string // of the server, as the client sees it
	remove func()

	serverInterface string // which has addr
}

// loopback is the network that every machine has.
func loopback() network {
	return network{name: "loopback", addr: "127.0.0.1", serverInterface: "lo", remove: func() {}}
}

// vethPair makes two network namespaces with a veth pair between them. Their
// addresses exist inside only, so they are in nobody's way.
func vethPair(ctx context.Context) (network, error) {
	if os.Getuid() != 0 {
		return network{}, errors.New("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return network{}, errors.New("the program ip is missing: apt-get install iproute2")
	}
	here, there := fmt.Sprintf("bench%da", os.Getpid()), fmt.Sprintf("bench%db", os.Getpid())
	n := network{
		name:   "veth",
		client: []string{"ip", "netns", "exec", here},
		server: []string{"ip", "netns", "exec", there},
		addr:   "10.77.0.2",
		remove: func() { removeNamespace(here); removeNamespace(there) },

		serverInterface: "veth0",
	}
	for _, line := range []string{
		"netns add " + here,
		"netns add " + there,
		"-n " + here + " link add veth0 type veth peer name veth0 netns " + there,
		"-n " + here + " addr add 10.77.0.1/24 dev veth0",
		"-n " + there + " addr add 10.77.0.2/24 dev veth0",
		"-n " + here + " link set lo up",
		"-n " + there + " link set lo up",
		"-n " + here + " link set veth0 up",
		"-n " + there + " link set veth0 up",
	} {
		if out, err := exec.CommandContext(ctx, "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			n.remove()
			return network{}, fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	return n, nil
}

// removeNamespace ends what still runs in a namespace, all of which the bench
// has started, and removes it. The interfaces in it go with it.
func removeNamespace(name string) {
	out, err := exec.Command("ip", "netns", "pids", name).Output()
	if err == nil {
		for pid := range strings.FieldsSeq(string(out)) {
			var n int
			if _, err := fmt.Sscan(pid, &n); err == nil && n > 1 {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
	_ = exec.Command("ip", "netns", "del", name).Run()
}
