package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/wire"
)

// Config is what connections are made with. A nil Config is an empty one; the
// zero value of a field means the default that is named beside it.
type Config struct {
	// Identity is the server's key. A server without one makes a key that
	// lasts as long as the Listener.
	Identity ed25519.PrivateKey

	// VerifyServer decides whether the server with this key is the right
	// one; its error is found in the *IdentityError that ends the attempt. It
	// only decides: the proof that the server owns the key follows. It is also
	// asked about the key that the server of a remembered session had, before
	// that session is used. It must not call back into the connection. A client
	// without it ACCEPTS ANY SERVER.
	VerifyServer func(ed25519.PublicKey) error

	// LocalAddress is the "host:port" that Dial sends from; without it the
	// system chooses both.
	LocalAddress string

	// Carrier is what takes the datagrams across; default AnyCarrier, or UDP
	// where Loss is set: TCP loses nothing, and repeats what it does not get
	// through.
	Carrier Carrier

	// KeepAlive is how long nothing may come from the peer before it is asked
	// for a sign of life, so that its death is noticed although there is
	// nothing to send; 0 leaves it to the other timers.
	KeepAlive time.Duration

	// Loss is the share of datagrams, from 0 to 1, that are not sent but
	// thrown away at the very end, for experiments: every kind of datagram
	// is drawn by itself. Seed makes the draws repeatable.
	Loss float64
	Seed uint64

	// FixedRate is the rate at which is sent, in bit/s with all headers from
	// IP on; 0 lets the connection find the rate that the path carries.
	FixedRate int64
	// Background has the connection send only what all others on the path leave,
	// in the manner of LEDBAT. It goes without FixedRate.
	Background bool

	// BlockSize is how many bytes of a transfer a datagram is to carry, at least
	// 1024, in both directions, where the other side has no wish of its own: or
	// AutoBlockSize, the most that gets through. What the path carries is found
	// out by probing it while a transfer is under way; until then, over TCP, and
	// where it does not get through, it is 1024. 0 means 1024 and no probing, but
	// where the other side asks for it.
	BlockSize int
	// OnBlockSizeRefused is told once when BlockSize, in bytes, does not get
	// through, so that 1024 is used instead; nil is told nothing. It is called as
	// OnRateHalved is.
	OnBlockSizeRefused func(bytes int)

	// HandshakeTimeout is how long the first answer may take; default 10 s.
	HandshakeTimeout time.Duration
	// IdleTimeout is how long the peer may be silent; default 120 s.
	IdleTimeout time.Duration

	// BulkMemory bounds the bytes of received transfers that wait in memory
	// for the application, per connection; default a sixteenth of the memory that
	// can be had, but 64 to 256 MiB. It is a bound: what is taken of it depends on
	// the path. Copies for the repair of tails take up to half of it more, at most
	// 8 MiB where no more than 16 MiB are on their way at once, and never more than
	// 128 MiB. What a connection begins with depends on the free memory of the
	// machine, and on how many others a Listener has.
	BulkMemory int64

	// OnRateHalved is told when the fixed rate was halved, and to what in
	// bit/s, because the path delivers next to nothing of it; nil is told
	// nothing. It is called by the connection's own goroutine, which it must
	// not hold up; it may call the connection's methods, but for those that
	// close it.
	OnRateHalved func(bitsPerSecond int64)

	// Session keeps what makes the next connection to a server quicker, at a
	// client; nil keeps nothing.
	Session SessionStore

	// MaxConnections bounds the connections of a Listener; beyond it new
	// clients get no answer. Default 1024. Clients of one IPv4 address, or of
	// one IPv6 /64, may have a quarter of them, or 64 if that is more.
	MaxConnections int

	// Trace is told what happens on a connection; nil is told nothing. Calls come
	// from the goroutines of all connections at once. It must be quick, must keep
	// nothing of the event's Fields, and must not call back into the connection.
	Trace func(TraceEvent)

	// dialCarrier opens the TCP connection of a client, again if it is not the
	// first; nil where there is UDP alone.
	dialCarrier func(ctx context.Context, remote netip.AddrPort, again bool) (net.Conn, error)
}

// AutoBlockSize as Config.BlockSize asks for the largest blocks that get through.
const AutoBlockSize = wire.AutoBlockSize

// LargestBlockSize is the largest Config.BlockSize besides, in bytes: what the
// longest datagram carries.
const LargestBlockSize = wire.LargestBlock

// SmallestBlockSize is the smallest, and the one that every path carries.
const SmallestBlockSize = wire.BlockSize

// A SessionStore keeps one secret piece of data for each server: a session to
// resume, a token that proves the client's address, and the round-trip time.
// It is used by several goroutines at once. What it fails to keep makes the
// next connection slower and does no harm, so it returns no errors.
type SessionStore interface {
	// Load returns what was stored last for a server, "host:port", or nil.
	Load(server string) []byte
	// Store replaces it.
	Store(server string, data []byte)
}

// Defaults of Config, implementation constants (docs/protocol.md §13).
const (
	defaultMaxConnections = 1024
	maxHalfOpen           = 64
)

// Bounds of the credit for transfers that a connection begins with, in bytes.
const (
	minInitialCredit = 128 << 10
	maxInitialCredit = 32 << 20
)

// checked returns a copy of the configuration with the defaults filled in.
func (c *Config) checked() (*Config, error) {
	filled := Config{}
	if c != nil {
		filled = *c
	}
	if err := (link.Config{Loss: filled.Loss}).Validate(); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	if filled.FixedRate < 0 || filled.BulkMemory < 0 || filled.MaxConnections < 0 ||
		filled.HandshakeTimeout < 0 || filled.KeepAlive < 0 || filled.IdleTimeout < 0 {
		return nil, fmt.Errorf("transport: a negative rate, limit or time in the configuration")
	}
	switch {
	case filled.Background && filled.FixedRate > 0:
		return nil, fmt.Errorf("transport: a fixed rate yields to nobody, so it cannot be in the background")
	case filled.BlockSize != 0 && filled.BlockSize != AutoBlockSize &&
		(filled.BlockSize < SmallestBlockSize || filled.BlockSize > LargestBlockSize):
		return nil, fmt.Errorf("transport: blocks of %d bytes: there are only such of %d to %d", filled.BlockSize, SmallestBlockSize, LargestBlockSize)
	case filled.Carrier > TCP:
		return nil, fmt.Errorf("transport: %v is no carrier", filled.Carrier)
	case filled.Carrier == TCP && filled.Loss > 0:
		return nil, fmt.Errorf("transport: TCP repeats what it loses, so there can be no simulated loss on it")
	case filled.Loss > 0:
		filled.Carrier = UDP
	}
	if n := len(filled.Identity); n != 0 && n != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("transport: an identity key has %d bytes, not %d", ed25519.PrivateKeySize, n)
	}
	if filled.BulkMemory == 0 {
		filled.BulkMemory = bulkMemory(availableMemory())
	}
	filled.BulkMemory = max(filled.BulkMemory, minInitialCredit)
	if filled.MaxConnections == 0 {
		filled.MaxConnections = defaultMaxConnections
	}
	return &filled, nil
}

// coreConfig is the part of the core's configuration that both roles share.
// credit is what the peer's transfers may send before anything was consumed;
// mayFragment says that the socket's datagrams may be cut in pieces.
func (c *Config) coreConfig(conn *Conn, credit int64, mayFragment bool) core.Config {
	cfg := core.Config{
		Rand:             rand.Reader,
		Source:           conn,
		HandshakeTimeout: c.HandshakeTimeout,
		IdleTimeout:      c.IdleTimeout,
		KeepAlive:        c.KeepAlive,
		BulkWindow:       uint64(min(credit, c.BulkMemory)),
		MaxBulkWindow:    uint64(c.BulkMemory),
		RepairMemory:     min(c.BulkMemory/2, maxRepairMemory),
		FixedRate:        c.FixedRate,
		Background:       c.Background,
		BlockSize:        c.BlockSize,
		MayFragment:      mayFragment,
	}
	if conn != nil {
		cfg.SocketBuffer = conn.socket.udp.ReceiveBuffer()
	}
	if c.Trace != nil {
		cfg.Trace = traceTo(c.Trace, conn.socket.clock)
	}
	return cfg
}

// A clock turns the machine's monotonic time into that of the core.
type clock struct{ epoch time.Time }

// clockStart is what every clock shows when it is made. It is above zero,
// because the core takes a zero time for one that is not set.
const clockStart = instant.Time(time.Second)

func newClock() clock { return clock{epoch: time.Now()} }

func (c clock) now() instant.Time { return clockStart.Add(time.Since(c.epoch)) }

// at turns a time of the machine into one of the core.
func (c clock) at(t time.Time) instant.Time { return clockStart.Add(t.Sub(c.epoch)) }

// until returns how long it is from now to t, at least 0.
func (c clock) until(t instant.Time) time.Duration { return max(0, t.Sub(c.now())) }
