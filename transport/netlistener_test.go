package transport

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/uft/internal/link"
)

// serveEcho accepts from a net.Listener as programs do that know no other, and
// sends everything back. It returns a channel that is closed when Accept fails,
// and with what.
func serveEcho(l net.Listener) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			s, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			go func() {
				defer s.Close()
				_, _ = io.Copy(s, s)
			}()
		}
	}()
	return ended
}

// mustRoundTrip sends n bytes on a stream of their own, which have to come back.
func mustRoundTrip(t *testing.T, c *Conn, n int, seed uint64) {
	t.Helper()
	p := random(n, seed)
	if got, err := roundTrip(c, p); err != nil || !bytes.Equal(got, p) {
		t.Errorf("%d of %d bytes came back, error %v", len(got), n, err)
	}
}

func TestStreamsOfAllConnectionsAreAccepted(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		ended := serveEcho(w.listener.Streams())
		w.dial(nil) // which opens no stream, and holds up nobody
		first, second := w.dial(nil), w.dial(nil)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() { mustRoundTrip(t, first, 1000+i, uint64(i)) })
			all.Go(func() { mustRoundTrip(t, second, 2000+i, uint64(i)) })
		}
		all.Wait()
		w.listener.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept of a closed Listener: %v", err)
		}
	})
}

func TestStreamListenerClose(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		face := w.listener.Streams()
		ended := serveEcho(face)
		c := w.dial(nil)
		living, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		echoOnce(t, living, "before")

		if err := face.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("an Accept that waited: %v", err)
		}
		if _, err := face.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
		if err := face.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close: %v", err)
		}

		echoOnce(t, living, "after")
		var refused *StreamError
		if _, err := roundTrip(c, []byte("x")); !errors.As(err, &refused) || !refused.Remote {
			t.Errorf("a new stream: %v, want that the server breaks it off", err)
		}
		late := w.dial(nil)
		var closed *CloseError
		if <-late.Done(); !errors.As(late.Err(), &closed) || !closed.Remote {
			t.Errorf("a new connection: %v, want that the server closes it", late.Err())
		}
		echoOnce(t, living, "at last")
	})
}

// echoOnce writes a text to a stream and reads it again.
func echoOnce(t *testing.T, s net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(s, text); err != nil {
		t.Error(err)
		return
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(s, got); err != nil || string(got) != text {
		t.Errorf("%q came back, %v; want %q", got, err, text)
	}
}

func TestStreamsThatNobodyAcceptsGoWithTheirConnection(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		face := w.listener.Streams()
		c := w.dial(nil)
		for range 3 {
			s, err := c.OpenStream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		c.Close()
		time.Sleep(time.Second)
		// A stream of the dead connection would come before this one.
		c = w.dial(nil)
		s, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		accepted, err := face.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if accepted.RemoteAddr().String() != c.LocalAddr().String() {
			t.Errorf("a stream from %v, want one from %v", accepted.RemoteAddr(), c.LocalAddr())
		}
	})
}

func TestStreamListenerRefusesTransfers(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		serveEcho(w.listener.Streams())
		c := w.dial(nil)
		b, err := c.OpenBulk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var refused *StreamError
		if err := sendAll(b, random(20<<20, 1)); !errors.As(err, &refused) || !refused.Remote {
			t.Errorf("sending: %v, want that the server breaks it off", err)
		}
		mustRoundTrip(t, c, 1000, 1)
	})
}

// resumed returns a connection that sends before the end of the handshake.
func resumed(t *testing.T, w *world) *Conn {
	t.Helper()
	cfg := &Config{Session: &memoryStore{}}
	c := w.dial(cfg)
	time.Sleep(time.Second) // for the ticket and the token
	c.Close()
	c = w.dial(cfg)
	if !c.EarlyData() {
		t.Fatal("no early data is sent")
	}
	return c
}

// acceptOne returns what the next Accept does.
func acceptOne(l net.Listener) <-chan net.Conn {
	accepted := make(chan net.Conn, 1)
	go func() {
		if s, err := l.Accept(); err == nil {
			accepted <- s
		}
		close(accepted)
	}()
	return accepted
}

func TestStreamIsHandedOutAfterTheHandshake(t *testing.T) {
	const delay = 50 * time.Millisecond
	inWorld(t, link.Config{Delay: delay}, nil, func(t *testing.T, w *world) {
		face := w.listener.Streams()
		c := resumed(t, w)
		accepted := acceptOne(face)
		start := time.Now()
		s, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		stream := <-accepted
		// There with the data, back, and there again with the end of the
		// handshake.
		if elapsed := time.Since(start); elapsed < 3*delay {
			t.Errorf("the stream was handed out after %v, and the handshake takes %v", elapsed, 3*delay)
		}
		if stream.(*Stream).conn.EarlyData() {
			t.Error("the stream was handed out before the end of the handshake")
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != "hello" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestReplayIsNotHandedOut lets the server hear what it would hear of a replay:
// the first datagrams of a client, and nothing that answers its own.
func TestReplayIsNotHandedOut(t *testing.T) {
	inWorld(t, link.Config{Delay: 50 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		face := w.listener.Streams()
		c := resumed(t, w)
		accepted := acceptOne(face)
		s, err := c.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("pay")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until the data has left
		c.socket.udp.Close()
		time.Sleep(60 * time.Millisecond) // until it has arrived
		if n := w.listener.Stats().Accepted; n != 2 {
			t.Fatalf("the server knows of %d connections, want 2", n)
		}
		time.Sleep(time.Minute)
		if n := w.listener.Stats().Connections; n != 0 {
			t.Errorf("the server still has %d connections", n)
		}
		face.Close()
		if stream := <-accepted; stream != nil {
			t.Error("a stream of a connection was handed out whose handshake was never completed")
		}
	})
}

func TestAwaitHandshake(t *testing.T) {
	inWorld(t, link.Config{Delay: 50 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := resumed(t, w)
		if err := c.awaitHandshake(t.Context()); err != nil || c.EarlyData() {
			t.Errorf("error %v, early data: %v", err, c.EarlyData())
		}

		c = resumed(t, w)
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := c.awaitHandshake(ctx); err != cause {
			t.Errorf("a cancelled context: %v", err)
		}
		if <-c.Done(); c.awaitHandshake(t.Context()) != c.Err() {
			t.Error("the error is not that of the connection")
		}
	})
}

func TestStreamDialerSharesOneConnection(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	serveEcho(l.Streams())
	d := &StreamDialer{}
	defer d.Close()
	address := l.Addr().String()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			s, err := d.DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			echoOnce(t, s, "hello")
		})
	}
	all.Wait()
	if n := l.Stats().Accepted; n != 1 {
		t.Errorf("%d connections for 20 streams", n)
	}
}

func TestStreamDialerDialsAgain(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	face := l.Streams()
	d := &StreamDialer{}
	defer d.Close()
	address := l.Addr().String()
	for range 2 {
		s, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		accepted, err := face.Accept()
		if err != nil {
			t.Fatal(err)
		}
		accepted.(*Stream).conn.Close()
		<-s.(*Stream).conn.Done()
	}
	if n := l.Stats().Accepted; n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}

func TestStreamDialerErrors(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	d := &StreamDialer{}
	address := silent.LocalAddr().String()

	// The context of the one who dials ends its attempt, and nobody else's.
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	heard := make([]byte, 2000)
	var all sync.WaitGroup
	all.Go(func() {
		if s, err := d.DialContext(ctx, "tcp", address); s != nil || !errors.Is(err, cause) {
			t.Errorf("dialling with a cancelled context: %v, %v", s, err)
		}
	})
	_, first, _ := silent.ReadFrom(heard) // it dials
	patient, stop := context.WithCancelCause(t.Context())
	all.Go(func() {
		if s, err := d.DialContext(patient, "tcp", address); s != nil || !errors.Is(err, cause) {
			t.Errorf("waiting with a cancelled context: %v, %v", s, err)
		}
	})
	cancel(cause)
	for from := first; from.String() == first.String(); { // until the other one dials
		_, from, _ = silent.ReadFrom(heard)
	}
	stop(cause)
	all.Wait()

	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if s, err := d.DialContext(t.Context(), "tcp", address); s != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v, %v", s, err)
	}
}

// TestStreamDialerCloseWhileDialling closes the dialer in the middle of the
// handshake, which may not leave a connection behind.
func TestStreamDialerCloseWhileDialling(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	d := &StreamDialer{}
	d.Config = &Config{VerifyServer: func(ed25519.PublicKey) error { return d.Close() }}
	if s, err := d.DialContext(t.Context(), "tcp", l.Addr().String()); s != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, %v", s, err)
	}
}
