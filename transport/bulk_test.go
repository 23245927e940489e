package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// sendAll sends p as a transfer, from offset on, in full buffers.
func sendAll(b *BulkSender, p []byte) error {
	for len(p) > 0 {
		buf, err := b.Buffer(context.Background())
		if err != nil {
			return err
		}
		n := copy(buf, p)
		if err := b.Send(buf[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return b.Finish()
}

// receiveAll reads a transfer to its end into a slice of size bytes.
func receiveAll(r *BulkReceiver, size int) ([]byte, error) {
	got := make([]byte, size)
	seen := 0
	for {
		slab, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			return got, err
		}
		seen += copy(got[slab.Offset:], slab.Data)
		r.Release(slab)
	}
	if known, ok := r.Size(); !ok || known != int64(size) {
		return got, errors.New("the size is wrong")
	}
	if seen > size {
		return got, errors.New("bytes came twice")
	}
	return got, nil
}

// checkNothingLeft checks that a receiver's connection holds no memory.
func checkNothingLeft(t *testing.T, c *Conn) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slabMemory != 0 || c.backlog != 0 {
		t.Errorf("%d bytes of memory are left at the receiver, %d of them data", c.slabMemory, c.backlog)
	}
}

// transferPair opens a transfer from the client to the server.
func transferPair(t *testing.T, w *world, cfg *Config) (c, s *Conn, b *BulkSender) {
	t.Helper()
	c = w.dial(cfg)
	s = w.accept()
	b, err := c.OpenBulk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c, s, b
}

// incoming returns the next transfer of a connection.
func incoming(t *testing.T, c *Conn) *BulkReceiver {
	t.Helper()
	r, err := c.AcceptBulk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBulk(t *testing.T) {
	for _, path := range []link.Config{
		{Delay: 5 * time.Millisecond},
		{Delay: 40 * time.Millisecond, Loss: 0.2, Jitter: 10 * time.Millisecond, Corrupt: 0.01},
	} {
		for _, size := range []int{0, 1, 1024, SlabSize - 1, SlabSize, SlabSize + 1, 3<<20 + 77} {
			inWorld(t, path, nil, func(t *testing.T, w *world) {
				_, s, b := transferPair(t, w, nil)
				p := random(size, 2)
				go func() {
					if err := sendAll(b, p); err != nil {
						t.Error(err)
					}
				}()
				r := incoming(t, s)
				got, err := receiveAll(r, size)
				if err != nil || !bytes.Equal(got, p) || r.ID() != b.ID() {
					t.Fatalf("%d bytes: error %v, equal %v", size, err, bytes.Equal(got, p))
				}
				<-b.Delivered()
				if sent, acked := b.Progress(); sent != int64(size) || acked != int64(size) || b.Err() != nil {
					t.Errorf("%d bytes: sent %d, acknowledged %d, error %v", size, sent, acked, b.Err())
				}
				checkNothingLeft(t, s)
				if b.resident != 0 {
					t.Errorf("%d bytes: %d are left at the sender", size, b.resident)
				}
			})
		}
	}
}

func TestManyTransfersBothWays(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond, Loss: 0.05}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		s := w.accept()
		const transfers = 40
		failed := make(chan error, 4*transfers)
		for _, end := range []*Conn{c, s} {
			for i := range transfers {
				go func() {
					b, err := end.OpenBulk(context.Background())
					if err == nil {
						err = sendAll(b, random(1000*i, uint64(b.ID())))
					}
					failed <- err
				}()
				go func() {
					r, err := end.AcceptBulk(context.Background())
					if err == nil {
						err = checkTransfer(r)
					}
					failed <- err
				}()
			}
		}
		for range 4 * transfers {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	})
}

// checkTransfer reads a transfer whose bytes are a function of its number.
func checkTransfer(r *BulkReceiver) error {
	all := map[int64][]byte{}
	size := 0
	for {
		slab, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		all[slab.Offset] = append([]byte(nil), slab.Data...)
		size += len(slab.Data)
		r.Release(slab)
	}
	want := random(size, uint64(r.ID()))
	for offset, p := range all {
		if !bytes.Equal(p, want[offset:offset+int64(len(p))]) {
			return errors.New("other bytes came than were sent")
		}
	}
	return nil
}

func TestBuffersOfAnyLength(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond, Loss: 0.1}, nil, func(t *testing.T, w *world) {
		_, s, b := transferPair(t, w, nil)
		p := random(500_000, 4)
		go func() {
			for rest, n := p, 1; len(rest) > 0; n = n*3%40_009 + 1 {
				buf, err := b.Buffer(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				k := copy(buf[:n], rest)
				if err := b.Send(buf[:k]); err != nil {
					t.Error(err)
				}
				rest = rest[k:]
			}
			buf, err := b.Buffer(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			b.Release(buf)
			if err := b.Finish(); err != nil {
				t.Error(err)
			}
		}()
		got, err := receiveAll(incoming(t, s), len(p))
		if err != nil || !bytes.Equal(got, p) {
			t.Fatalf("error %v, equal %v", err, bytes.Equal(got, p))
		}
		<-b.Delivered()
		if b.resident != 0 {
			t.Errorf("%d bytes are left at the sender", b.resident)
		}
	})
}

func TestSkippedBytes(t *testing.T) {
	// What is skipped: whole slabs, an end that is no multiple, and pieces
	// within slabs.
	for _, skips := range [][][2]int{
		{{SlabSize, 4 * SlabSize}},
		{{0, 2 * SlabSize}, {5 * SlabSize, 6*SlabSize + 999}},
		{{0, 6*SlabSize + 999}},
		{{100, 200}, {300, 70_000}, {6 * SlabSize, 6*SlabSize + 10}},
	} {
		inWorld(t, link.Config{Delay: 10 * time.Millisecond, Loss: 0.1}, nil, func(t *testing.T, w *world) {
			_, s, b := transferPair(t, w, nil)
			p := random(6*SlabSize+999, 5)
			want := bytes.Clone(p)
			for _, skip := range skips {
				clear(want[skip[0]:skip[1]])
			}
			at := 0
			send := func(to int) {
				for at < to {
					buf, err := b.Buffer(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					// Slabs end at multiples of SlabSize again after a Skip.
					n := copy(buf[:min(SlabSize-at%SlabSize, to-at)], p[at:to])
					if err := b.Send(buf[:n]); err != nil {
						t.Fatal(err)
					}
					at += n
				}
			}
			for _, skip := range skips {
				send(skip[0])
				b.Skip(int64(skip[1] - skip[0]))
				at = skip[1]
			}
			send(len(p))
			if err := b.Finish(); err != nil {
				t.Fatal(err)
			}
			r := incoming(t, s)
			for _, skip := range skips {
				r.Skip(int64(skip[0]), int64(skip[1]))
			}
			got, err := receiveAll(r, len(p))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: error %v, equal %v", skips, err, bytes.Equal(got, want))
			}
			<-b.Delivered()
			checkNothingLeft(t, s)
		})
	}
}

func TestSkipOfWhatComes(t *testing.T) {
	// The sender does not know of the receiver's Skip, and sends everything:
	// the skipped bytes are dropped and their credit given back.
	cfg := &Config{BulkMemory: 1 << 20}
	inWorld(t, link.Config{Delay: 10 * time.Millisecond, Loss: 0.1}, cfg, func(t *testing.T, w *world) {
		_, s, b := transferPair(t, w, nil)
		p := random(5<<20, 6)
		sent := make(chan error, 1)
		go func() { sent <- sendAll(b, p) }()
		r := incoming(t, s)
		const from, to = 2<<20 + 5, 4<<20 + 17
		r.Skip(from, to)
		got, err := receiveAll(r, len(p))
		if err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		clear(p[from:to])
		if !bytes.Equal(got, p) {
			t.Error("other bytes came than were sent and not skipped")
		}
		<-b.Delivered()
		checkNothingLeft(t, s)
	})
}

func TestReceiverBoundsMemory(t *testing.T) {
	const memory = 1 << 20
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, &Config{BulkMemory: memory}, func(t *testing.T, w *world) {
		c, s, b := transferPair(t, w, nil)
		p := random(6<<20, 7)
		sent := make(chan error, 1)
		go func() { sent <- sendAll(b, p) }()
		r := incoming(t, s)
		time.Sleep(10 * time.Second) // nothing is taken: the sender has to wait
		s.mu.Lock()
		backlog := s.backlog
		s.mu.Unlock()
		if backlog > memory || backlog < memory/2 {
			t.Errorf("%d bytes wait at the receiver, the limit is %d", backlog, memory)
		}
		if stats := c.Stats(); stats.BulkBytesAcked > memory {
			t.Errorf("%d bytes were acknowledged", stats.BulkBytesAcked)
		}
		got, err := receiveAll(r, len(p))
		if err != nil || !bytes.Equal(got, p) {
			t.Fatalf("error %v, equal %v", err, bytes.Equal(got, p))
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

func TestSenderBoundsMemory(t *testing.T) {
	blackout := link.Blackout{Start: time.Second, Length: time.Hour}
	inWorld(t, link.Config{Delay: time.Millisecond, Blackouts: []link.Blackout{blackout}}, nil, func(t *testing.T, w *world) {
		_, _, b := transferPair(t, w, nil)
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		slabs := 0
		for ; ; slabs++ {
			buf, err := b.Buffer(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Send(buf); err != nil {
				t.Fatal(err)
			}
		}
		if n := slabs * SlabSize; n < residentBytes || n > 4*residentBytes {
			t.Errorf("%d bytes are in memory at a sender that nobody answers", n)
		}
	})
}

func TestManySendersShareMemory(t *testing.T) {
	blackout := link.Blackout{Start: time.Second, Length: time.Hour}
	inWorld(t, link.Config{Delay: time.Millisecond, Blackouts: []link.Blackout{blackout}}, nil, func(t *testing.T, w *world) {
		c := w.dial(nil)
		w.accept()
		time.Sleep(2 * time.Second)
		const senders = 20
		slabs := 0
		for range senders {
			b, err := c.OpenBulk(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			for {
				buf, err := b.Buffer(ctx)
				if err != nil {
					break
				}
				slabs++
				if err := b.Send(buf); err != nil {
					t.Fatal(err)
				}
			}
			cancel()
		}
		if n := slabs * SlabSize; n < residentBytes || n > 4*residentBytes {
			t.Errorf("%d bytes are in memory at %d senders that nobody answers", n, senders)
		}
	})
}

func TestListenerBoundsMemory(t *testing.T) {
	b := &memoryBudget{limit: 100}
	b.join()
	b.join()
	if b.use(90, 90) || b.use(20, 20) {
		t.Error("a connection below its share, or within the limit, is refused")
	}
	if !b.use(1, 91) {
		t.Error("a connection above its share is not refused")
	}
	b.leave(91)
	if b.use(70, 90) {
		t.Error("memory of a connection that has ended still counts")
	}
}

func TestBrokenTransfers(t *testing.T) {
	inWorld(t, link.Config{Delay: 10 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		c, s, b := transferPair(t, w, nil)
		buf, err := b.Buffer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Send(buf[:1000]); err != nil {
			t.Fatal(err)
		}
		r := incoming(t, s)

		// The receiver wants no more.
		r.Stop(7)
		var broken *StreamError
		if _, err := r.Next(t.Context()); !errors.As(err, &broken) || broken.Remote || broken.Code != 7 {
			t.Errorf("Next after Stop: %v", err)
		}
		for err = nil; err == nil; {
			time.Sleep(time.Millisecond)
			_, err = b.Buffer(t.Context())
		}
		if !errors.As(err, &broken) || !broken.Remote || broken.Code != 7 || !broken.Bulk {
			t.Errorf("Buffer after the peer's Stop: %v", err)
		}
		if code, stopped := b.Stopped(); !stopped || code != 7 || b.Err() == nil || b.Finish() == nil {
			t.Errorf("Stopped() = %d, %v; Err() = %v", code, stopped, b.Err())
		}

		// The sender gives up.
		if b, err = c.OpenBulk(t.Context()); err != nil {
			t.Fatal(err)
		}
		if buf, err = b.Buffer(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(buf[:1000]); err != nil {
			t.Fatal(err)
		}
		r = incoming(t, s)
		b.Reset(8)
		if _, err := r.Next(t.Context()); !errors.As(err, &broken) || !broken.Remote || broken.Code != 8 {
			t.Errorf("Next after the peer's Reset: %v", err)
		}
		if err := b.Finish(); !errors.As(err, &broken) || broken.Remote {
			t.Errorf("Finish after Reset: %v", err)
		}
		checkNothingLeft(t, s)

		// The connection goes on.
		if b, err = c.OpenBulk(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() { _ = sendAll(b, random(100_000, 9)) }()
		if got, err := receiveAll(incoming(t, s), 100_000); err != nil || !bytes.Equal(got, random(100_000, 9)) {
			t.Errorf("the transfer after the broken ones: %v", err)
		}
	})
}

func TestSpreadTransferIsRefused(t *testing.T) {
	// One byte in each slab costs the sender little credit and the receiver a
	// lot of memory.
	cfg := &Config{BulkMemory: 1 << 20}
	inWorld(t, link.Config{Delay: time.Millisecond}, cfg, func(t *testing.T, w *world) {
		_, s, b := transferPair(t, w, nil)
		go func() {
			for range 4000 {
				buf, err := b.Buffer(context.Background())
				if err != nil {
					return
				}
				_ = b.Send(buf[:1])
				b.Skip(SlabSize - 1)
			}
		}()
		select {
		case <-s.Done():
		case <-time.After(time.Minute):
			t.Fatal("the connection goes on")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if limit := cfg.BulkMemory + s.spareMemory() + pageAllowance + SlabSize; s.slabMemory > limit {
			t.Errorf("%d bytes of memory for 1 MiB of credit, want at most %d", s.slabMemory, limit)
		}
		if s.backlog < 1000 {
			t.Errorf("%d bytes took the memory of a connection", s.backlog)
		}
	})
}
