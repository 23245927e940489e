package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// firstInitial is the first datagram of a client with that number, which needs
// no padding over TCP.
func firstInitial(n uint64) []byte {
	var destination, source wire.ConnectionID
	binary.BigEndian.PutUint64(destination[:], n)
	binary.BigEndian.PutUint64(source[:], n+1<<32)
	keys, _ := seal.InitialKeys(destination)
	b, lengthAt := wire.AppendLongHeader(nil, wire.LongHeader{
		Type: wire.PacketInitial, Version: wire.Version1, Destination: destination, Source: source,
	})
	body := len(b)
	payload := make([]byte, 40)
	payload[0] = byte(wire.FramePing)
	wire.SetLength(b, lengthAt, 4+len(payload)+wire.TagLen)
	return append(b, keys.Seal(nil, b[:body], payload, 0, 0)...)
}

// framed puts a datagram into a train of its own.
func framed(datagram []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(datagram)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(datagram)))
	return append(b, datagram...)
}

// TestOneConnectionForEachTCPConnection: what belongs to another one is dropped,
// and leaves nothing behind.
func TestOneConnectionForEachTCPConnection(t *testing.T) {
	l := listenReal(t, nil)
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	b := []byte("uft1")
	for n := range 50 {
		b = append(b, framed(firstInitial(uint64(n)))...)
	}
	if _, err := raw.Write(b); err != nil {
		t.Fatal(err)
	}
	// The server ends the TCP connection when it has looked at all of them.
	if err := raw.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, raw) // a reset is an end too
	if stats := l.Stats(); stats.Accepted != 1 {
		t.Errorf("one TCP connection made %d connections", stats.Accepted)
	}
}

// TestStrangersMakeRoom: TCP connections that carry nothing do not keep anybody
// out, however many there are.
func TestStrangersMakeRoom(t *testing.T) {
	l := listenReal(t, nil)
	first, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for range maxStrangers {
		raw, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
	}
	// They are accepted in the order of their coming, so by the time of this one
	// the first has had to go.
	c, err := Dial(t.Context(), l.Addr().String(), &Config{Carrier: TCP})
	if err != nil {
		t.Fatal(err)
	}
	echoed(t, c, 1000)
	l.socket.mu.Lock()
	open := len(l.socket.carriers)
	l.socket.mu.Unlock()
	_ = c.Close()
	if open > maxStrangers+1 {
		t.Errorf("%d TCP connections are open", open)
	}
	if n, err := first.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes for the first stranger", n)
	}
}

// TestSomethingElseOnTheTCPPort is told at once, where TCP was asked for.
func TestSomethingElseOnTheTCPPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n")
		_, _ = io.Copy(io.Discard, conn)
		conn.Close()
	}()
	_, err = Dial(t.Context(), listener.Addr().String(), &Config{Carrier: TCP})
	if err == nil || !strings.Contains(err.Error(), "something else answers") {
		t.Errorf("got %v", err)
	}
	listener.Close()
	<-served
}

// TestReaderOfTCPGetsRoom: a queue that trains of UDP have filled is emptied by
// taking these, and the reader that waits goes on.
func TestReaderOfTCPGetsRoom(t *testing.T) {
	l := listenReal(t, nil)
	c, err := Dial(t.Context(), l.Addr().String(), &Config{Carrier: UDP})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Connected()
	owner := newConn(c.socket, c.cfg, c.remote) // a shell around the same core
	owner.core = c.core
	c.mu.Lock()
	for range maxQueuedMemory / SlabSize {
		owner.deliver(train{large: takeSlab(), length: 2, segmentSize: 2})
	}
	waits := make(chan struct{})
	taken := make(chan struct{})
	go func() {
		close(waits)
		owner.take(train{large: takeSlab(), length: 2, segmentSize: 2, path: pathOfTrain{carried: &carried{}}})
		close(taken)
	}()
	<-waits
	for owner.takeTrains() > 0 {
		continue
	}
	c.mu.Unlock()
	<-taken
	_ = c.Close()
}

// TestFixedLocalPort: the same command may be run again at once, although its
// last TCP connection still holds the port.
func TestFixedLocalPort(t *testing.T) {
	l := listenReal(t, nil)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local := free.Addr().String()
	free.Close()
	for i := range 3 {
		c, err := Dial(t.Context(), l.Addr().String(), &Config{Carrier: TCP, LocalAddress: local})
		if err != nil {
			t.Fatal(err)
		}
		if from := c.LocalAddr().String(); i == 0 && from != local {
			t.Errorf("sent from %s, not from %s", from, local)
		}
		echoed(t, c, 1000)
		_ = c.Close()
	}
}

// TestTCPPortThatSaysNothing: who accepts TCP connections and ends them is named
// as the reason for the silence.
func TestTCPPortThatSaysNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	_, err = Dial(t.Context(), listener.Addr().String(), &Config{Carrier: TCP, HandshakeTimeout: 3 * time.Second})
	var silence *TimeoutError
	if !errors.As(err, &silence) || !errors.Is(silence.SendError, errNoAnswer) {
		t.Errorf("got %v", err)
	}
	listener.Close()
	<-served
}
