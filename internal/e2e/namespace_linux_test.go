package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Where namespaces by name are, and their files in place of those of /etc: the
// conventions of ip-netns(8).
const (
	namespaceFolder     = "/run/netns"
	namespaceEtcFolder  = "/etc/netns"
	ownNamespace        = "/proc/thread-self/ns/net"
	wire                = "wire0" // the interface of each end
	serverV4, clientV4  = "10.77.0.1", "10.77.0.2"
	serverV6, clientV6  = "fd77::1", "fd77::2"
	nobodyV6            = "fd77::dead" // an address that nobody answers for
	ethernetHeaderBytes = 14
)

// A namespace is a host with a network of its own.
type namespace struct {
	*host
	name string
}

var namespacesMade atomic.Int32

// newWire returns two hosts that a veth pair connects, with IPv4 and IPv6, and
// no other network. Segmentation offload is off, so that datagrams are seen and
// counted on the wire one by one.
func newWire(t *testing.T) (server, client *namespace) {
	t.Helper()
	server, client = newNamespace(t, "server"), newNamespace(t, "client")
	ip(t, "link", "add", wire, "netns", server.name, "type", "veth", "peer", "name", wire, "netns", client.name)
	server.connect(serverV4, serverV6)
	client.connect(clientV4, clientV6)
	return server, client
}

// newNamespace makes an empty network, or skips the test where the kernel does
// not allow it (as in most containers).
func newNamespace(t *testing.T, role string) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need the program ip (iproute2)")
	}
	name := fmt.Sprintf("uft-e2e-%d-%d-%s", os.Getpid(), namespacesMade.Add(1), role)
	if output, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, strings.TrimSpace(string(output)))
	}
	n := &namespace{host: newHost(t), name: name}
	n.prefix = []string{"ip", "netns", "exec", name}
	t.Cleanup(func() { ip(t, "netns", "del", name) })
	return n
}

// connect gives the host's end of the wire its addresses. The address of IPv6
// is not checked for duplicates, so that it is there at once.
func (n *namespace) connect(v4, v6 string) {
	n.t.Helper()
	ip(n.t, "-n", n.name, "link", "set", "lo", "up")
	ip(n.t, "-n", n.name, "link", "set", wire, "gso_max_segs", "1")
	ip(n.t, "-n", n.name, "addr", "add", v4+"/24", "dev", wire)
	ip(n.t, "-n", n.name, "addr", "add", v6+"/64", "dev", wire, "nodad")
	ip(n.t, "-n", n.name, "link", "set", wire, "up")
}

// ip runs the program ip.
func ip(t *testing.T, args ...string) {
	t.Helper()
	if output, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, output)
	}
}

// inside calls f on a thread that is in the network of the host. What f opens
// stays in that network.
func (n *namespace) inside(f func()) {
	n.t.Helper()
	runtime.LockOSThread()
	own, err := os.Open(ownNamespace)
	if err != nil {
		n.t.Fatal(err)
	}
	defer own.Close() //nolint:errcheck // it was only read
	there, err := os.Open(filepath.Join(namespaceFolder, n.name))
	if err != nil {
		n.t.Fatal(err)
	}
	defer there.Close() //nolint:errcheck // it was only read
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		n.t.Fatal(err)
	}
	defer func() {
		if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
			n.t.Errorf("the thread cannot return to its network: %v", err)
			return // locked, the thread ends with the goroutine
		}
		runtime.UnlockOSThread()
	}()
	f()
}

// knows gives names addresses on the host, in the order of the lines of
// hosts(5).
func (n *namespace) knows(lines ...string) {
	n.t.Helper()
	folder := filepath.Join(namespaceEtcFolder, n.name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		n.t.Skipf("no names for a namespace: %v", err)
	}
	n.t.Cleanup(func() {
		_ = os.RemoveAll(folder)
		_ = os.Remove(namespaceEtcFolder) // fails, as it should, if others use it
	})
	if err := os.WriteFile(filepath.Join(folder, "hosts"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		n.t.Fatal(err)
	}
}
