package sim

import (
	"net/netip"
	"slices"

	"example.com/uft/internal/core"
	"example.com/uft/internal/seal"
)

// ServerAddress is where the server listens.
var ServerAddress = netip.MustParseAddrPort("192.0.2.1:4433")

// unixEpoch is the wall clock, in seconds, when virtual time was zero.
const unixEpoch = 1_700_000_000

// Server is the server's endpoint and what it does with connections.
type Server struct {
	network  *Network
	endpoint *core.Endpoint
	resetKey []byte
	tokenKey *seal.TokenKey
	restarts uint64
	byConn   map[*core.Conn]*Peer

	// Peers are all connections ever accepted, in that order.
	Peers []*Peer
	// Replies counts the datagrams that the endpoint answered by itself.
	Replies int
}

func newServer(n *Network) *Server {
	random := n.random(1)
	var secrets [64]byte
	random.Read(secrets[:])
	key, err := seal.NewTokenKey(secrets[:32])
	if err != nil {
		panic("sim: token key: " + err.Error()) // the length is a constant that fits
	}
	s := &Server{network: n, resetKey: secrets[32:], tokenKey: key}
	s.start()
	return s
}

// start makes the endpoint: at first, and after every restart.
func (s *Server) start() {
	random := s.network.random(1000 + s.restarts)
	cfg := core.EndpointConfig{
		Rand: random, ResetKey: s.resetKey, TokenKey: s.tokenKey,
		Accept: func(netip.AddrPort, bool) (core.Config, bool) {
			return s.network.connConfig(core.Server, random, func(parameters []byte) seal.Engine {
				engine := seal.NewNull(seal.Server, random, parameters)
				engine.AllowEarly = s.network.cfg.AllowEarly
				return engine
			}), false
		},
	}
	if change := s.network.cfg.Endpoint; change != nil {
		change(&cfg)
	}
	s.endpoint = core.NewEndpoint(cfg)
	s.byConn = make(map[*core.Conn]*Peer)
}

// Restart forgets every connection, as a process that is killed and started
// again does. Its keys for tokens and resets survive.
func (s *Server) Restart() {
	n := s.network
	kept := n.peers[:0]
	for _, p := range n.peers {
		if p.Role == core.Client {
			kept = append(kept, p)
		}
	}
	clear(n.peers[len(kept):])
	n.peers = kept
	s.restarts++
	s.start()
}

// Endpoint returns the endpoint as it is now.
func (s *Server) Endpoint() *core.Endpoint { return s.endpoint }

// receive finds the connection of every datagram of a train.
func (s *Server) receive(a *arrival, train []byte, size int) {
	path := s.network.path(ServerAddress, a.from, a.connection)
	n := s.network
	var to *Peer // of the datagrams train[begin:at]
	begin := 0
	for at := 0; at < len(train); at += size {
		datagram := train[at:min(at+size, len(train))]
		r := s.endpoint.Route(n.now, unixEpoch+int64(n.now.Sub(0).Seconds()), path, datagram)
		if r.Reply != nil {
			s.Replies++
			n.send(Down, ServerAddress, a.from, a.connection, r.Reply)
		}
		peer := s.peer(r, a.from)
		if peer != to {
			s.handOver(to, path, a, train[begin:at], size)
			to, begin = peer, at
		}
	}
	s.handOver(to, path, a, train[begin:], size)
}

func (s *Server) handOver(to *Peer, path core.Path, a *arrival, train []byte, size int) {
	if to != nil && len(train) > 0 {
		to.receive(path, a.ecn, train, size)
	}
}

// peer returns the application of a connection, a new one where the
// connection is new.
func (s *Server) peer(r core.Route, from netip.AddrPort) *Peer {
	if r.Conn == nil {
		return nil
	}
	if !r.New {
		return s.byConn[r.Conn]
	}
	p := newPeer(s.network, core.Server, r.Conn)
	s.byConn[r.Conn] = p
	s.Peers = append(s.Peers, p)
	if client := s.network.clients[from]; client != nil && client.Other == nil {
		client.Other, p.Other = p, client
	}
	return p
}

// connConfig is the configuration of one side of a connection.
func (n *Network) connConfig(role core.Role, random interface{ Read([]byte) (int, error) }, engine func([]byte) seal.Engine) core.Config {
	cfg := core.Config{Rand: random, Engine: engine, Source: &source{sender: role, resident: n.cfg.Resident}}
	if n.cfg.Late > 0 {
		cfg.Source = &lateSource{BlockSource: cfg.Source, network: n}
	}
	change := n.cfg.Client
	if role == core.Server {
		cfg.ResetKey = n.server.resetKey
		change = n.cfg.Server
	}
	if n.cfg.Trace != nil {
		cfg.Trace = func(e core.TraceEvent) { n.cfg.Trace(role.String(), e) }
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// source gives out the file bytes of one side.
type source struct {
	sender   core.Role
	resident func(sender core.Role, transfer uint16, offset uint64) bool
	memory   []byte
}

// sourceBlock is up to where a source is in memory, or not, as a whole.
const sourceBlock = 1024

// Resident implements core.BlockSource.
func (s *source) Resident(transfer uint16, offset uint64, limit int) []byte {
	n := limit
	if s.resident != nil {
		for n = 0; n < limit && s.resident(s.sender, transfer, offset+uint64(n)); {
			n = min(n+sourceBlock-int((offset+uint64(n))%sourceBlock), limit)
		}
	}
	s.memory = slices.Grow(s.memory[:0], n)[:n]
	fileContent(s.sender, transfer).fill(s.memory, offset)
	return s.memory
}
