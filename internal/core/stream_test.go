package core

import (
	"errors"
	"io"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/wire"
)

func TestStreamErrors(t *testing.T) {
	c := newTestClient(t, nil)
	c.openForTest()
	now := instant.Time(time.Second)
	if _, err := c.ReadStream(now, 0, nil); !errors.Is(err, ErrNoStream) {
		t.Errorf("unknown stream: %v", err)
	}
	id, err := c.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.ReadStream(now, id, make([]byte, 9)); n != 0 || err != nil {
		t.Errorf("nothing there: %d, %v", n, err)
	}
	if n, err := c.WriteStream(id, make([]byte, streamBuffer+5)); n != streamBuffer || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if err := c.handleStream(&wire.Stream{ID: id, Data: []byte("abc"), Fin: true}); err != nil {
		t.Fatal(err)
	}
	var p [3]byte
	if n, err := c.ReadStream(now, id, p[:]); n != 3 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	if _, err := c.ReadStream(now, id, p[:]); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	_ = c.FinishStream(id)
	if _, err := c.WriteStream(id, p[:]); !errors.Is(err, ErrFinished) {
		t.Errorf("after the end: %v", err)
	}
	other, _ := c.OpenStream()
	if err := c.handleStopSending(&wire.StopSending{ID: other, Code: 5}); err != nil {
		t.Fatal(err)
	}
	var stopped *StreamError
	if _, err := c.WriteStream(other, p[:]); !errors.As(err, &stopped) || stopped.Code != 5 {
		t.Errorf("after STOP_SENDING: %v", err)
	}
	if err := c.handleResetStream(&wire.ResetStream{ID: other, Code: 6}); err != nil {
		t.Fatal(err)
	}
	var reset *StreamError
	if _, err := c.ReadStream(now, other, p[:]); !errors.As(err, &reset) || reset.Code != 6 {
		t.Errorf("after RESET_STREAM: %v", err)
	}
	c.Close(now, 1, "over")
	if _, err := c.OpenStream(); err == nil {
		t.Error("a stream was opened after the end")
	}
	if _, err := c.OpenBulk(); err == nil {
		t.Error("a transfer was opened after the end")
	}
}

// TestStoppedStream lets the peer end a stream that is not read any more: its
// credit must come back, and the stream be forgotten.
func TestStoppedStream(t *testing.T) {
	for _, reset := range []bool{false, true} {
		c := newTestClient(t, nil)
		c.openForTest()
		id, _ := c.OpenStream()
		receive := func(offset uint64, n int, fin bool) {
			t.Helper()
			if err := c.handleStream(&wire.Stream{ID: id, Offset: offset, Data: make([]byte, n), Fin: fin}); err != nil {
				t.Fatal(err)
			}
		}
		receive(0, 100, false)
		c.StopStream(id, 1)
		if c.streams.credit.consumed != 100 {
			t.Errorf("%d bytes of credit came back with the stop", c.streams.credit.consumed)
		}
		c.ResetStream(id, 2)
		c.frameAcked(sentFrame{kind: sentResetStream, id: id})
		receive(200, 100, false)
		if c.streams.credit.consumed != 300 {
			t.Errorf("%d bytes of credit came back for what came later", c.streams.credit.consumed)
		}
		if reset {
			if err := c.handleResetStream(&wire.ResetStream{ID: id, FinalSize: 500}); err != nil {
				t.Fatal(err)
			}
		} else {
			receive(300, 200, true)
		}
		if c.streams.credit.consumed != 500 || len(c.streams.order) != 0 {
			t.Errorf("reset %v: %d bytes of credit came back, %d streams are left", reset, c.streams.credit.consumed, len(c.streams.order))
		}
	}
}
