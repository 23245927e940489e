package udp

import "golang.org/x/sys/windows"

// errTooLong is how a send call refuses a datagram for its length.
const errTooLong = windows.WSAEMSGSIZE

// passingErrors are what a receive call may return without the socket being of
// no more use. Windows reports an ICMP "port unreachable" for an earlier
// datagram as WSAECONNRESET of the next receive call, and an expired time to
// live as WSAENETRESET, even on sockets that talk with many peers.
var passingErrors = []error{
	windows.WSAECONNRESET, windows.WSAENETRESET, windows.WSAECONNREFUSED, windows.WSAEHOSTUNREACH,
	windows.WSAENETUNREACH, windows.WSAENOBUFS, windows.WSAEMSGSIZE,
}
