package core

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/wire"
)

// A pathMTU finds out how long a datagram the path carries, by sending some and
// seeing whether they are acknowledged (docs/protocol.md §8.6, RFC 8899): what
// ICMP says of it anybody can forge, and many routers say nothing. It begins at
// what every path carries, halves a list of sizes until it knows the largest
// that gets through, and goes back to the beginning when large packets stop
// arriving. The zero value has nothing to find out.
type pathMTU struct {
	sizes  []int // bytes of UDP payload that are worth knowing of, ascending
	passed int   // sizes[:passed] got through
	failed int   // sizes[failed:] did not, as far as is known

	probing  bool
	probe    uint64       // packet number of the probe on its way
	size     int          // that was probed last
	attempts int          // of it, in vain
	after    instant.Time // no probe before

	since   uint64 // packets below tell nothing: of another path, or before a black hole
	arrived uint64 // one more than the newest large packet that was acknowledged
	missing int    // large packets newer than that which were lost
	holes   int    // black holes found on this path
	excused uint64 // packets below may have been lost at the receiver's socket
}

// Constants of the search.
const (
	// probeAfter is how many bytes of files have to be acknowledged before the
	// path is worth probing: a small file is through by then.
	probeAfter = 64 << 10
	// leastAttempts is after how many probes in vain a size is given up
	// (MAX_PROBES of RFC 8899 §5.1.2), where nothing else is lost.
	leastAttempts, mostAttempts = 3, 12
	// leastMissing is how many large packets in a row have to be lost for a
	// black hole, where nothing else is lost.
	leastMissing, mostMissing = 8, 40
	// How likely it may be that chance alone does either.
	attemptsByChance, missingByChance = 1e-3, 1e-6

	// raiseAfter is when a search that has ended begins again, upwards
	// (PMTU_RAISE_TIMER of RFC 8899 §5.1.1).
	raiseAfter = 600 * time.Second
	// holePause is how long after the first black hole on a path the next search
	// begins; it doubles with each, up to raiseAfter.
	holePause = 100 * time.Millisecond

	// probeTime bounds the size of probes, where the user asked for no certain
	// one, to what the present rate sends in it: blocks that take longer would
	// hold up everything else. What an Ethernet takes is always tried.
	probeTime = 10 * time.Millisecond
	etherMTU  = 1500
)

// usualMTUs are the sizes at which paths usually end below two blocks, in bytes
// with the IP header: tunnels, PPPoE, Ethernet.
var usualMTUs = [...]int{1380, 1400, 1420, 1440, 1460, 1480, 1492, etherMTU}

// newPathMTU begins a search for datagrams with blocks of a wanted size, or of
// the largest there is if that is wire.AutoBlockSize, that are no longer than
// most. Headers is what comes before UDP payload on the path, next the number
// of the first packet on it.
func newPathMTU(wanted, most, headers int, next uint64) pathMTU {
	m := pathMTU{since: next}
	add := func(size int) {
		if size > wire.MaxDatagram && size <= most || size == wanted+wire.DataOverhead {
			m.sizes = append(m.sizes, size)
		}
	}
	switch {
	case wanted <= wire.BlockSize || wanted < wire.AutoBlockSize && wanted+wire.DataOverhead > most:
	case wanted < wire.AutoBlockSize:
		add(wanted + wire.DataOverhead)
	default:
		for _, mtu := range usualMTUs {
			add(mtu - headers)
		}
		// From 2 KiB on a power of two, so that the 64 KiB in which files are
		// read and kept are a whole number of blocks; at last the whole KiB that
		// the longest datagram carries, which fills such a piece by itself.
		for block := 2 * wire.BlockSize; block < wire.LargestBlock; block *= 2 {
			add(block + wire.DataOverhead)
		}
		add(wire.LargestBlock - wire.LargestBlock%wire.BlockSize + wire.DataOverhead)
	}
	m.failed = len(m.sizes)
	m.pass(wire.MaxDatagram)
	return m
}

// datagram is how long a datagram with a full block may be now.
func (m *pathMTU) datagram() int {
	if m.passed == 0 {
		return wire.FullDataDatagram
	}
	return m.sizes[m.passed-1]
}

// block is how many file bytes such a datagram carries.
func (m *pathMTU) block() int { return m.datagram() - wire.DataOverhead }

// pass notes that datagrams up to size get through.
func (m *pathMTU) pass(size int) {
	for m.passed < len(m.sizes) && m.sizes[m.passed] <= size {
		m.passed++
	}
	m.failed = max(m.failed, m.passed)
}

// ready reports whether a probe could leave now, if there were a size for it.
func (m *pathMTU) ready(now instant.Time) bool {
	return m.passed < len(m.sizes) && !m.probing && !m.after.After(now)
}

// next returns the size to be probed now, of those that are at most longest; 0
// where there is none. It is for a search that is ready.
func (m *pathMTU) next(longest int) int {
	if m.passed == m.failed {
		m.failed = len(m.sizes) // the time to look again has come
	}
	top := m.failed
	for top > m.passed && m.sizes[top-1] > longest {
		top--
	}
	if top == m.passed {
		return 0
	}
	return m.sizes[(m.passed+top)/2]
}

// sent notes the probe that has left.
func (m *pathMTU) sent(number uint64, size int) {
	if size != m.size {
		m.attempts = 0
	}
	m.probing, m.probe, m.size = true, number, size
}

// acked notes that a packet in a datagram longer than every path carries has
// arrived, a probe or not.
func (m *pathMTU) acked(now instant.Time, number uint64, size int) {
	if number < m.since {
		return
	}
	if number >= m.arrived {
		m.arrived, m.missing = number+1, 0
	}
	if m.probing && number == m.probe {
		m.probing, m.attempts = false, 0
	}
	if searching := m.passed < m.failed; searching {
		m.pass(size)
		m.settle(now)
	}
}

// probeLost notes that a probe was lost, and gives its size up where chance does
// not explain it at that share of losses.
func (m *pathMTU) probeLost(now instant.Time, number uint64, loss float64) {
	if !m.probing || number != m.probe {
		return // of an earlier path
	}
	m.probing = false
	m.attempts++
	if m.attempts < inRow(loss, attemptsByChance, leastAttempts, mostAttempts) {
		return
	}
	m.attempts = 0
	for m.failed > m.passed && m.sizes[m.failed-1] >= m.size {
		m.failed--
	}
	m.settle(now)
}

// settle ends a search that knows the largest size.
func (m *pathMTU) settle(now instant.Time) {
	if m.passed == m.failed {
		m.after = now.Add(raiseAfter)
	}
}

// lost notes that a packet in a long datagram that was no probe is lost, and
// reports whether that makes a black hole, which swallows what is long: since a
// packet is lost only when a later one has arrived, and no later long one has,
// short ones get through. What the receiver itself dropped is no sign of that. Next
// is the number of the next packet.
func (m *pathMTU) lost(now instant.Time, number, next uint64, loss float64) bool {
	if number < max(m.since, m.arrived, m.excused) {
		return false
	}
	m.missing++
	if m.missing < inRow(loss, missingByChance, leastMissing, mostMissing) {
		return false
	}
	m.after = now.Add(min(holePause<<min(m.holes, 16), raiseAfter))
	m.holes++
	m.since, m.missing = next, 0
	m.probing, m.attempts = false, 0
	m.passed, m.failed = 0, len(m.sizes)
	m.pass(wire.MaxDatagram)
	return true
}

// inRow is how many losses in a row chance brings about no oftener than that, at
// a share of losses; at least and at most so many.
func inRow(loss, chance float64, least, most int) int {
	if loss <= 0 {
		return least
	}
	if loss >= 1 {
		return most
	}
	n := math.Ceil(math.Log(chance) / math.Log(loss))
	return int(min(max(n, float64(least)), float64(most)))
}

// startPathMTU begins to find out what the present path carries: only after the
// handshake, and only where datagrams travel by themselves.
func (c *Conn) startPathMTU() {
	c.mtu = pathMTU{}
	if c.confirmed && !c.path.Reliable && !c.cfg.MayFragment {
		most := min(uint64(wire.LargestDatagram), max(c.peer.MaxDatagram, wire.MaxDatagram))
		c.mtu = newPathMTU(c.wantedBlock(), int(most), c.overhead(), c.spaces[appSpace].next)
	}
}

// wantedBlock is the block size that the user asks for, or else the peer's.
func (c *Conn) wantedBlock() int {
	if c.cfg.BlockSize > 0 {
		return c.cfg.BlockSize
	}
	return int(min(c.peer.BlockSize, wire.AutoBlockSize))
}

// transmitPathProbe writes a datagram that shows by its arrival that the path
// carries it. While there is nothing to send nobody needs to know.
func (c *Conn) transmitPathProbe(b []byte) int {
	m := &c.mtu
	if c.wantedBlock() <= wire.BlockSize || c.stats.DataBytesAcked < probeAfter {
		return 0
	}
	if len(m.sizes) == 0 {
		c.refuseBlock()
		return 0
	}
	if !m.ready(c.now) || c.probes > 0 || !c.BulkPending() {
		return 0
	}
	size := m.next(c.longestProbe())
	if size == 0 || size > cap(b) || !c.pathSet.allows(c.role, size) || !c.mayElicit(wire.MaxDatagram) {
		return 0
	}
	keys, _ := c.appKeys()
	pn := c.spaces[appSpace].next
	c.frames = c.frames[:0]
	b, lengthAt := c.appendAppHeader(b, false, pn)
	body := len(b)
	b = pad(wire.FramePing.Append(b), size-wire.TagLen)
	m.sent(pn, size)
	c.trace("connectivity:mtu_probed", traceNumber("length", size), traceNumber("packet_number", pn))
	// Paced, but not in flight: its loss says nothing of congestion (RFC 8899 §3).
	b = c.finish(b, 0, body, lengthAt, keys, packet{space: appSpace, number: pn, eliciting: true})
	return len(b)
}

// longestProbe is how long a probe may be at the present rate.
func (c *Conn) longestProbe() int {
	rate := c.controller.PacingRate()
	if c.wantedBlock() < wire.AutoBlockSize || rate == 0 {
		return wire.LargestDatagram
	}
	return max(int(rate*int64(probeTime)/int64(time.Second)), etherMTU) - c.overhead()
}

// excuseLosses is told that the receiver's socket has dropped datagrams, of those
// sent so far.
func (c *Conn) excuseLosses() {
	c.mtu.excused, c.mtu.missing = c.spaces[appSpace].next, 0
}

// longAcked takes note of an acknowledged datagram longer than every path
// carries.
func (c *Conn) longAcked(number uint64, size int) {
	before := c.mtu.datagram()
	c.mtu.acked(c.now, number, size)
	c.followPathMTU(before)
}

// longLost takes note of one that was lost, and reports whether it was a probe.
func (c *Conn) longLost(number uint64, size int, inFlight bool) (probe bool) {
	before := c.mtu.datagram()
	if inFlight {
		if c.mtu.lost(c.now, number, c.spaces[appSpace].next, c.lossRate()) {
			c.trace("connectivity:mtu_black_hole", traceNumber("length", size))
		}
	} else {
		c.mtu.probeLost(c.now, number, c.lossRate())
		if len(c.mtu.sizes) > 0 && c.mtu.failed == 0 {
			c.refuseBlock()
		}
	}
	c.followPathMTU(before)
	return !inFlight
}

// followPathMTU tells those who count in datagrams that they have another size.
func (c *Conn) followPathMTU(before int) {
	if c.mtu.datagram() == before {
		return
	}
	c.trace("connectivity:mtu_updated", traceNumber("length", c.mtu.datagram()), traceNumber("block", c.mtu.block()))
	c.setDatagram()
}

// setDatagram hands the present size to controller and pacer.
func (c *Conn) setDatagram() {
	c.controller.SetDatagram(c.fullGross())
	c.pacer.SetDatagram(c.fullGross())
	c.updatePacing()
}

// fullGross is the size of a datagram with a full block, headers included.
func (c *Conn) fullGross() int { return c.mtu.datagram() + c.overhead() }

// blockSize is how many file bytes the next DATA frame holds at most. What asks
// whether the path is still there must not ask too much of it.
func (c *Conn) blockSize() int {
	if c.probes > 0 {
		return min(c.mtu.block(), wire.BlockSize)
	}
	return c.mtu.block()
}

// refuseBlock tells the application once that it cannot have the block size that
// it asked for.
func (c *Conn) refuseBlock() {
	asked := c.cfg.BlockSize
	if c.blockRefused || asked == 0 || asked >= wire.AutoBlockSize || c.path.Reliable {
		return
	}
	c.blockRefused = true
	c.emit(Event{Kind: EventBlockSizeRefused, Size: uint64(asked)})
}
