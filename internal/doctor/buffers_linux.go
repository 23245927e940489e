package doctor

import (
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// settingsFile is read when the machine starts.
const settingsFile = "/etc/sysctl.d/90-uft.conf"

// bufferSetting returns the name of the limit of a buffer, and the value in
// bytes that it should have.
func bufferSetting(receive bool) (name string, value int) {
	if receive {
		return "net.core.rmem_max", askedBuffer
	}
	return "net.core.wmem_max", askedBuffer
}

// measureBuffers asks for both buffers on a socket, by force first (socket(7)).
func measureBuffers() ([]socketBuffer, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	defer socket.Close() //nolint:errcheck // nothing is lost with it
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	in, out := socketBuffer{receive: true}, socketBuffer{}
	err = raw.Control(func(fd uintptr) {
		in.ask(int(fd), unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
		out.ask(int(fd), unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	})
	return []socketBuffer{in, out}, err
}

// ask sets the buffer by one of two options and reads back what it became.
func (b *socketBuffer) ask(fd, force, plain int) {
	b.forced = unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, askedBuffer) == nil
	if !b.forced {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, askedBuffer) // reading back tells
	}
	// The kernel reports twice what it grants, its own overhead included.
	if size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, plain); err == nil {
		b.granted = size / 2
	}
	name, _ := bufferSetting(b.receive)
	b.limit = kernelSetting(name)
}

// kernelSetting returns a setting that is a number. It is 0 where there is no
// such setting: a container sees only some of its host's.
func kernelSetting(name string) int {
	text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return 0
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return value
}
