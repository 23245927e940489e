package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
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

	// What the path has, where it is an emulated link: its rates towards the
	// server and back in bit/s, and its round trip. Zero: as much as the machine.
	rate, backRate int64
	roundTrip      time.Duration
}

// loopback is the network that every machine has.
func loopback() network {
	return network{name: "loopback", addr: "127.0.0.1", serverInterface: "lo", remove: func() {}}
}

// vethPair makes two network namespaces with a veth pair between them. Their
// addresses exist inside only, so they are in nobody's way.
func vethPair(ctx context.Context) (network, error) {
	here, there, remove, err := namespaces(ctx)
	if err != nil {
		return network{}, err
	}
	n := network{
		name: "veth", client: inside(here), server: inside(there), addr: "10.77.0.2", remove: remove,
		serverInterface: "veth0",
	}
	for _, line := range []string{
		"-n " + here + " link add veth0 type veth peer name veth0 netns " + there,
		"-n " + here + " addr add 10.77.0.1/24 dev veth0",
		"-n " + there + " addr add 10.77.0.2/24 dev veth0",
		"-n " + here + " link set veth0 up",
		"-n " + there + " link set veth0 up",
	} {
		if err := ip(ctx, strings.Fields(line)...); err != nil {
			n.remove()
			return network{}, err
		}
	}
	return n, nil
}

// namespaces makes two network namespaces that have nothing but loopback, and
// the function that removes them with all that is in them.
func namespaces(ctx context.Context) (here, there string, remove func(), err error) {
	if missing := namespacesNeed(); missing != "" {
		return "", "", nil, errors.New(missing)
	}
	here, there = fmt.Sprintf("bench%da", os.Getpid()), fmt.Sprintf("bench%db", os.Getpid())
	var made []string
	remove = func() {
		for _, name := range made {
			removeNamespace(name)
		}
	}
	for _, name := range []string{here, there} {
		if _, err := os.Stat("/run/netns/" + name); err == nil {
			remove()
			return "", "", nil, fmt.Errorf("there is a network namespace %s already: ip netns del %s", name, name)
		}
		made = append(made, name)
		if err := errors.Join(ip(ctx, "netns", "add", name), ip(ctx, "-n", name, "link", "set", "lo", "up")); err != nil {
			remove()
			return "", "", nil, err
		}
	}
	return here, there, remove, nil
}

// namespacesNeed says what is missing for network namespaces, "" if nothing is.
func namespacesNeed() string {
	if os.Getuid() != 0 {
		return "network namespaces need root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "the program ip is missing: apt-get install iproute2"
	}
	return ""
}

// inside is what stands before a command to run it in a namespace.
func inside(namespace string) []string { return []string{"ip", "netns", "exec", namespace} }

// ip runs the program of that name. It is in a process group of its own, so
// that Ctrl-C at a terminal ends the bench and not what cleans up after it.
func ip(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "ip", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
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
	_ = ip(context.Background(), "netns", "del", name) // it may never have come to be
}
