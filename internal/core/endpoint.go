package core

import (
	"io"
	"net/netip"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// EndpointConfig is what an Endpoint is made with.
type EndpointConfig struct {
	Rand io.Reader // connection IDs and tokens; required
	// ResetKey makes stateless resets; nil: none are sent.
	ResetKey []byte
	// TokenKey makes address tokens and Retry tokens; nil: neither.
	TokenKey *seal.TokenKey
	// AlwaysRetry has every client prove its address before anything is kept.
	AlwaysRetry bool
	// MaxHalfOpen is how many handshakes may be under way before clients have
	// to prove their address; default 64.
	MaxHalfOpen int
	// Accept makes the configuration of a new server connection, or refuses
	// it. Nil: this endpoint only dials.
	Accept func(remote netip.AddrPort, addressValidated bool) (cfg Config, refuse bool)
}

const (
	defaultMaxHalfOpen = 64
	// provedFactor times as many may be under way from proved addresses: they
	// cannot be invented, but they can be many.
	provedFactor = 16
)

// Endpoint finds the connection of a datagram, and answers by itself, without
// keeping state, what belongs to none (docs/protocol.md §6.5, §3.5, §3.6). It
// is not safe for use by several goroutines; it reads of a Conn only what never
// changes.
type Endpoint struct {
	cfg      EndpointConfig
	byID     map[wire.ConnectionID]*Conn
	byRemote map[netip.AddrPort]*Conn // connections dialled from here
	halfOpen map[*Conn]struct{}
	reply    []byte
	scratch  []byte
}

// NewEndpoint returns an endpoint without connections.
func NewEndpoint(cfg EndpointConfig) *Endpoint {
	cfg.MaxHalfOpen = orDefault(cfg.MaxHalfOpen, defaultMaxHalfOpen)
	return &Endpoint{
		cfg:      cfg,
		byID:     make(map[wire.ConnectionID]*Conn),
		byRemote: make(map[netip.AddrPort]*Conn),
		halfOpen: make(map[*Conn]struct{}),
	}
}

// Route is what is to be done with a datagram. The zero Route drops it.
type Route struct {
	Conn  *Conn  // hand it to this connection
	New   bool   // which came into being with this datagram
	Reply []byte // send this back; borrowed until the next call of Route
}

// AddClient registers a connection that was dialled.
func (e *Endpoint) AddClient(c *Conn) {
	e.byID[c.localID] = c
	e.byRemote[c.path.Remote] = c
}

// Established takes a connection out of the count of half-open ones.
func (e *Endpoint) Established(c *Conn) { delete(e.halfOpen, c) }

// Remove forgets a connection.
func (e *Endpoint) Remove(c *Conn) {
	delete(e.halfOpen, c)
	for _, id := range c.ids() {
		if e.byID[id] == c {
			delete(e.byID, id)
		}
	}
	for remote, other := range e.byRemote {
		if other == c {
			delete(e.byRemote, remote)
		}
	}
}

// Len is how many connections are registered.
func (e *Endpoint) Len() int {
	seen := 0
	for id, c := range e.byID {
		if id == c.localID {
			seen++
		}
	}
	return seen
}

// ids are the connection IDs by which the peer may address the connection.
func (c *Conn) ids() []wire.ConnectionID {
	if c.role == Client {
		return []wire.ConnectionID{c.localID}
	}
	ids := []wire.ConnectionID{c.localID, c.originalDestination}
	if c.retrySource != nil {
		ids = append(ids, *c.retrySource)
	}
	return ids
}

// Find returns the connection that a datagram belongs to, or nil. Nothing comes
// into being by it.
func (e *Endpoint) Find(path Path, datagram []byte) *Conn {
	id, ok := wire.DestinationID(datagram)
	switch {
	case !ok:
		return nil
	case e.byID[id] != nil:
		return e.byID[id]
	case wire.IsLong(datagram):
		return nil
	}
	return e.byRemote[path.Remote] // it may be a stateless reset
}

// Route decides what to do with a datagram that came on path. unix is the wall
// clock in seconds, by which tokens are judged. It does not change the
// datagram.
func (e *Endpoint) Route(now instant.Time, unix int64, path Path, datagram []byte) Route {
	if c := e.Find(path, datagram); c != nil {
		return Route{Conn: c}
	}
	id, ok := wire.DestinationID(datagram)
	if !ok {
		return Route{}
	}
	if !wire.IsLong(datagram) {
		return e.resetReply(id, datagram)
	}
	if e.cfg.Accept == nil || len(datagram) < wire.MinInitialDatagram && !path.CarrierPaced {
		return Route{} // too short to be an honest client's first (§3.1)
	}
	h, err := wire.ConsumeLongHeader(datagram)
	switch {
	case err == wire.ErrVersion: //nolint:errorlint // the parser returns the sentinel itself
		return e.versionReply(h)
	case err != nil || h.Type != wire.PacketInitial:
		return Route{}
	}
	return e.accept(now, unix, path, h, datagram)
}

// Lifetimes of tokens, in seconds.
const (
	retryTokenLife   = 10
	addressTokenLife = 7 * 24 * 3600
)

// accept makes a connection for a client's first packet, asks for proof of the
// address, or drops it.
func (e *Endpoint) accept(now instant.Time, unix int64, path Path, h wire.LongHeader, datagram []byte) Route {
	from := initialContext{destination: h.Destination, original: h.Destination, source: h.Source}
	if len(h.Token) > 0 && e.cfg.TokenKey != nil {
		e.checkToken(&from, unix, path, h.Token)
	}
	full := len(e.halfOpen) >= e.cfg.MaxHalfOpen
	proved := from.validated || path.Reliable // by a token, or by the carrier's own handshake
	switch {
	case !proved && e.cfg.TokenKey != nil && (e.cfg.AlwaysRetry || full):
		return e.retryReply(unix, path, h)
	case !proved && full, len(e.halfOpen) >= provedFactor*e.cfg.MaxHalfOpen:
		return Route{} // the client asks again, by its probe timeout
	}
	if !e.opens(h, datagram) {
		return Route{} // damaged, or not meant for us: nothing is kept for it
	}
	cfg, refuse := e.cfg.Accept(path.Remote, from.validated)
	if refuse {
		return Route{}
	}
	c, err := newServer(cfg, now, path, from)
	if err != nil {
		return Route{}
	}
	if e.cfg.TokenKey != nil {
		c.pending.newToken = e.addressToken(unix, path, PathMemory{})
		c.makeToken = func(m PathMemory) []byte {
			return e.addressToken(unix+int64(c.now.Sub(c.start).Seconds()), c.path, m)
		}
	}
	for _, id := range c.ids() {
		e.byID[id] = c
	}
	e.halfOpen[c] = struct{}{}
	return Route{Conn: c, New: true}
}

// opens reports whether the packet opens with the Initial keys.
func (e *Endpoint) opens(h wire.LongHeader, datagram []byte) bool {
	client, _ := seal.InitialKeys(h.Destination)
	e.scratch = append(e.scratch[:0], datagram[h.HeaderLen:h.PacketLen]...)
	_, err := client.Open(e.scratch[:0], datagram[:h.HeaderLen], e.scratch, 0, h.PacketNumber)
	return err == nil
}

// checkToken takes what a token proves.
func (e *Endpoint) checkToken(from *initialContext, unix int64, path Path, token []byte) {
	t, err := seal.OpenToken(e.cfg.TokenKey, token)
	if err != nil {
		return
	}
	age := unix - t.IssuedAt
	switch t.Kind {
	case seal.TokenRetry:
		if t.Proves(path.Remote) && age >= 0 && age <= retryTokenLife {
			from.validated, from.retry, from.original = true, true, t.OriginalDestination
		}
	case seal.TokenAddress:
		if t.Proves(path.Remote) && age >= 0 && age <= addressTokenLife {
			from.validated = true
			from.memory = PathMemory{RTT: t.PathRTT, Rate: t.PathRate, Loss: t.PathLoss}
		}
	}
}

// addressToken makes the token of NEW_TOKEN, for the client's next connection.
func (e *Endpoint) addressToken(unix int64, path Path, m PathMemory) []byte {
	token, err := seal.SealToken(e.cfg.TokenKey, seal.Token{
		Kind: seal.TokenAddress, Address: path.Remote, IssuedAt: unix,
		PathRTT: m.RTT, PathRate: m.Rate, PathLoss: m.Loss,
	}, e.cfg.Rand)
	if err != nil {
		return nil
	}
	return token
}

// retryReply asks the client to come back with a token (§3.4).
func (e *Endpoint) retryReply(unix int64, path Path, h wire.LongHeader) Route {
	token, err := seal.SealToken(e.cfg.TokenKey, seal.Token{
		Kind: seal.TokenRetry, Address: path.Remote, IssuedAt: unix, OriginalDestination: h.Destination,
	}, e.cfg.Rand)
	if err != nil {
		return Route{}
	}
	var source wire.ConnectionID
	if _, err := io.ReadFull(e.cfg.Rand, source[:]); err != nil {
		return Route{}
	}
	e.reply = wire.AppendRetryWithoutTag(e.reply[:0], wire.Retry{
		Version: wire.Version1, Destination: h.Source, Source: source, Token: token,
	})
	tag := seal.RetryTag(h.Destination, e.reply)
	e.reply = append(e.reply, tag[:]...)
	return Route{Reply: e.reply}
}

// versionReply says which versions this server speaks (§3.5).
func (e *Endpoint) versionReply(h wire.LongHeader) Route {
	if h.Version == 0 {
		return Route{} // a version negotiation packet is never answered with one
	}
	e.reply = wire.AppendVersionNegotiation(e.reply[:0], wire.VersionNegotiation{
		Destination: h.Source, Source: h.Destination, Versions: []uint32{wire.Version1},
	})
	return Route{Reply: e.reply}
}

// resetReply answers a packet of a connection that is unknown here (§3.6).
func (e *Endpoint) resetReply(id wire.ConnectionID, datagram []byte) Route {
	if e.cfg.ResetKey == nil || len(datagram) <= wire.MinStatelessReset {
		return Route{}
	}
	n := min(len(datagram)-1, wire.MinStatelessReset+5)
	e.reply = append(e.reply[:0], make([]byte, n)...)
	if _, err := io.ReadFull(e.cfg.Rand, e.reply[:n-wire.TagLen]); err != nil {
		return Route{}
	}
	e.reply[0] = e.reply[0]&0x3f | 0x40
	token := seal.ResetToken(e.cfg.ResetKey, id)
	copy(e.reply[n-wire.TagLen:], token[:])
	return Route{Reply: e.reply}
}
