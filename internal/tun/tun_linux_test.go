package tun

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace runs a test in a network namespace of its own, which is at path,
// or skips it where that is not allowed.
func inNamespace(t *testing.T, test func(path string) error) {
	t.Helper()
	var obstacle, result error
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread ends with the goroutine, which never unlocks it.
		runtime.LockOSThread()
		if obstacle = unix.Unshare(unix.CLONE_NEWNET); obstacle != nil {
			return
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			obstacle = err
			return
		}
		defer file.Close()
		result = test(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	}()
	<-done
	if obstacle != nil {
		t.Skip("no network namespace: ", obstacle)
	}
	if errors.Is(result, unix.ENOENT) || errors.Is(result, unix.EPERM) {
		t.Skip("no TUN device: ", result)
	}
	if result != nil {
		t.Error(result)
	}
}

func TestDeviceIsConfigured(t *testing.T) {
	inNamespace(t, func(path string) error {
		d, err := Open(Config{Name: "tested", Namespace: path, MTU: 1400, Addresses: prefixes("10.0.0.1/20", "fd00::1/64")})
		if err != nil {
			return err
		}
		defer d.Close()
		found, err := net.InterfaceByName("tested")
		if err != nil {
			return err
		}
		addresses, err := found.Addrs()
		if err != nil {
			return err
		}
		if found.MTU != 1400 || found.Flags&net.FlagUp == 0 {
			t.Errorf("MTU %d, flags %v", found.MTU, found.Flags)
		}
		for _, want := range []string{"10.0.0.1/20", "fd00::1/64"} {
			if !strings.Contains(fmt.Sprint(addresses), want) {
				t.Errorf("addresses %v, want %s among them", addresses, want)
			}
		}
		// What the kernel sends into the prefix comes out of the device.
		socket, err := net.Dial("udp", "10.0.0.2:9")
		if err != nil {
			return err
		}
		defer socket.Close()
		if _, err := socket.Write([]byte("hello")); err != nil {
			return err
		}
		for found := false; !found; { // the kernel speaks some IPv6 by itself
			err := d.Read(func(p []byte) { found = found || bytes.HasSuffix(p, []byte("hello")) })
			if err != nil {
				return fmt.Errorf("reading: %w", err)
			}
		}
		if err := d.Read(func([]byte) {}); err != nil && !errors.Is(err, unix.EAGAIN) {
			t.Errorf("reading where there is nothing: %v", err)
		}
		return nil
	})
}

func TestDroppedCountsWhatTheQueueDidNotHold(t *testing.T) {
	inNamespace(t, func(path string) error {
		const queue, sent = 10, 50
		d, err := Open(Config{Name: "tested", Namespace: path, QueueLength: queue, Addresses: prefixes("10.0.0.1/24")})
		if err != nil {
			return err
		}
		defer d.Close()
		if n := d.Dropped(); n != 0 {
			t.Errorf("%d dropped before anything was sent", n)
		}
		socket, err := net.Dial("udp", "10.0.0.2:9")
		if err != nil {
			return err
		}
		defer socket.Close()
		for range sent {
			if _, err := socket.Write([]byte("hello")); err != nil {
				return err
			}
		}
		read := 0
		for d.Read(func([]byte) { read++ }) == nil {
		}
		if n := d.Dropped(); read+int(n) != sent || n == 0 {
			t.Errorf("%d of %d packets read and %d counted as dropped, with a queue of %d", read, sent, n, queue)
		}
		return nil
	})
}

func TestDeviceWithoutAddressIsLeftAlone(t *testing.T) {
	inNamespace(t, func(path string) error {
		d, err := Open(Config{Name: "tested", Namespace: path})
		if err != nil {
			return err
		}
		defer d.Close()
		found, err := net.InterfaceByName("tested")
		if err != nil {
			return err
		}
		if addresses, err := found.Addrs(); found.Flags&net.FlagUp != 0 || len(addresses) > 0 || err != nil {
			t.Errorf("flags %v, addresses %v, %v", found.Flags, addresses, err)
		}
		if _, err := Open(Config{Name: "tested", Namespace: path}); !errors.Is(err, unix.EBUSY) {
			t.Errorf("a second device of that name: %v", err)
		}
		return nil
	})
}

func TestDeviceIsOnlyInItsNamespace(t *testing.T) {
	inNamespace(t, func(path string) error {
		d, err := Open(Config{Name: "elsewhere", Namespace: path})
		if err != nil {
			return err
		}
		defer d.Close()
		// A thread that was never moved.
		seen := make(chan error)
		go func() {
			_, err := net.InterfaceByName("elsewhere")
			seen <- err
		}()
		if <-seen == nil {
			t.Error("the interface is in the namespace of the program")
		}
		return nil
	})
}

func TestNoNamespace(t *testing.T) {
	for namespace, explains := range map[string]string{
		"no-such-namespace": "make it with: ip netns add no-such-namespace",
		"/dev/null":         "entering network namespace /dev/null",
	} {
		if _, err := Open(Config{Name: "tested", Namespace: namespace}); err == nil || !strings.Contains(err.Error(), explains) {
			t.Errorf("%s: %v, want %q", namespace, err, explains)
		}
	}
}
