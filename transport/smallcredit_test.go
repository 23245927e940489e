package transport

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// TestSmallCredit moves many transfers at once, from sources of all speeds, to a
// receiver with the least credit there is: however they get ahead of each other,
// the pieces that were begun must not hold all of it for ever.
func TestSmallCredit(t *testing.T) {
	for _, delay := range []time.Duration{time.Millisecond, 100 * time.Millisecond} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			inWorld(t, link.Config{Delay: delay}, &Config{BulkMemory: 128 << 10}, func(t *testing.T, w *world) {
				const transfers = 40
				c, s := w.dial(nil), w.accept()
				r := rand.New(rand.NewPCG(1, 2))
				data := make([][]byte, transfers)
				results := make(chan error, 2*transfers)
				for i := range data {
					data[i] = random(r.IntN(1<<20)*r.IntN(2)+r.IntN(3000), uint64(i))
					b, err := c.OpenBulk(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					go func() { results <- sendSlowly(b, data[i], time.Duration(i%4)*time.Millisecond) }()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for range data {
					in, err := s.AcceptBulk(ctx)
					if err != nil {
						t.Fatal("no transfer moves any more: ", err)
					}
					go func() {
						got, err := receiveAll(in, len(data[in.ID()]))
						if err == nil && !bytes.Equal(got, data[in.ID()]) {
							err = fmt.Errorf("transfer %d has other bytes", in.ID())
						}
						results <- err
					}()
				}
				for range 2 * transfers {
					select {
					case err := <-results:
						if err != nil {
							t.Error(err)
						}
					case <-ctx.Done():
						t.Fatal("no transfer moves any more")
					}
				}
			})
		})
	}
}

// sendSlowly is sendAll with a pause before each slab.
func sendSlowly(b *BulkSender, p []byte, pause time.Duration) error {
	for len(p) > SlabSize {
		time.Sleep(pause)
		buf, err := b.Buffer(context.Background())
		if err != nil {
			return err
		}
		if err := b.Send(buf[:copy(buf, p)]); err != nil {
			return err
		}
		p = p[SlabSize:]
	}
	return sendAll(b, p)
}
