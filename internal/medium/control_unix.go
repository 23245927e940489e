//go:build unix

package medium

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// listenPrivate makes a socket at which only its owner can connect, from its
// first moment on: nobody can before it listens, and then it has its mode. The
// umask would do the same, but to every file that another goroutine makes in the
// meantime.
func listenPrivate(path string) (*net.UnixListener, error) {
	socket, err := bindPrivate(path)
	if err != nil {
		return nil, err
	}
	defer socket.Close() // the listener has a descriptor of its own
	listener, err := listenAt(socket)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	listener.SetUnlinkOnClose(true)
	return listener, nil
}

// bindPrivate makes the socket, which does not listen yet.
func bindPrivate(path string) (*os.File, error) {
	syscall.ForkLock.RLock()
	descriptor, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(descriptor)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(descriptor), path)
	if err := syscall.Bind(descriptor, &syscall.SockaddrUnix{Name: path}); err != nil {
		socket.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		socket.Close()
		return nil, errors.Join(err, os.Remove(path))
	}
	return socket, nil
}

// listenAt makes a bound socket listen.
func listenAt(socket *os.File) (*net.UnixListener, error) {
	if err := syscall.Listen(int(socket.Fd()), syscall.SOMAXCONN); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	listener, err := net.FileListener(socket)
	if err != nil {
		return nil, err
	}
	return listener.(*net.UnixListener), nil
}
