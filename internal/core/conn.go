package core

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// state is where a connection stands in its life (docs/protocol.md §11.1).
type state uint8

const (
	stateHandshake state = iota // keys are being agreed
	stateOpen                   // the handshake is complete
	stateClosing                // we closed: the close is repeated when the peer goes on
	stateDraining               // the peer closed: silence until its last packets are through
	stateGone                   // forgotten
)

// Conn is one connection. It is not safe for use by several goroutines; see
// the package comment for the order of calls.
type Conn struct {
	role  Role
	cfg   Config
	state state
	now   instant.Time // of the call being handled
	start instant.Time

	localID             wire.ConnectionID // by which the peer reaches us
	remoteID            wire.ConnectionID
	originalDestination wire.ConnectionID // of the client's first Initial
	retrySource         *wire.ConnectionID
	peerIDKnown         bool
	token               []byte // for our Initial packets
	peer                wire.Parameters
	peerKnown           bool
	peerIdentity        ed25519.PublicKey

	engine      seal.Engine
	spaces      [3]space
	numbers     numberSkipper // of the Application space
	early       earlyData
	phase       keyPhase
	confirmed   bool         // HANDSHAKE_DONE was sent or received
	doneAcked   bool         // and the client has acknowledged it
	doneRepeats int          // how often it was sent along with something else
	doneAgain   instant.Time // when it may be repeated unasked, next
	waiting     []waitingTrain
	failures    uint64 // packets that did not open

	path       Path
	blocked    bool // the carrier of the path takes nothing at the moment
	validation pathValidation
	pathSet    pathSet
	mtu        pathMTU

	blockRefused bool // the application knows

	recovery   *recovery.Recovery
	controller congestion.Controller
	pacer      *congestion.Pacer
	pacedUntil instant.Time // Transmit had something that the pacer held back
	idle       bool         // Transmit had nothing to send at all
	breaker    breaker
	logs       frameLogs
	fates      recovery.Fates
	came       arrival     // of the train that is being taken
	frames     []sentFrame // of the packet being written

	repairOut repairSender

	streams streamSet
	bulkOut bulkSender
	bulkIn  bulkReceiver
	tail    tail
	blocks  []Block
	given   int // of blocks, already handed out

	makeToken func(PathMemory) []byte // server only
	tokenRate int64                   // what the last token that knows one says
	tokenAt   instant.Time

	pending pendingFrames
	close   closing
	events  []Event
	err     error

	lastReceived instant.Time
	probes       int          // packets that may leave regardless of the window
	pingAt       instant.Time // last ack-eliciting control packet
	unasked      int          // control packets since then
	socketDrops  uint64
	backlog      uint64
	stats        Stats
	limits       limits
	traced       traced
	frame        wire.Frame // parse buffer
}

// space is one packet-number space (docs/protocol.md §7.1).
type space struct {
	read, write *seal.Keys
	next        uint64 // next packet number to send
	largest     uint64 // largest opened + 1
	received    *recovery.Received
	ce          uint64        // packets that came with the CE mark
	ping        bool          // a probe with nothing to repeat
	out         sendBuffer    // CRYPTO
	in          receiveBuffer // CRYPTO
	dropped     bool
	copyAt      instant.Time // when the flight is sent once more
	copies      int          // how often it was
}

// pendingFrames is what must be said that needs no further memory.
type pendingFrames struct {
	handshakeDone bool
	newToken      []byte
	sendToken     bool
	ping          bool
	immediateAck  bool
}

// maxCryptoBuffer bounds the handshake bytes held out of order (§13).
const maxCryptoBuffer = 64 << 10

// NewClient begins a connection to the server at path.Remote. Its first flight
// comes out of Transmit.
func NewClient(cfg Config, now instant.Time, path Path) (*Conn, error) {
	c, err := newConn(Client, cfg, now, path)
	if err != nil {
		return nil, err
	}
	if c.remoteID, err = c.newID(); err != nil {
		return nil, err
	}
	c.originalDestination = c.remoteID
	if len(cfg.Token) <= wire.MaxToken {
		c.token = cfg.Token
	}
	c.installInitialKeys(c.remoteID)
	c.pathSet.validated = true
	parameters := c.localParameters()
	c.engine = cfg.Engine(parameters.Append(nil))
	if p := cfg.RememberedParameters; p != nil {
		c.peer = earlyParameters(p)
		c.raiseLimits()
	}
	return c, c.startEngine()
}

// earlyParameters is what a client goes by before the server has told its
// parameters: of what it remembers, no more than every server grants. The
// server may have less room than it had, and would have to end a connection
// that uses more (docs/protocol.md §6.6).
func earlyParameters(remembered *wire.Parameters) wire.Parameters {
	return wire.Parameters{
		InitialMaxData:       min(remembered.InitialMaxData, wire.MinStreamCredit),
		InitialMaxStreamData: min(remembered.InitialMaxStreamData, wire.MinStreamCredit),
		InitialMaxStreams:    min(remembered.InitialMaxStreams, wire.MinStreams),
		InitialMaxBulkData:   min(remembered.InitialMaxBulkData, wire.MinBulkCredit),
		RepairMemory:         remembered.RepairMemory, // a wish, not a right: the server may keep less
	}
}

// initialContext is what the endpoint learned from a client's first packet.
type initialContext struct {
	destination wire.ConnectionID // of the packet: the keys come from it
	original    wire.ConnectionID // the same, but after a Retry the one before
	retry       bool
	source      wire.ConnectionID
	validated   bool       // a token proved the client's address
	memory      PathMemory // of that token
}

// newServer makes the connection for a client's first packet.
func newServer(cfg Config, now instant.Time, path Path, from initialContext) (*Conn, error) {
	cfg.RememberedPath = from.memory
	c, err := newConn(Server, cfg, now, path)
	if err != nil {
		return nil, err
	}
	c.remoteID, c.peerIDKnown = from.source, true
	c.originalDestination = from.original
	if from.retry {
		c.retrySource = &from.destination
	}
	c.pathSet.validated = from.validated || path.Reliable
	c.installInitialKeys(from.destination)
	parameters := c.localParameters()
	c.engine = cfg.Engine(parameters.Append(nil))
	return c, c.startEngine()
}

func newConn(role Role, cfg Config, now instant.Time, path Path) (*Conn, error) {
	cfg = cfg.withDefaults()
	c := &Conn{
		role: role, cfg: cfg, now: now, start: now, path: path, lastReceived: now,
		streams: newStreamSet(&cfg), bulkIn: newBulkReceiver(&cfg),
	}
	var err error
	if c.localID, err = c.newID(); err != nil {
		return nil, err
	}
	c.recovery = recovery.New(recovery.Config{
		RememberedRTT: cfg.RememberedPath.RTT,
		MaxAckDelay:   maxAckDelay,
		Overhead:      c.overhead(),
	})
	c.recovery.SetHandshakePending(role == Client)
	c.recovery.SetReliable(path.Reliable)
	for i := range c.spaces {
		c.spaces[i].received = new(recovery.Received)
	}
	c.spaces[recovery.Application].received = recovery.NewReceived(c.recovery.SmoothedRTT())
	if cfg.SocketBuffer > 0 {
		c.spaces[recovery.Application].received.SetBuffer(cfg.SocketBuffer)
	}
	c.resetController()
	c.repairOut.loss.assume(cfg.RememberedPath.Loss)
	c.numbers = newNumberSkipper(c.seed())
	return c, nil
}

// newID draws a connection ID.
func (c *Conn) newID() (id wire.ConnectionID, err error) {
	if _, err := io.ReadFull(c.cfg.Rand, id[:]); err != nil {
		return id, fmt.Errorf("drawing a connection ID: %w", err)
	}
	return id, nil
}

// usable returns why no stream or transfer can be opened now, or nil.
func (c *Conn) usable() error {
	if c.err != nil {
		return c.err
	}
	return nil
}

// CanSend reports whether streams and bulk data can leave now: after the
// handshake, or as 0-RTT before it.
func (c *Conn) CanSend() bool {
	return c.state == stateOpen || c.spaces[recovery.Application].write != nil || c.early.write != nil
}

// Connected reports whether the handshake is complete.
func (c *Conn) Connected() bool { return c.state != stateHandshake && c.peerKnown }

// Err returns why the connection is over, or nil.
func (c *Conn) Err() error { return c.err }

// Gone reports that the connection may be forgotten: it is over, and nothing
// of it needs an answer any more.
func (c *Conn) Gone() bool { return c.state == stateGone }

// PeerIdentity is the server's public key, at a client after the handshake.
func (c *Conn) PeerIdentity() ed25519.PublicKey { return c.peerIdentity }

// Answered reports whether a client has heard from the server at all: what came
// opened with the Initial keys, or was a Retry for this very attempt.
func (c *Conn) Answered() bool { return c.peerIDKnown || c.retrySource != nil }

// RemoteID returns the connection ID that the peer chose: with it begins what is
// sent.
func (c *Conn) RemoteID() wire.ConnectionID { return c.remoteID }

// Path returns the way that datagrams take now.
func (c *Conn) Path() Path { return c.path }

// SetReceiverReport sets what the next ACKs say about this receiver: datagrams
// its socket dropped, and bytes that wait to be written.
func (c *Conn) SetReceiverReport(socketDrops, backlog uint64) {
	c.socketDrops, c.backlog = socketDrops, backlog
}

// SetRate fixes the gross rate in bit/s; 0 lets the controller find it.
func (c *Conn) SetRate(now instant.Time, bitsPerSecond int64) {
	c.now = now
	c.cfg.FixedRate = bitsPerSecond
	c.resetController()
}

// SetBackground has the connection yield to all others, or no longer.
func (c *Conn) SetBackground(now instant.Time, on bool) {
	c.now = now
	c.cfg.Background = on
	c.resetController()
}

// NextEvent returns the next thing the application should know.
func (c *Conn) NextEvent() (Event, bool) {
	if len(c.events) == 0 {
		return Event{}, false
	}
	e := c.events[0]
	c.events = c.events[1:]
	return e, true
}

func (c *Conn) emit(e Event) { c.events = append(c.events, e) }

// NextBlock returns the next run of file bytes of the last train.
func (c *Conn) NextBlock() (Block, bool) {
	if c.given == len(c.blocks) {
		return Block{}, false
	}
	c.given++
	return c.blocks[c.given-1], true
}

// Stats returns a snapshot of the counters.
func (c *Conn) Stats() Stats {
	s := c.stats
	state := c.controller.State()
	s.BlockSize = c.mtu.block()
	s.Bandwidth, s.Limits, s.PeerSocketDrops = state.Bandwidth, c.limits.spent, c.limits.socketDrops
	s.SmoothedRTT, s.MinRTT = c.recovery.SmoothedRTT(), c.recovery.MinRTT()
	s.Inflight = c.recovery.Inflight()
	s.Window, s.PacingRate, s.Controller = state.Window, state.PacingRate, state.Name
	if c.carrierPaces() {
		s.Window, s.PacingRate, s.Controller = 0, 0, "carrier"
	}
	return s
}

// ProbeTimeouts returns how many probe timeouts there were, as Stats does.
func (c *Conn) ProbeTimeouts() uint64 { return c.stats.ProbeTimeouts }

// violation is a connection error that the peer caused.
func violation(code wire.ErrorCode, format string, args ...any) error {
	return &wire.Error{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// maxAckDelay is the longest that an acknowledgement is held back (§7.2).
const maxAckDelay = 25 * time.Millisecond

// ControllerState is what the congestion controller knows and does.
func (c *Conn) ControllerState() congestion.State { return c.controller.State() }
