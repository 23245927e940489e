package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A host is a machine as a program sees it: a current folder, a home with the
// keys and known servers of its user, and a network.
type host struct {
	t      *testing.T
	dir    string   // the current folder of its programs
	env    []string // their environment
	prefix []string // the command in front of theirs, that puts them into a network
}

// newHost returns a host on the network of the machine.
func newHost(t *testing.T) *host {
	t.Helper()
	home := t.TempDir()
	h := &host{t: t, dir: t.TempDir()}
	h.env = append(os.Environ(), "HOME="+home, "LC_ALL=C", "NO_COLOR=1")
	for _, kind := range []string{"STATE", "CONFIG", "DATA", "CACHE"} {
		h.env = append(h.env, "XDG_"+kind+"_HOME="+filepath.Join(home, kind))
	}
	return h
}

// path returns where a file of the host stands.
func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// write makes a file of the host.
func (h *host) write(name string, contents []byte) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), contents, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// mustHold fails the test unless a file of the host has these contents.
func (h *host) mustHold(name string, want []byte) {
	h.t.Helper()
	got, err := os.ReadFile(h.path(name))
	if err != nil {
		h.t.Errorf("the copy is not there: %v", err)
		return
	}
	if !bytes.Equal(got, want) {
		h.t.Errorf("%s has %d bytes and differs from the %d that were sent", name, len(got), len(want))
	}
}

// mustLack fails the test if a file of the host exists.
func (h *host) mustLack(name string) {
	h.t.Helper()
	if _, err := os.Lstat(h.path(name)); !os.IsNotExist(err) {
		h.t.Errorf("%s stands there (Lstat: %v)", name, err)
	}
}

// randomBytes returns contents that nothing can shorten, the same for the same
// seed.
func randomBytes(seed uint64, size int) []byte {
	var key [32]byte
	copy(key[:], strconv.FormatUint(seed, 10))
	contents := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(contents) // it never fails
	return contents
}

// freePort returns a UDP port that nobody uses, for a program whose line shall
// name it. Nothing keeps another program from taking it meanwhile, but the
// system gives out other ports first.
func freePort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	return strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
}

// split returns the host and the port of an address as two words.
func split(t *testing.T, address fmt.Stringer) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// on returns the same host for a test within the test.
func (h *host) on(t *testing.T) *host {
	within := *h
	within.t = t
	return &within
}
