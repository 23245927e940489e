package transport

import "time"

// Stats is a snapshot of a connection's counters.
type Stats struct {
	DatagramsSent, DatagramsReceived uint64
	BytesSent, BytesReceived         uint64 // UDP payload

	PacketsSent          uint64
	PacketsLost          uint64 // declared lost and not found to have arrived since
	PacketsSpurious      uint64 // declared lost, and had arrived
	PacketsUndecryptable uint64
	Duplicates           uint64 // packets received twice

	BulkBytesSent     uint64 // of transfers, repeats included
	BulkBytesRepeated uint64 // of these, sent before
	BulkBytesReceived uint64 // each counted once
	BulkBytesAcked    uint64

	SmoothedRTT, MinRTT time.Duration
	Window              int    // congestion window, bytes; 0: TCP has its own
	PacingRate          int64  // bytes per second; 0: TCP has its own
	Controller          string // name of the congestion control; "carrier": TCP's

	BlockSize int // bytes of a transfer in a full datagram to the peer

	Bandwidth       int64      // bytes per second, with all headers, that the path is believed to deliver; 0: not known
	PeerSocketDrops uint64     // datagrams that the peer's system dropped on its socket
	Limits          LimitTimes // what held the connection up, and for how long

	QueueDrops        uint64 // datagrams dropped because this connection was behind
	SocketDrops       uint64 // datagrams that the system dropped on the socket
	SimulatedLoss     uint64 // datagrams of the socket thrown away by Config.Loss
	ReceiveBufferSize int    // bytes of the socket, granted by the system; 0: not known
}

// Stats returns a snapshot of the counters. It works on a connection that is
// over, too.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	s := c.core.Stats()
	c.mu.Unlock()
	return Stats{
		DatagramsSent: s.DatagramsSent, DatagramsReceived: s.DatagramsReceived,
		BytesSent: s.BytesSent, BytesReceived: s.BytesReceived,
		PacketsSent: s.PacketsSent, PacketsLost: s.PacketsLost,
		PacketsSpurious: s.PacketsSpurious, PacketsUndecryptable: s.PacketsUndecryptable,
		Duplicates:    s.Duplicates,
		BulkBytesSent: s.DataBytesSent, BulkBytesRepeated: s.DataBytesRepeated,
		BulkBytesReceived: s.DataBytesReceived, BulkBytesAcked: s.DataBytesAcked,
		SmoothedRTT: s.SmoothedRTT, MinRTT: s.MinRTT,
		Window: s.Window, PacingRate: s.PacingRate, Controller: s.Controller, BlockSize: s.BlockSize,
		Bandwidth: s.Bandwidth, PeerSocketDrops: s.PeerSocketDrops, Limits: LimitTimes(s.Limits),
		QueueDrops:        c.droppedHere.Load(),
		SocketDrops:       c.socket.udp.SocketDrops(),
		SimulatedLoss:     c.socket.dropped.Load(),
		ReceiveBufferSize: c.socket.udp.ReceiveBuffer(),
	}
}
