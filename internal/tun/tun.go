// Package tun makes TUN devices: network interfaces of Linux whose packets a
// program reads and writes instead of a cable. A device may be made in another
// network namespace, with an address, ready for use.
//
// Everything is set by ioctl(2) on a thread that has entered the namespace.
// That needs neither a netlink library nor the program ip, and the device never
// shows up in a namespace where it does not belong. The device ends with the
// program.
package tun

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Bounds and defaults of a Config.
const (
	DefaultMTU         = 1500
	MinMTU             = 576 // what IPv4 hosts accept (RFC 1122 §3.3.2)
	MaxMTU             = 65535
	DefaultQueueLength = 10_000
	maxNameLength      = 15 // IFNAMSIZ without its end
)

// ErrUnsupported is the error of Open on systems other than Linux.
var ErrUnsupported = errors.New("TUN devices are made on Linux only")

// A Config says what device to make.
type Config struct {
	// Name is the name of the interface.
	Name string

	// Namespace is where the interface is: the name of a namespace made with
	// `ip netns add`, or the path of one, such as /proc/PID/ns/net. Empty
	// means the namespace of the program.
	Namespace string

	// Addresses are those of the interface with the prefix that is reached
	// through it, at most one of IPv4 and one of IPv6. With an address the
	// interface is up.
	Addresses []netip.Prefix

	// MTU is the largest packet in bytes; 0 means DefaultMTU.
	MTU int

	// QueueLength is how many packets wait in the kernel for Read; 0 means
	// DefaultQueueLength. It is large, so that the kernel does not drop what
	// the program is to decide about.
	QueueLength int
}

// Validate returns an error that says what makes no sense.
func (c Config) Validate() error {
	if c.Name == "" || len(c.Name) > maxNameLength || strings.ContainsAny(c.Name, "/: \t\n%") || c.Name == "." || c.Name == ".." {
		return fmt.Errorf("interface name %q: write 1 to %d letters or digits", c.Name, maxNameLength)
	}
	if c.MTU != 0 && (c.MTU < MinMTU || c.MTU > MaxMTU) {
		return fmt.Errorf("MTU %d: must lie between %d and %d bytes", c.MTU, MinMTU, MaxMTU)
	}
	if c.QueueLength < 0 {
		return fmt.Errorf("queue length %d: must not be negative", c.QueueLength)
	}
	var four, six bool
	for _, prefix := range c.Addresses {
		seen := &six
		if prefix.Addr().Is4() {
			seen = &four
		}
		if !prefix.IsValid() || prefix.Addr().Is4In6() || prefix.Addr().IsUnspecified() || *seen {
			return fmt.Errorf("address %v: an interface has at most one IPv4 and one IPv6 address, each with its prefix, such as 10.9.0.1/24", prefix)
		}
		*seen = true
	}
	if six && c.MTU != 0 && c.MTU < 1280 {
		return fmt.Errorf("MTU %d: IPv6 needs 1280 bytes (RFC 8200 §5)", c.MTU)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.MTU == 0 {
		c.MTU = DefaultMTU
	}
	if c.QueueLength == 0 {
		c.QueueLength = DefaultQueueLength
	}
	return c
}
