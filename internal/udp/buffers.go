package udp

// Buffers are the sizes of a socket's buffers in bytes. What the system grants
// is often less than what was asked for; on Linux net.core.rmem_max and
// net.core.wmem_max are the limits of a process without CAP_NET_ADMIN.
type Buffers struct {
	Asked   int // for each of the two
	Receive int // granted; 0: the system does not tell
	Send    int // granted; 0: the system does not tell
}

// BuffersOf returns what was asked for and what was granted when c was opened,
// zeros for a socket that is none of the system's.
func BuffersOf(c Conn) Buffers {
	if socket, ok := c.(interface{ granted() Buffers }); ok {
		return socket.granted()
	}
	return Buffers{Receive: c.ReceiveBuffer()}
}
