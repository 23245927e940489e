package sim

import (
	"net/netip"
	"slices"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/wire"
)

// Peer is one side of a connection with the application on top of it: it
// reads, checks and gives back everything that comes, and sends what the
// script asks for.
type Peer struct {
	Name  string
	Role  core.Role
	Conn  *core.Conn
	Other *Peer // the peer at the other end; at a client nil until the server has accepted

	Connected bool
	Closed    error // why the connection is over
	Session   []byte
	Token     []byte
	Events    map[core.EventKind]int // how many of each kind came
	Codes     []uint64               // of resets and stops, in their order

	// Hold has the application take nothing: bulk blocks stay in memory and
	// streams are not read until Resume.
	Hold bool
	// Mute has the application open streams and transfers of the peer without
	// finishing its own side of the streams.
	Mute bool

	network       *Network
	awake         bool // something has happened to it since it was called
	local, public netip.AddrPort
	extraDelay    time.Duration // of a client
	wakeAt        instant.Time  // when it notices that its timer has run out; 0: it has not

	in        map[uint16]*incomingFile
	held      []heldBlock
	heldBytes uint64
	MostHeld  uint64 // the most that was received and not given back
	sending   int    // own transfers not delivered
	files     []outgoingFile
	reading   map[uint64]*reading
	readOrder []uint64
	writing   []*writing

	probes    uint64 // probe timeouts seen
	mayExceed int    // datagrams that probes may send beyond the window
}

// incomingFile is what the application knows of a transfer of the peer.
type incomingFile struct {
	received ranges.Set
	size     uint64
	ended    bool
	reset    bool
}

// outgoingFile is a transfer of this side.
type outgoingFile struct {
	id   uint16
	size uint64
}

// heldBlock is a block that the application has not given back yet.
type heldBlock struct {
	transfer   uint16
	start, end uint64
}

func newPeer(n *Network, role core.Role, conn *core.Conn) *Peer {
	p := &Peer{
		Name: role.String(), Role: role, Conn: conn, network: n, awake: true,
		Events: make(map[core.EventKind]int), in: make(map[uint16]*incomingFile),
		reading: make(map[uint64]*reading),
	}
	n.peers = append(n.peers, p)
	return p
}

// receive hands a train to the connection and takes its blocks.
func (p *Peer) receive(path core.Path, ecn core.ECN, train []byte, size int) {
	p.awake = true
	p.wakeAt = 0
	p.Conn.HandleTrain(p.network.now, path, ecn, train, size)
	for {
		block, ok := p.Conn.NextBlock()
		if !ok {
			return
		}
		p.takeBlock(block)
	}
}

// takeBlock checks a block: it must be right, and new.
func (p *Peer) takeBlock(b core.Block) {
	f := p.incoming(b.Transfer)
	end := b.Offset + uint64(len(b.Bytes))
	if !fileContent(1-p.Role, b.Transfer).matches(b.Bytes, b.Offset) {
		p.network.fail("%s: wrong bytes in transfer %d at %d", p.Name, b.Transfer, b.Offset)
	}
	if f.received.Add(b.Offset, end) != uint64(len(b.Bytes)) {
		p.network.fail("%s: bytes of transfer %d at %d came twice", p.Name, b.Transfer, b.Offset)
	}
	p.heldBytes += end - b.Offset
	p.MostHeld = max(p.MostHeld, p.heldBytes)
	if p.Hold {
		p.held = append(p.held, heldBlock{b.Transfer, b.Offset, end})
		return
	}
	p.giveBack(heldBlock{b.Transfer, b.Offset, end})
}

func (p *Peer) giveBack(b heldBlock) {
	p.heldBytes -= b.end - b.start
	p.Conn.ConsumeBulk(b.transfer, b.start, b.end)
}

// Consume gives back up to n held bytes, the oldest first.
func (p *Peer) Consume(n uint64) {
	for n > 0 && len(p.held) > 0 {
		b := &p.held[0]
		k := min(n, b.end-b.start)
		p.giveBack(heldBlock{b.transfer, b.start, b.start + k})
		n -= k
		if b.start += k; b.start == b.end {
			p.held = p.held[1:]
		}
	}
}

// Resume ends Hold and takes everything that waited.
func (p *Peer) Resume() {
	p.Hold = false
	p.Consume(p.heldBytes)
	for _, id := range p.readOrder {
		p.read(id)
	}
}

func (p *Peer) incoming(id uint16) *incomingFile {
	f := p.in[id]
	if f == nil {
		f = &incomingFile{}
		p.in[id] = f
	}
	return f
}

// SendFile begins a transfer of size bytes.
func (p *Peer) SendFile(size uint64) (uint16, error) {
	id, err := p.Conn.OpenBulk()
	if err != nil {
		return 0, err
	}
	p.sending++
	p.files = append(p.files, outgoingFile{id, size})
	p.Conn.ExtendBulk(id, size)
	p.Conn.EndBulk(id, size)
	return id, nil
}

// Delivered reports whether all transfers of this side were acknowledged.
func (p *Peer) Delivered() bool { return p.sending == 0 }

// Received returns how many bytes of the peer's transfer have come, and
// whether that is all of it.
func (p *Peer) Received(transfer uint16) (n uint64, complete bool) {
	f := p.in[transfer]
	if f == nil {
		return 0, false
	}
	n = f.received.Size()
	return n, f.ended && n == f.size
}

// Files returns how many transfers of the peer are complete.
func (p *Peer) Files() (complete int) {
	for id := range p.in {
		if _, done := p.Received(id); done {
			complete++
		}
	}
	return complete
}

// flush lets the connection send and the application act until neither has
// anything left to do.
func (p *Peer) flush() {
	for {
		p.transmit()
		e, ok := p.Conn.NextEvent()
		if !ok {
			return
		}
		for ; ok; e, ok = p.Conn.NextEvent() {
			p.handle(e)
		}
		p.write()
	}
}

// transmit drains the connection onto the link.
func (p *Peer) transmit() {
	n := p.network
	for {
		before := p.Conn.Stats()
		length, size, path, _ := p.Conn.Transmit(n.now, n.buffer, trainSegments)
		if length == 0 {
			return
		}
		if !ofHandshake(n.buffer[:length]) {
			p.checkWindow(before, p.Conn.Stats())
		}
		for rest := n.buffer[:length]; len(rest) > 0; {
			datagram := rest[:min(size, len(rest))]
			rest = rest[len(datagram):]
			if p.Role == core.Client {
				n.send(Up, p.public, path.Remote, path.Connection, datagram)
			} else {
				n.send(Down, ServerAddress, path.Remote, path.Connection, datagram)
			}
		}
	}
}

// ofHandshake reports whether a datagram begins with an Initial or a Handshake
// packet: those need no room in the window.
func ofHandshake(datagram []byte) bool {
	h, err := wire.ConsumeLongHeader(datagram)
	return err == nil && h.Type != wire.PacketZeroRTT
}

// checkWindow enforces that nothing but probes and the handshake exceeds the
// congestion window.
func (p *Peer) checkWindow(before, after core.Stats) {
	if after.ProbeTimeouts != p.probes {
		p.probes, p.mayExceed = after.ProbeTimeouts, 2
	}
	if !p.Connected || p.Conn.Path().CarrierPaced || after.Inflight <= before.Inflight || after.Inflight <= before.Window {
		return
	}
	beyond := after.Inflight - max(before.Inflight, before.Window)
	p.mayExceed -= (beyond + largestGross - 1) / largestGross
	if p.mayExceed < 0 {
		p.network.fail("%s: %d bytes in flight, %d before, with a window of %d", p.Name, after.Inflight, before.Inflight, before.Window)
	}
}

// largestGross is the longest datagram with its IPv4 and UDP headers.
const largestGross = 1232 + 28

// handle acts upon an event as a plain application does.
func (p *Peer) handle(e core.Event) {
	p.Events[e.Kind]++
	switch e.Kind {
	case core.EventConnected:
		p.Connected = true
		if p.Role == core.Server {
			p.network.server.endpoint.Established(p.Conn)
		}
	case core.EventSession:
		p.Session = slices.Clone(e.Data)
	case core.EventToken:
		p.Token = slices.Clone(e.Data)
	case core.EventClosed:
		p.Closed = e.Err
	case core.EventBulkEnded:
		f := p.incoming(uint16(e.ID))
		f.size, f.ended = e.Size, true
	case core.EventBulkReset:
		p.incoming(uint16(e.ID)).reset = true
		p.Codes = append(p.Codes, e.Code)
	case core.EventBulkDelivered:
		p.sending--
	case core.EventBulkStopped:
		p.sending--
		p.Codes = append(p.Codes, e.Code)
	case core.EventStreamOpened:
		p.startReading(e.ID)
		if !p.Mute {
			_ = p.Conn.FinishStream(e.ID)
		}
	case core.EventStreamReadable:
		p.read(e.ID)
	case core.EventStreamReset, core.EventStreamStopped:
		p.Codes = append(p.Codes, e.Code)
		if e.Kind == core.EventStreamReset {
			p.read(e.ID)
		}
	}
}
