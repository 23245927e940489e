package transport

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// streamPair opens a stream at the client and accepts it at the server.
func streamPair(t *testing.T, w *world) (a, b *Stream) {
	t.Helper()
	c := w.dial(nil)
	s := w.accept()
	a, err := c.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if b, err = s.AcceptStream(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if a.ID() != b.ID() {
		t.Errorf("stream %d arrives as %d", a.ID(), b.ID())
	}
	return a, b
}

func TestStreamDeadlines(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		a, b := streamPair(t, w)
		p := make([]byte, 10)
		start := time.Now()
		_ = b.SetReadDeadline(start.Add(3 * time.Second))
		if _, err := b.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("Read after %v: %v", time.Since(start), err)
		}
		if _, err := b.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read after the deadline: %v", err)
		}
		_ = b.SetReadDeadline(time.Time{})
		if _, err := a.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Read(p); err != nil || string(p[:n]) != "hello" {
			t.Errorf("Read without a deadline: %q, %v", p[:n], err)
		}
		// Nobody reads, so a large Write has to stop at some time.
		_ = a.SetDeadline(time.Now().Add(time.Second))
		if n, err := a.Write(make([]byte, 10<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == 10<<20 {
			t.Errorf("Write: %d, %v", n, err)
		}
		_ = a.SetDeadline(time.Now().Add(-time.Second))
		if _, err := a.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read with a deadline in the past: %v", err)
		}
	})
}

func TestStreamReset(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		a, b := streamPair(t, w)
		a.Reset(99)
		var broken *StreamError
		if _, err := b.Read(make([]byte, 10)); !errors.As(err, &broken) || broken.Code != 99 || !broken.Remote || broken.Bulk {
			t.Errorf("Read from a broken stream: %v", err)
		}
		var err error
		for err == nil {
			time.Sleep(time.Millisecond)
			_, err = b.Write([]byte("anybody there?"))
		}
		if !errors.As(err, &broken) || broken.Code != 99 {
			t.Errorf("Write to a broken stream: %v", err)
		}
		if _, err := a.Read(make([]byte, 10)); !errors.Is(err, ErrClosed) {
			t.Errorf("Read after Reset: %v", err)
		}
	})
}

func TestStreamClose(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		a, b := streamPair(t, w)
		if _, err := a.Write([]byte("last words")); err != nil {
			t.Fatal(err)
		}
		reading := make(chan error)
		go func() {
			_, err := a.Read(make([]byte, 10))
			reading <- err
		}()
		time.Sleep(time.Second)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if err := <-reading; !errors.Is(err, ErrClosed) {
			t.Errorf("a Read that waits: %v", err)
		}
		if got, err := io.ReadAll(b); err != nil || string(got) != "last words" {
			t.Errorf("%q, %v", got, err)
		}
		if n, err := b.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			t.Errorf("Read after the end: %d, %v", n, err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
		if err := a.Close(); !errors.Is(err, ErrClosed) {
			t.Errorf("a second Close: %v", err)
		}
	})
}

func TestHalfClosedStream(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		a, b := streamPair(t, w)
		if err := a.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Write after CloseWrite: %v", err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read of a half-closed stream: %v", err)
		}
		if _, err := b.Write([]byte("still open")); err != nil {
			t.Fatal(err)
		}
		_ = b.CloseWrite()
		if got, err := io.ReadAll(a); err != nil || string(got) != "still open" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestBytesOutliveTheConnection(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		a, b := streamPair(t, w)
		if _, err := a.Write([]byte("before the end")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		a.conn.Close()
		<-b.conn.Done()
		p := make([]byte, 100)
		if n, err := b.Read(p); err != nil || string(p[:n]) != "before the end" {
			t.Errorf("%q, %v", p[:n], err)
		}
		var closed *CloseError
		if _, err := b.Read(p); !errors.As(err, &closed) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestDeadlineMovesWhileWaitedFor(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, nil, func(t *testing.T, w *world) {
		_, b := streamPair(t, w)
		start := time.Now()
		_ = b.SetReadDeadline(start.Add(time.Hour))
		ended := make(chan error)
		go func() {
			_, err := b.Read(make([]byte, 1))
			ended <- err
		}()
		time.Sleep(time.Second)
		_ = b.SetReadDeadline(start.Add(5 * time.Second))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("Read ends after %v: %v", time.Since(start), err)
		}
	})
}
