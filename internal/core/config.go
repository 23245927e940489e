package core

import (
	"io"
	"net/netip"
	"time"

	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// Role says which end of the connection this is.
type Role uint8

// The two roles: the client sends the first datagram.
const (
	Client Role = iota
	Server
)

// String returns "client" or "server".
func (r Role) String() string {
	if r == Client {
		return "client"
	}
	return "server"
}

// Path is the way a datagram takes, with the two properties that a carrier
// other than UDP may have (docs/protocol.md §8.5).
type Path struct {
	Local, Remote netip.AddrPort
	// Reliable: the carrier loses nothing, so there are no loss timers and no
	// retransmission.
	Reliable bool
	// CarrierPaced: the carrier paces by its own writability, so there is no
	// pacing, no congestion window and no padding.
	CarrierPaced bool
	// Connection tells carriers between the same two addresses apart, such as a
	// TCP connection and the one that replaced it; 0 for UDP.
	Connection uint64
}

// ECN is the two-bit Explicit Congestion Notification field of an IP header.
type ECN uint8

// The codepoints of RFC 3168.
const (
	NotECT ECN = 0
	ECT1   ECN = 1
	ECT0   ECN = 2
	CE     ECN = 3
)

// BlockSource gives the core the file bytes that it puts into DATA frames.
type BlockSource interface {
	// Resident returns bytes of the transfer, from offset on, that are in
	// memory: at most limit, and as many as stand there in one piece. It never
	// blocks: where the first of them is not in memory there are none, and the
	// core asks again after the next ExtendBulk. The bytes are borrowed until
	// the method of Conn that asked for them returns.
	Resident(transfer uint16, offset uint64, limit int) []byte
}

// Config is what a connection is made with. The zero value of a field means
// the default named beside it.
type Config struct {
	// Engine does the cryptographic handshake. For a server the transport
	// parameters it announces come from Parameters below, so the engine is
	// made by this function, once the parameters are known.
	Engine func(parameters []byte) seal.Engine
	// Rand is the source of connection IDs, path challenges and skipped packet
	// numbers. Required. A seeded source makes the connection repeatable.
	Rand io.Reader
	// Source gives the bytes of outgoing transfers; nil when there are none.
	Source BlockSource

	HandshakeTimeout time.Duration // first contact; default 10 s
	IdleTimeout      time.Duration // silence; default 120 s
	// KeepAlive is after how much silence the peer is asked for a sign of life
	// although nothing is open or on its way; 0: never.
	KeepAlive time.Duration

	StreamWindow  uint64 // credit of one stream, bytes; default 256 KiB, at least wire.MinStreamCredit
	DataWindow    uint64 // credit of all streams, bytes; default 1 MiB, at least wire.MinStreamCredit
	MaxStreams    uint64 // streams the peer may open; default 100, at least wire.MinStreams
	BulkWindow    uint64 // initial credit of all transfers together; default 8 MiB, at least wire.MinBulkCredit
	MaxBulkWindow uint64 // BulkWindow grows to this when the path needs it; default 64 MiB
	SocketBuffer  int    // bytes that the socket holds of what has arrived; 0 if that is not known

	// BlockSize is how many file bytes a DATA frame is to hold once probing has
	// shown that the path carries it (docs/protocol.md §8.6): at least
	// wire.BlockSize, or wire.AutoBlockSize for the largest that gets through. The
	// peer is asked to send such blocks too. 0 leaves it to the peer to ask.
	BlockSize int
	// MaxDatagram is the longest datagram that this side receives, in bytes of
	// UDP payload; default wire.LargestReceivable, at least wire.MaxDatagram.
	MaxDatagram int
	// MayFragment says that a long datagram may be cut in pieces on its way, so
	// that nothing is known from its arrival, and none is sent.
	MayFragment bool

	// RepairMemory is how many bytes of received blocks and parity are kept, at
	// most, so that the tail of transfers can be repaired (docs/protocol.md §9.4):
	// more than 8 MiB only where the path has much on its way (repairmemory.go);
	// default 8 MiB, negative: none.
	RepairMemory int64

	// FixedRate is the gross rate in bit/s (IP, UDP and our headers), 0 to find
	// the rate. SetRate changes it later.
	FixedRate int64
	// Background has the connection yield to all others (docs/protocol.md §8.8);
	// a FixedRate goes before it. SetBackground changes it later.
	Background bool
	// OwnLoss is the share of outgoing datagrams that the shell drops on
	// purpose (simulated loss); the circuit breaker does not blame the path
	// for them.
	OwnLoss float64

	// What is remembered of the server (client only, all optional; a server's
	// memory of the path is in the token).
	RememberedPath       PathMemory
	Token                []byte           // address token for the Initial packet
	RememberedParameters *wire.Parameters // the server's, for 0-RTT

	// ResetKey makes stateless reset tokens (server only).
	ResetKey []byte

	// KeyPhasePackets is how many packets are sealed before the keys are
	// updated (docs/protocol.md §5.4); default and most 7/8 of 2^23, so that
	// the peer has time to let it happen before the limit.
	KeyPhasePackets uint64

	// Trace receives what happens; nil means off. It must not call back.
	Trace func(TraceEvent)
}

// Defaults of Config, implementation constants (docs/protocol.md §13).
const (
	defaultHandshakeTimeout = 10 * time.Second
	defaultIdleTimeout      = 120 * time.Second
	defaultStreamWindow     = 256 << 10
	defaultDataWindow       = 1 << 20
	defaultMaxStreams       = 100
	defaultBulkWindow       = 8 << 20
	defaultMaxBulkWindow    = 64 << 20
	defaultRepairMemory     = 8 << 20
	defaultKeyPhasePackets  = maxKeyPhasePackets / 8 * 7
)

// withDefaults returns the configuration with every zero field filled in, and
// no credit below what 0-RTT relies on (docs/protocol.md §6.6).
func (c Config) withDefaults() Config {
	c.HandshakeTimeout = orDefault(c.HandshakeTimeout, defaultHandshakeTimeout)
	c.IdleTimeout = orDefault(c.IdleTimeout, defaultIdleTimeout)
	c.StreamWindow = max(orDefault(c.StreamWindow, defaultStreamWindow), wire.MinStreamCredit)
	c.DataWindow = max(orDefault(c.DataWindow, defaultDataWindow), wire.MinStreamCredit)
	c.MaxStreams = max(orDefault(c.MaxStreams, defaultMaxStreams), wire.MinStreams)
	c.BulkWindow = max(orDefault(c.BulkWindow, defaultBulkWindow), wire.MinBulkCredit)
	c.MaxBulkWindow = max(orDefault(c.MaxBulkWindow, defaultMaxBulkWindow), c.BulkWindow)
	c.MaxDatagram = max(orDefault(c.MaxDatagram, wire.LargestReceivable), wire.MaxDatagram)
	c.RepairMemory = orDefault(c.RepairMemory, defaultRepairMemory)
	c.KeyPhasePackets = min(orDefault(c.KeyPhasePackets, defaultKeyPhasePackets), defaultKeyPhasePackets)
	return c
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
