package doctor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"example.com/uft/internal/wire"
)

// Bounds of the search for the path MTU, implementation constants.
const (
	probeRounds   = 6  // sets of sizes, each narrower than the one before
	probesAtOnce  = 16 // sizes in a set
	probeAttempts = 3  // of a size that gets no answer
	shortestProbe = 60 * time.Millisecond
	longestProbe  = 400 * time.Millisecond
	// largestUnknown is the largest size tried where the interface's is not
	// known: an Ethernet jumbo frame.
	largestUnknown = 9216
)

// usualMTUs are the sizes at which paths usually end, in bytes with the IP
// header: IPv6's least, tunnels, PPPoE, Ethernet, rings, jumbo frames.
var usualMTUs = []int{1280, 1380, 1400, 1420, 1440, 1452, 1460, 1480, 1492, 1500, 4352, 9000}

// A pathSize is what a search for the path MTU has found, in bytes with the IP
// header.
type pathSize struct {
	largest  int // that was answered; 0: none was
	silent   int // the smallest that was not, 0: there is none
	adapter  int // that this machine's interface takes; 0: not known
	fragment bool
}

// checkPathMTU finds how large a datagram gets to the server in one piece. It
// sends datagrams of several sizes that say that they are of another version of
// the protocol; the server answers each with the versions that it speaks
// (docs/protocol.md §3.5), and keeps nothing of it. So an answer proves that
// the size got through, whatever ICMP says or hides.
func (f *family) checkPathMTU(ctx context.Context) Finding {
	size, err := searchPathMTU(ctx, f.address, f.udp.rtt)
	if err != nil {
		return Finding{Check: f.name + " path MTU", Verdict: Note, Text: "not measured: " + err.Error()}
	}
	return size.finding(f.name + " path MTU")
}

// finding weighs the path MTU.
func (p pathSize) finding(check string) Finding {
	f := Finding{
		Check: check, Verdict: OK,
		Values: map[string]any{"answered_bytes": p.largest, "interface_bytes": p.adapter},
	}
	switch {
	case p.largest == 0:
		f.Verdict = Note
		f.Text = fmt.Sprintf("not measured: datagrams of %d bytes and more get no answer", p.silent)
	case p.fragment:
		f.Verdict = Note
		f.Text = fmt.Sprintf("datagrams of %d bytes get through, perhaps in fragments", p.largest)
	case p.silent == 0:
		f.Text = fmt.Sprintf("%d bytes get through, all that the interface here takes", p.largest)
	default:
		f.Text = fmt.Sprintf("%d bytes get through, %d get no answer", p.largest, p.silent)
		f.Values["silent_bytes"] = p.silent
		if p.adapter > 0 {
			f.Text += fmt.Sprintf("; the interface here takes %d", p.adapter)
		}
	}
	return f
}

// A prober is the socket that the probes leave by.
type prober struct {
	conn    *net.UDPConn
	headers int           // bytes of the IP and UDP headers
	wait    time.Duration // of the first attempt
	id      [8]byte       // of the server's side, any
}

// searchPathMTU narrows the size down, set by set.
func searchPathMTU(ctx context.Context, address netip.AddrPort, rtt time.Duration) (size pathSize, err error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(address))
	if err != nil {
		return size, err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	p := &prober{conn: conn, headers: 28, wait: min(max(3*rtt, shortestProbe), longestProbe)}
	if address.Addr().Is6() {
		p.headers = 48
	}
	if _, err := rand.Read(p.id[:]); err != nil {
		return size, err
	}
	size.adapter, size.fragment = forbidFragments(conn, address.Addr().Is6())
	// A router may have told the kernel less, and the way to an address of this
	// machine itself takes more.
	size.adapter = max(size.adapter, adapterMTU(conn.LocalAddr().(*net.UDPAddr).IP))
	most := largestUnknown
	if size.adapter > 0 {
		most = min(size.adapter, 1<<16-1)
	}
	sizes := append(slices.Clone(usualMTUs), p.headers+wire.MinInitialDatagram, most)
	for range probeRounds {
		slices.Sort(sizes)
		sizes = slices.DeleteFunc(slices.Compact(sizes), func(n int) bool {
			return n > most || n < p.headers+wire.MinInitialDatagram || n <= size.largest || size.silent > 0 && n >= size.silent
		})
		if len(sizes) == 0 || ctx.Err() != nil {
			break
		}
		answered, err := p.try(ctx, sizes)
		if err != nil {
			return size, err
		}
		size.learn(sizes, answered)
		sizes = size.between()
	}
	return size, nil
}

// adapterMTU returns the MTU of the interface with this address, or 0.
func adapterMTU(local net.IP) int {
	list, err := net.Interfaces()
	if err != nil {
		return 0
	}
	for _, i := range list {
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if network, ok := a.(*net.IPNet); ok && network.IP.Equal(local) {
				return i.MTU
			}
		}
	}
	return 0
}

// learn takes in the outcome of a set.
func (p *pathSize) learn(sizes []int, answered map[int]bool) {
	for _, n := range sizes {
		if answered[n] {
			p.largest = max(p.largest, n)
		}
	}
	for _, n := range sizes {
		// An unanswered size below one that was answered was lost on the way.
		if !answered[n] && n > p.largest && (p.silent == 0 || n < p.silent) {
			p.silent = n
		}
	}
}

// between returns sizes spread over what is not known yet.
func (p *pathSize) between() []int {
	gap := p.silent - p.largest - 1
	if p.silent == 0 || p.largest == 0 || gap <= 0 {
		return nil
	}
	var sizes []int
	for i := range min(gap, probesAtOnce) {
		sizes = append(sizes, p.largest+1+i*gap/min(gap, probesAtOnce))
	}
	return sizes
}

// try sends a datagram of each size and returns which were answered. Those that
// are not are sent again, so that ordinary loss is not taken for a limit, and are
// waited for twice as long: the answers of a busy machine are late, not lost.
func (p *prober) try(ctx context.Context, sizes []int) (map[int]bool, error) {
	answered := map[int]bool{}
	for attempt := range probeAttempts {
		for _, n := range sizes {
			if !answered[n] {
				// What the interface refuses is as silent as what is lost.
				_, _ = p.conn.Write(p.probe(n))
			}
		}
		if err := p.conn.SetReadDeadline(time.Now().Add(p.wait << attempt)); err != nil {
			return nil, err
		}
		if err := p.collect(sizes, answered); err != nil {
			return nil, err
		}
		if len(answered) == len(sizes) || ctx.Err() != nil {
			break
		}
	}
	return answered, nil
}

// unknownVersion is none that any server speaks: it is of the form that RFC
// 9000 §15 reserves for this purpose.
const unknownVersion = 0x3a4a5a6a

// probe returns a datagram that makes size bytes with its headers. Its source
// connection ID is the size, which the answer repeats.
func (p *prober) probe(size int) []byte {
	var source wire.ConnectionID
	binary.BigEndian.PutUint64(source[:], uint64(size))
	datagram := make([]byte, 0, size)
	datagram, _ = wire.AppendLongHeader(datagram, wire.LongHeader{
		Type: wire.PacketInitial, Version: unknownVersion, Destination: p.id, Source: source,
	})
	return datagram[:size-p.headers] // zeros
}

// collect reads answers until all sizes have theirs or the time is over.
func (p *prober) collect(sizes []int, answered map[int]bool) error {
	buf := make([]byte, 2048)
	for len(answered) < len(sizes) {
		n, err := p.conn.Read(buf)
		var netErr net.Error
		switch {
		case errors.As(err, &netErr) && netErr.Timeout():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			continue // an ICMP message about a probe; the deadline ends this
		}
		reply, err := wire.ConsumeVersionNegotiation(buf[:n])
		if err != nil || reply.Source != p.id {
			continue
		}
		if size := binary.BigEndian.Uint64(reply.Destination[:]); slices.Contains(sizes, int(min(size, 1<<16))) {
			answered[int(size)] = true
		}
	}
	return nil
}
