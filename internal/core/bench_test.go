package core_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// The train of the benchmarks: as many full blocks as one system call takes.
const (
	trainSegments = 61
	trainBytes    = trainSegments * wire.FullDataDatagram
)

// A pair is a client that sends one endless file to a server, with nothing
// between the two but a buffer: what it costs is what the two cores cost. The
// handshake is the null one, but its packets are sealed and opened with the
// AES-128-GCM that a real one mostly agrees on.
type pair struct {
	tb             testing.TB
	client, server *core.Conn
	up, down       core.Path // as the client sees the path, and the server
	now            instant.Time
	buf            []byte
	drop           func() bool // whether a DATA packet is lost; nil: none is
}

// constant is a file of one byte repeated, all of it in memory.
type constant struct{}

func (constant) Resident(_ uint16, _ uint64, limit int) []byte { return constantBytes[:limit] }

var constantBytes [1 << 16]byte

// newPair connects a client to a server and gives it the file. A fixed rate in
// bit/s takes the place of the controller's; 0 leaves it to the controller.
func newPair(tb testing.TB, fixedRate int64) *pair {
	tb.Helper()
	random := rand.NewChaCha8([32]byte{1})
	near, far := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2")
	p := &pair{
		tb: tb, now: instant.Time(time.Second), buf: make([]byte, trainSegments*wire.MaxDatagram),
		up: core.Path{Local: near, Remote: far}, down: core.Path{Local: far, Remote: near},
	}
	config := func(role seal.Role) core.Config {
		return core.Config{
			Rand: random, Source: constant{}, FixedRate: fixedRate,
			Engine: func(parameters []byte) seal.Engine { return seal.NewNull(role, random, parameters) },
		}
	}
	endpoint := core.NewEndpoint(core.EndpointConfig{
		Rand:   random,
		Accept: func(netip.AddrPort, bool) (core.Config, bool) { return config(seal.Server), false },
	})
	var err error
	if p.client, err = core.NewClient(config(seal.Client), p.now, p.up); err != nil {
		tb.Fatal(err)
	}
	n, _, _, _ := p.client.Transmit(p.now, p.buf, 1)
	p.server = endpoint.Route(p.now, 0, p.down, p.buf[:n]).Conn
	p.toServer(p.buf[:n], n)
	for rounds := 0; !p.client.Connected() || !p.server.Connected(); rounds++ {
		if rounds == 100 {
			tb.Fatal("the handshake does not end")
		}
		p.exchange()
	}
	id, err := p.client.OpenBulk()
	if err != nil {
		tb.Fatal(err)
	}
	p.client.ExtendBulk(id, 1<<50)
	return p
}

// toServer has datagrams arrive at the server, and their blocks be written at
// once.
func (p *pair) toServer(train []byte, size int) {
	p.server.HandleTrain(p.now, p.down, core.NotECT, train, size)
	for {
		block, ok := p.server.NextBlock()
		if !ok {
			break
		}
		p.server.ConsumeBulk(block.Transfer, block.Offset, block.Offset+uint64(len(block.Bytes)))
	}
	p.events(p.server)
}

// events takes the events of a side, of which none may be the end.
func (p *pair) events(of *core.Conn) {
	for {
		e, ok := of.NextEvent()
		if !ok {
			return
		}
		if e.Kind == core.EventClosed {
			p.tb.Fatal(e.Err)
		}
	}
}

// toClient lets the server say what it has to say, and the client hear it.
func (p *pair) toClient() {
	for {
		n, size, _, _ := p.server.Transmit(p.now, p.buf, trainSegments)
		if n == 0 {
			break
		}
		p.client.HandleTrain(p.now, p.up, core.NotECT, p.buf[:n], size)
	}
	p.events(p.client)
}

// expire lets time pass and calls the sides whose timer has run out.
func (p *pair) expire(by time.Duration) {
	p.now = p.now.Add(by)
	for _, side := range []*core.Conn{p.client, p.server} {
		if !side.Deadline().After(p.now) {
			side.HandleTimeout(p.now)
		}
	}
}

// lose takes the datagrams out of a train that do not arrive.
func (p *pair) lose(train []byte, size int) []byte {
	if p.drop == nil {
		return train
	}
	kept := train[:0]
	for len(train) > 0 {
		n := min(size, len(train))
		if !p.drop() {
			kept = append(kept, train[:n]...)
		}
		train = train[n:]
	}
	return kept
}

// oneWay is the time between the two sides.
const oneWay = 50 * time.Microsecond

// exchange lets the client send what it may, up to one whole train, and brings
// back what the server says to it. It reports whether there was a whole train.
func (p *pair) exchange() (full bool) {
	for !full {
		n, size, _, _ := p.client.Transmit(p.now, p.buf, trainSegments)
		if n == 0 {
			break
		}
		full = n == trainBytes
		p.toServer(p.lose(p.buf[:n], size), size)
	}
	p.expire(oneWay)
	p.toClient()
	p.expire(oneWay)
	return full
}

// train exchanges until one whole train has left.
func (p *pair) train() {
	for idle := 0; !p.exchange(); idle++ {
		if idle == 100_000 {
			p.tb.Fatal("no whole train leaves")
		}
	}
}

// settle brings the pair into its steady state: the rate is found, and all
// buffers have grown to what they need.
func (p *pair) settle() {
	for range 3000 {
		p.train()
	}
}

// BenchmarkTrain measures both sides together: a train out at the sender, in at
// the receiver, and its share of the acknowledgements back.
func BenchmarkTrain(b *testing.B) {
	p := newPair(b, 0)
	p.settle()
	b.SetBytes(trainBytes)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		p.train()
	}
}

// BenchmarkSendTrain measures the sender: a train out, and its share of the
// acknowledgements in.
func BenchmarkSendTrain(b *testing.B) { benchmarkSide(b, b.StartTimer, b.StopTimer) }

// BenchmarkReceiveTrain measures the receiver: a train in, its blocks taken, and
// its share of the acknowledgements out.
func BenchmarkReceiveTrain(b *testing.B) { benchmarkSide(b, b.StopTimer, b.StartTimer) }

func benchmarkSide(b *testing.B, sender, receiver func()) {
	f := newFlights(b)
	b.SetBytes(trainBytes)
	b.ReportAllocs()
	b.ResetTimer()
	f.exchange(b.N, sender, receiver)
}

// flights are trains that cross several at a time, so that what one side does
// with them can be told from what the other does. The rate is fixed, and beyond
// what any machine reaches, so that no train is short.
type flights struct {
	*pair
	trains  [flightTrains][trainBytes]byte
	answers [flightTrains][]byte
}

const (
	flightTrains = 16
	flightRate   = 100e9 // bit/s
)

// newFlights returns a pair in its steady state.
func newFlights(tb testing.TB) *flights {
	f := &flights{pair: newPair(tb, flightRate)}
	for i := range f.answers {
		f.answers[i] = make([]byte, wire.MaxDatagram)
	}
	f.settle()
	nothing := func() {}
	f.exchange(10_000, nothing, nothing)
	return f
}

// exchange sends that many trains and brings the acknowledgements back. It
// calls sender and receiver where the work of that side begins.
func (f *flights) exchange(trains int, sender, receiver func()) {
	for trains > 0 {
		sender()
		n := min(trains, flightTrains)
		f.send(f.trains[:n])
		receiver()
		f.now = f.now.Add(oneWay)
		count := 0
		for i := range n {
			f.toServer(f.trains[i][:], wire.FullDataDatagram)
			count += f.answer(f.answers[count:])
		}
		f.now = f.now.Add(oneWay)
		sender()
		for _, answer := range f.answers[:count] {
			f.client.HandleTrain(f.now, f.up, core.NotECT, answer, len(answer))
		}
		trains -= n
	}
}

// send writes whole trains. What the client says in between, the server hears
// at once.
func (f *flights) send(trains [][trainBytes]byte) {
	for i := 0; i < len(trains); {
		n, _, _, _ := f.client.Transmit(f.now, f.buf, trainSegments)
		switch n {
		case 0:
			f.tb.Fatal("the window is shut")
		case trainBytes:
			copy(trains[i][:], f.buf)
			i++
		default:
			f.toServer(f.buf[:n], n)
		}
	}
}

// answer writes what the server has to say into the given buffers, and returns
// how many datagrams it was.
func (f *flights) answer(into [][]byte) (count int) {
	for count < len(into) {
		datagram := into[count][:wire.MaxDatagram]
		n, _, _, _ := f.server.Transmit(f.now, datagram, 1)
		if n == 0 {
			break
		}
		into[count] = datagram[:n]
		count++
	}
	return count
}
