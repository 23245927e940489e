//go:build darwin || freebsd

package doctor

import (
	"net"

	"golang.org/x/sys/unix"
)

// settingsFile is read when the machine starts.
const settingsFile = "/etc/sysctl.conf"

// bufferSetting returns the name of the limit that both buffers share, and the
// value in bytes that it should have. The limit counts the system's own
// overhead, so it is twice what a buffer should hold.
func bufferSetting(bool) (name string, value int) { return "kern.ipc.maxsockbuf", 2 * askedBuffer }

// measureBuffers asks for both buffers on a socket, for less and less until the
// system agrees, as internal/udp does.
func measureBuffers() ([]socketBuffer, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	defer socket.Close() //nolint:errcheck // nothing is lost with it
	for size := askedBuffer; size >= askedBuffer/32 && socket.SetReadBuffer(size) != nil; size /= 2 {
	}
	for size := askedBuffer; size >= askedBuffer/32 && socket.SetWriteBuffer(size) != nil; size /= 2 {
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	in, out := socketBuffer{receive: true}, socketBuffer{}
	err = raw.Control(func(fd uintptr) {
		in.granted, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		out.granted, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
	})
	name, _ := bufferSetting(true)
	if limit, err := unix.SysctlUint32(name); err == nil {
		in.limit, out.limit = int(limit), int(limit)
	}
	return []socketBuffer{in, out}, err
}
