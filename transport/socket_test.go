package transport

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/wire"
)

func TestTrainsAreSplitByConnection(t *testing.T) {
	const size = 100
	datagram := func(id byte, n int) []byte {
		header := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: wire.ConnectionID{id}})
		return append(header, make([]byte, n-len(header))...)
	}
	long := func(id byte, n int) []byte {
		header, _ := wire.AppendLongHeader(nil, wire.LongHeader{
			Type: wire.PacketHandshake, Version: wire.Version1, Destination: wire.ConnectionID{id},
		})
		return append(header, make([]byte, n-len(header))...)
	}
	for _, test := range []struct {
		name  string
		train [][]byte
		want  []int // datagrams in each run
	}{
		{"one datagram", [][]byte{datagram(1, size)}, []int{1}},
		{"one connection", [][]byte{datagram(1, size), datagram(1, size), datagram(1, 50)}, []int{3}},
		{"two connections", [][]byte{datagram(1, size), datagram(2, size), datagram(2, size), datagram(1, 50)}, []int{1, 2, 1}},
		{"two forms of header", [][]byte{long(1, size), long(1, size), datagram(1, size)}, []int{2, 1}},
		{"nothing of ours", [][]byte{make([]byte, size), make([]byte, size)}, []int{1, 1}},
		{"too short at the end", [][]byte{datagram(1, size), make([]byte, 5)}, []int{1, 1}},
	} {
		rest := bytes.Join(test.train, nil)
		for _, want := range test.want {
			n := (sameConnection(rest, size) + size - 1) / size
			if n != want {
				t.Errorf("%s: a run of %d datagrams, want %d", test.name, n, want)
			}
			rest = rest[min(len(rest), n*size):]
		}
		if len(rest) > 0 {
			t.Errorf("%s: %d bytes are left", test.name, len(rest))
		}
	}
}

func TestMoreClientsThanHalfOpenConnections(t *testing.T) {
	// Beyond maxHalfOpen the server asks for proof of the address before it
	// keeps anything (Retry), which costs a round trip and no client.
	inWorld(t, link.Config{Delay: 50 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		checked, err := (*Config)(nil).checked()
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		conns := make([]*Conn, maxHalfOpen+30)
		for i := range conns {
			socket, err := w.net.Listen(clientAddress)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				candidates := []netip.AddrPort{serverAddress}
				var err error
				if conns[i], err = dialOn(t.Context(), socket, "test", candidates, checked); err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			})
		}
		all.Wait()
		for _, c := range conns {
			if c != nil {
				w.conns = append(w.conns, c)
			}
		}
		// A copy of a first flight that crossed the Retry may have opened a
		// connection that nobody completes.
		time.Sleep(time.Minute)
		if stats := w.listener.Stats(); stats.Connections != len(conns) {
			t.Errorf("%d connections, want %d", stats.Connections, len(conns))
		}
	})
}

func TestRestartedServerResetsItsOldConnections(t *testing.T) {
	_, identity, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &Config{Identity: identity}
	inWorld(t, link.Config{Delay: time.Millisecond}, cfg, func(t *testing.T, w *world) {
		c := w.dial(nil)
		w.accept()
		stream, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.listener.socket.udp.Close() // the process dies without a word
		<-w.listener.socket.readerDone
		w.listener.Close()
		w.listener = w.listen(cfg)
		if _, err := stream.Write([]byte("still there?")); err != nil {
			t.Fatal(err)
		}
		_, err = stream.Read(make([]byte, 1))
		var reset *ResetError
		if !errors.As(err, &reset) {
			t.Errorf("the client finds %v", err)
		}
	})
}

func TestOwnerThatIsBehindDropsTrains(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		c.mu.Lock() // the owner cannot go on
		for range 2 * maxQueuedTrains {
			c.deliver(copyTrain(make([]byte, 1000), 100, pathOfTrain{}))
		}
		if memory := c.queuedMemory.Load(); memory > maxQueuedMemory {
			t.Errorf("%d bytes are queued", memory)
		}
		for range 2 * maxQueuedTrains {
			c.deliver(copyTrain(make([]byte, SlabSize), 1000, pathOfTrain{}))
		}
		if memory := c.queuedMemory.Load(); memory > maxQueuedMemory {
			t.Errorf("%d bytes are queued", memory)
		}
		c.mu.Unlock()
		if drops := c.Stats().QueueDrops; drops < 10*(maxQueuedTrains-2)+66*(2*maxQueuedTrains-maxQueuedMemory/SlabSize) {
			t.Errorf("%d drops counted", drops)
		}
		// It was loss, and nothing else.
		go echo(w.accept())
		if got, err := roundTrip(c, []byte("x")); err != nil || string(got) != "x" {
			t.Errorf("%q, %v", got, err)
		}
	})
}
