package transfer

import (
	"net"
	"time"

	"example.com/uft/transport"
)

// A Result is what became of one file.
type Result struct {
	Name    string        // as the peer is told, or told it
	Path    string        // where this side read it from or wrote it to; empty for a reader or writer
	Bytes   int64         // size of the file
	Root    string        // the hash, "uft1:" and 64 hexadecimal digits; empty where it failed
	Already bool          // the receiver had the very same file, so that it was not sent again
	Elapsed time.Duration // from the offer or request to the confirmation

	// What the connection did meanwhile, with everything else that it carried.
	Gross    int64   // bytes of IP packets sent, or received by the side that receives
	Loss     float64 // share of the sent packets that were lost, 0 to 1; 0 at the side that receives
	Repeated float64 // share of the sent file bytes that were sent before, 0 to 1; 0 at the side that receives

	Limit Limit // what kept it from going faster

	// Err is an *Error, nil where the file is done.
	Err error
}

// Goodput returns the rate of file bytes, in bit/s.
func (r *Result) Goodput() float64 { return perSecond(r.Bytes, r.Elapsed) }

// GrossRate returns the rate on the wire, in bit/s.
func (r *Result) GrossRate() float64 { return perSecond(r.Gross, r.Elapsed) }

func perSecond(bytes int64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(bytes) * 8 / elapsed.Seconds()
}

// An Update is how far a transfer has come.
type Update struct {
	Name    string
	Sending bool
	Bytes   int64 // acknowledged by the peer, or received; 0 at the start
	Total   int64 // -1 where it is not known yet
	Done    bool  // the last Update of this transfer, however it ended
}

// progressInterval is how often a running transfer is reported.
const progressInterval = 100 * time.Millisecond

// meter measures what a connection does during a transfer.
type meter struct {
	conn  *transport.Conn
	start time.Time
	stats transport.Stats
}

func newMeter(conn *transport.Conn) meter {
	return meter{conn: conn, start: time.Now(), stats: conn.Stats()}
}

// read fills in the figures of a result.
func (m *meter) read(r *Result, sending bool) {
	r.Elapsed = time.Since(m.start)
	now := m.conn.Stats()
	header := uint64(ipv4Header)
	if address, ok := m.conn.RemoteAddr().(*net.UDPAddr); ok && address.IP.To4() == nil {
		header = ipv6Header
	}
	if !sending {
		r.Limit = limitOf(m.stats, now, 0, false)
		r.Gross = int64(now.BytesReceived - m.stats.BytesReceived + header*(now.DatagramsReceived-m.stats.DatagramsReceived))
		return
	}
	r.Gross = int64(now.BytesSent - m.stats.BytesSent + header*(now.DatagramsSent-m.stats.DatagramsSent))
	r.Loss = share(now.PacketsLost-min(m.stats.PacketsLost, now.PacketsLost), now.PacketsSent-m.stats.PacketsSent)
	r.Limit = limitOf(m.stats, now, r.Loss, true)
	r.Repeated = share(now.BulkBytesRepeated-m.stats.BulkBytesRepeated, now.BulkBytesSent-m.stats.BulkBytesSent)
}

// Sizes of the headers of IP and UDP around a datagram.
const (
	ipv4Header = 20 + 8
	ipv6Header = 40 + 8
)

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
