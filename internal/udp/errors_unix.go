//go:build !windows

package udp

import "syscall"

// errTooLong is how a send call refuses a datagram for its length.
const errTooLong = syscall.EMSGSIZE

// passingErrors are what a receive call may return without the socket being of
// no more use.
var passingErrors = []error{
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
	syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.ENOBUFS, syscall.ENOMEM, syscall.EMSGSIZE,
}
