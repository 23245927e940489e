package udp

// ForbidFragments has the datagrams of c that are too long for an interface or a
// router be dropped, never cut in pieces, and reports whether that is so: only
// then the arrival of one says that the path carries it. On Linux it always is.
func ForbidFragments(c Conn) bool {
	socket, ok := c.(interface{ forbidFragments() bool })
	return ok && socket.forbidFragments()
}
