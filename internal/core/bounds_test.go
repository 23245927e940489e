package core

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/wire"
)

// TestPiecesAreBounded has a peer send single bytes with gaps between them.
func TestPiecesAreBounded(t *testing.T) {
	c := newTestClient(t, nil)
	for i := range uint64(3) {
		if err := c.handleData(&wire.Data{Transfer: 1, Offset: 2 * i, Bytes: []byte{0}}); err != nil {
			t.Fatal(err)
		}
	}
	if c.bulkIn.ranges != 3 {
		t.Errorf("%d pieces are counted", c.bulkIn.ranges)
	}
	if err := c.handleData(&wire.Data{Transfer: 1, Offset: 1, Bytes: []byte{0}}); err != nil || c.bulkIn.ranges != 2 {
		t.Errorf("%d pieces after two were joined, %v", c.bulkIn.ranges, err)
	}
	c.bulkIn.ranges = maxBulkRanges
	var violated *wire.Error
	err := c.handleData(&wire.Data{Transfer: 2, Offset: 100, Bytes: []byte{0}})
	if !errors.As(err, &violated) || violated.Code != wire.CodeLimitExceeded {
		t.Errorf("one piece too many: %v", err)
	}
}

// TestNoEmptyInitial: where a token leaves no room for a frame, no packet is sent.
func TestNoEmptyInitial(t *testing.T) {
	for size := 1100; size < 1300; size++ {
		c := newTestClient(t, nil)
		c.token = make([]byte, size)
		b := c.appendLongPacket(make([]byte, 0, 2*wire.MaxDatagram), 0, wire.MaxDatagram, false)
		if sent := c.spaces[0].next; len(b) > wire.MaxDatagram || (len(b) > 0) != (sent > 0) || sent > 0 && len(c.frames) == 0 {
			t.Fatalf("token of %d bytes: a packet of %d bytes with %d frames", size, len(b), len(c.frames))
		}
	}
}

// TestWaitingPacketsAreBounded sends packets before there are keys for them.
func TestWaitingPacketsAreBounded(t *testing.T) {
	c := newTestClient(t, nil)
	short := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: c.localID})
	short = append(short, bytes.Repeat([]byte{1}, 100)...)
	for range 1000 {
		c.HandleTrain(instant.Time(time.Second), c.path, NotECT, bytes.Clone(short), len(short))
	}
	if len(c.waiting) != maxWaiting {
		t.Errorf("%d packets wait", len(c.waiting))
	}
}

// TestHandshakeBytesAreBounded sends CRYPTO frames far ahead.
func TestHandshakeBytesAreBounded(t *testing.T) {
	c := newTestClient(t, nil)
	if err := c.handleCrypto(0, &wire.Crypto{Offset: maxCryptoBuffer - 1, Data: []byte{1}}); err != nil {
		t.Errorf("the last byte that fits: %v", err)
	}
	var violated *wire.Error
	err := c.handleCrypto(0, &wire.Crypto{Offset: maxCryptoBuffer, Data: []byte{1}})
	if !errors.As(err, &violated) || violated.Code != wire.CodeProtocolViolation {
		t.Errorf("one byte more: %v", err)
	}
}

// TestClosedTransferStaysClosed repeats frames of a transfer that is over.
func TestClosedTransferStaysClosed(t *testing.T) {
	c := newTestClient(t, nil)
	frames := func() error {
		return errors.Join(
			c.handleData(&wire.Data{Transfer: 5, Bytes: []byte("abc")}),
			c.handleBulkEnd(&wire.BulkEnd{Transfer: 5, Size: 3}),
			c.handleResetBulk(&wire.ResetBulk{Transfer: 5, Sent: 1 << 50}),
		)
	}
	if err := c.handleData(&wire.Data{Transfer: 5, Bytes: []byte("abc")}); err != nil {
		t.Fatal(err)
	}
	if err := c.handleBulkEnd(&wire.BulkEnd{Transfer: 5, Size: 3}); err != nil {
		t.Fatal(err)
	}
	if len(c.bulkIn.byID) != 1 {
		t.Fatal("forgotten while the application holds its bytes")
	}
	c.ConsumeBulk(5, 0, 3)
	if len(c.bulkIn.byID) != 0 || c.bulkIn.ranges != 0 {
		t.Fatal("not forgotten")
	}
	received, events := c.bulkIn.credit.received, len(c.events)
	if err := frames(); err != nil {
		t.Error(err)
	}
	c.StopBulk(5, 1)
	c.ConsumeBulk(5, 0, 3)
	if c.bulkIn.credit.received != received || c.bulkIn.credit.consumed != 3 || len(c.events) != events || c.bulkIn.pending() {
		t.Error("a repeat had consequences")
	}
}

// TestIntegrityLimit counts packets that do not open.
func TestIntegrityLimit(t *testing.T) {
	c := newTestClient(t, nil)
	c.openForTest()
	limit := c.spaces[appSpace].read.IntegrityLimit()
	garbage := func() []byte {
		b := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: c.localID})
		return append(b, make([]byte, 50)...)
	}
	c.failures = limit - 1
	c.HandleTrain(c.now, c.path, NotECT, garbage(), 100)
	if c.Err() != nil {
		t.Fatalf("at the limit: %v", c.Err())
	}
	c.HandleTrain(c.now, c.path, NotECT, garbage(), 100)
	var local *LocalError
	if !errors.As(c.Err(), &local) || local.Code != wire.CodeKeyLimit {
		t.Errorf("beyond the limit: %v", c.Err())
	}
}
