package tun

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Device is a TUN device. Read and Write may be called at the same time, each
// by one goroutine.
//
// The kernel is asked to leave the splitting of large segments and their
// checksums undone (TUNSETOFFLOAD), and is given packets that belong together in
// one piece: one system call for some 40 packets instead of one for each. What
// Read returns and Write takes are single packets all the same.
type Device struct {
	fd      int
	name    string
	unread  []byte // what the kernel hands over
	scratch []byte // one packet of it
	joiner  joiner
	table   *os.File // the interfaces of its namespace, with their counters
}

// Open makes a device, which needs the capability CAP_NET_ADMIN (root has it).
func Open(config Config) (*Device, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	type result struct {
		device *Device
		err    error
	}
	results := make(chan result)
	go func() {
		// A namespace belongs to a thread. This one ends with the goroutine,
		// which never unlocks it, so no other goroutine gets into the
		// namespace.
		runtime.LockOSThread()
		device, err := open(config)
		results <- result{device, err}
	}()
	r := <-results
	return r.device, r.err
}

func open(config Config) (*Device, error) {
	if err := enter(config.Namespace); err != nil {
		return nil, err
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w%s", err, advice(err))
	}
	d := &Device{
		fd: fd, name: config.Name,
		unread: make([]byte, headerLength+maxJoined+1), scratch: make([]byte, maxJoined),
	}
	request, err := unix.NewIfreq(config.Name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err == nil {
		err = d.offload()
	}
	if err == nil {
		// Opened here, the file stays that of this namespace.
		d.table, err = os.Open("/proc/thread-self/net/dev")
	}
	if err == nil {
		err = d.configure(config)
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("interface %s: %w%s", config.Name, err, advice(err))
	}
	return d, nil
}

// enter moves the thread into a namespace.
func enter(namespace string) error {
	if namespace == "" {
		return nil
	}
	path := namespace
	if !strings.Contains(namespace, "/") {
		path = filepath.Join("/run/netns", namespace)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("there is no network namespace %s; make it with: ip netns add %s", namespace, filepath.Base(namespace))
	}
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", namespace, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w%s", namespace, err, advice(err))
	}
	return nil
}

// advice says what to do about an error where that is not plain.
func advice(err error) string {
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		return "; run it as root, or with the capabilities CAP_NET_ADMIN and, for namespaces, CAP_SYS_ADMIN"
	case errors.Is(err, unix.EBUSY):
		return "; another program uses an interface of that name: choose another one"
	case errors.Is(err, unix.ENOENT):
		return "; the kernel has no TUN devices: load its module with modprobe tun"
	}
	return ""
}

// configure sets the properties of the interface.
func (d *Device) configure(config Config) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	set := func(what string, operation uint, fill func(*unix.Ifreq)) {
		request, requestErr := unix.NewIfreq(d.name)
		if requestErr == nil {
			fill(request)
			requestErr = unix.IoctlIfreq(socket, operation, request)
		}
		if requestErr != nil && err == nil {
			err = fmt.Errorf("setting its %s: %w", what, requestErr)
		}
	}
	set("MTU", unix.SIOCSIFMTU, func(r *unix.Ifreq) { r.SetUint32(uint32(config.MTU)) })
	set("queue length", unix.SIOCSIFTXQLEN, func(r *unix.Ifreq) { r.SetUint32(uint32(config.QueueLength)) })
	if err != nil || len(config.Addresses) == 0 {
		return err
	}
	d.quieten(config.Addresses)
	for _, prefix := range config.Addresses {
		if !prefix.Addr().Is4() {
			continue
		}
		mask := [4]byte{}
		for i := range prefix.Bits() {
			mask[i/8] |= 0x80 >> (i % 8)
		}
		address := prefix.Addr().As4()
		set("address", unix.SIOCSIFADDR, func(r *unix.Ifreq) { _ = r.SetInet4Addr(address[:]) })
		set("netmask", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) { _ = r.SetInet4Addr(mask[:]) })
	}
	set("state", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_POINTOPOINT | unix.IFF_NOARP)
	})
	for _, prefix := range config.Addresses {
		if err == nil && prefix.Addr().Is6() {
			err = d.addIPv6(socket, prefix)
		}
	}
	return err
}

// quieten keeps the kernel from sending packets of its own, which would take
// part in the chance of the link: all of IPv6 where it is not used, else the
// search for routers. Failure only means noise.
func (d *Device) quieten(addresses []netip.Prefix) {
	file, value := "disable_ipv6", "1"
	for _, prefix := range addresses {
		if prefix.Addr().Is6() {
			file, value = "router_solicitations", "0"
		}
	}
	_ = os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", d.name, file), []byte(value), 0)
}

// ipv6Request is struct in6_ifreq of linux/ipv6.h.
type ipv6Request struct {
	address   [16]byte
	prefixLen uint32
	index     int32
}

// addIPv6 adds an address by the ioctl that IPv6 has for it. The interface has
// no neighbours to ask, so the address is usable at once.
func (d *Device) addIPv6(socket int, prefix netip.Prefix) error {
	request, err := unix.NewIfreq(d.name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFINDEX, request); err != nil {
		return fmt.Errorf("reading its index: %w", err)
	}
	socket6, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("setting its IPv6 address: %w", err)
	}
	defer unix.Close(socket6)
	six := ipv6Request{prefix.Addr().As16(), uint32(prefix.Bits()), int32(request.Uint32())}
	_, _, number := unix.Syscall(unix.SYS_IOCTL, uintptr(socket6), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&six)))
	if number != 0 {
		return fmt.Errorf("setting its IPv6 address: %w", number)
	}
	return nil
}

// Name returns the name of the interface.
func (d *Device) Name() string { return d.name }

// Descriptor returns the file descriptor, for poll(2). It belongs to the device.
func (d *Device) Descriptor() int { return d.fd }

// offload asks the kernel for large segments. UDP is offered in them since
// Linux 6.2; before, its packets come one by one.
func (d *Device) offload() error {
	const tcp = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	d.joiner.udp = true
	err := unix.IoctlSetInt(d.fd, unix.TUNSETOFFLOAD, tcp|unix.TUN_F_USO4|unix.TUN_F_USO6)
	if errors.Is(err, unix.EINVAL) {
		d.joiner.udp = false
		err = unix.IoctlSetInt(d.fd, unix.TUNSETOFFLOAD, tcp)
	}
	if err != nil {
		return fmt.Errorf("asking for large segments: %w", err)
	}
	return nil
}

// Read calls visit with one packet, or with all that were sent as one. The
// bytes last until visit returns. It does not wait: it returns unix.EAGAIN
// where there is no packet.
func (d *Device) Read(visit func(packet []byte)) error {
	n, err := ignoringInterrupts(unix.Read, d.fd, d.unread)
	if err != nil {
		return err
	}
	if n < headerLength {
		return fmt.Errorf("the kernel hands over %d bytes without a header", n)
	}
	return split(parseHeader(d.unread), d.unread[headerLength:n], d.scratch, visit)
}

// Write hands packets to the kernel as if they had arrived in this order. It
// returns how many the kernel did not take, with the last reason.
func (d *Device) Write(packets [][]byte) (failed int, err error) {
	flush := func() {
		parts := d.joiner.parts
		if parts == 0 {
			return
		}
		if _, writeErr := ignoringInterrupts(unix.Write, d.fd, d.joiner.end()); writeErr != nil {
			failed, err = failed+parts, writeErr
		}
	}
	for _, p := range packets {
		if !d.joiner.add(p) {
			flush()
			d.joiner.begin(p)
		}
	}
	flush()
	return failed, err
}

func ignoringInterrupts(operation func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		n, err := operation(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// Dropped returns how many packets the kernel has dropped because Read was not
// called early enough.
func (d *Device) Dropped() uint64 {
	text, err := io.ReadAll(io.NewSectionReader(d.table, 0, maxTable))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		// The fields are those of proc_net(5): eight of what is received
		// (by Write), then bytes, packets, errors, drops of what is sent.
		name, numbers, _ := strings.Cut(line, ":")
		if fields := strings.Fields(numbers); strings.TrimSpace(name) == d.name && len(fields) > 11 {
			n, _ := strconv.ParseUint(fields[11], 10, 64)
			return n
		}
	}
	return 0
}

// maxTable bounds what is read of a list of interfaces.
const maxTable = 1 << 20

// Close ends the device. No other call may be under way, and none may follow.
func (d *Device) Close() error {
	if d.table != nil {
		d.table.Close()
	}
	return unix.Close(d.fd)
}
