package tcp

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// notSent is how many bytes the kernel holds that it has not sent yet, before
// the connection counts as full. Its buffer may be megabytes, and what the owner
// has to say next, an acknowledgement above all, would wait behind them.
const notSent = 128 << 10

// tune sets what makes a TCP connection a better carrier. All are improvements
// that the system may refuse.
func tune(conn net.Conn, timeout time.Duration) {
	t, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent)
		if timeout > 0 {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout.Milliseconds()))
		}
	})
}
