package udp

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreamsThatPause: the reader pauses in a steady stream of datagrams that
// come one by one, and in no other.
func TestStreamsThatPause(t *testing.T) {
	for _, test := range []struct {
		name               string
		bytes, segmentSize int // of each message
		gap                time.Duration
		want               bool
	}{
		{"datagrams one by one", 1064, 1064, 90 * time.Microsecond, true},
		{"a few of them joined", 3 * 1064, 1064, 290 * time.Microsecond, true},
		{"seldom", 1064, 1064, 310 * time.Microsecond, false},
		{"acknowledgements", 60, 60, 90 * time.Microsecond, false},
		{"short trains", 5 * 1064, 1064, 90 * time.Microsecond, false},
		{"trains", 60 * 1064, 1064, 90 * time.Microsecond, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b doorbell
				for range streamLength {
					b.note(test.bytes, test.segmentSize)
					time.Sleep(test.gap)
				}
				for range streamLength - 1 {
					b.note(test.bytes, test.segmentSize)
					time.Sleep(test.gap)
				}
				if b.pausing != test.want {
					t.Errorf("pausing: %v, want %v", b.pausing, test.want)
				}
			})
		})
	}
}

// steady returns the doorbell of a steady stream.
func steady() *doorbell {
	b := new(doorbell)
	for range streamLength {
		b.note(1064, 1064)
	}
	return b
}

// pauses returns how long a pause takes.
func (b *doorbell) pauses() time.Duration {
	start := time.Now()
	b.pause()
	return time.Since(start)
}

// TestPauses: a pause is left out where there is more in the kernel, and the
// last one is the fourth in vain, or the one before a long train.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := steady()
		for _, step := range []struct {
			messages int // that a call brings
			want     time.Duration
		}{
			{5, arrivalPause},
			{maxArrivals, arrivalPause},
			{1, 0},
			{1, arrivalPause},
			{1, arrivalPause},
			{1, arrivalPause},
			{2, arrivalPause},
			{1, arrivalPause},
			{1, arrivalPause},
			{1, arrivalPause},
			{1, arrivalPause},
			{5, 0},
		} {
			if got := b.pauses(); got != step.want {
				t.Fatalf("a pause of %v before %d messages, want %v", got, step.messages, step.want)
			}
			b.took(step.messages)
		}
		b = steady()
		b.note(longTrain+1, 1064)
		if got := b.pauses(); got != 0 {
			t.Errorf("a pause of %v after a long train", got)
		}
	})
}

// TestDoorbell: it wakes for what came before it was waited for, for what comes
// later, every time, and for the end.
func TestDoorbell(t *testing.T) {
	a, b := offload.open(t, "127.0.0.1:0").(*conn), offload.open(t, "127.0.0.1:0").(*conn)
	for range 3 {
		if err := a.WriteTrain([]byte("x"), 1, b.local, a.local); err != nil {
			t.Fatal(err)
		}
		if failed, err := b.bell.await(); failed || err != nil {
			t.Fatal(failed, err)
		}
		woken := make(chan error)
		receive(t, b, 1, 1)
		go func() {
			_, err := b.bell.await()
			woken <- err
		}()
		if err := a.WriteTrain([]byte("x"), 1, b.local, a.local); err != nil {
			t.Fatal(err)
		}
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		receive(t, b, 1, 1)
	}
	woken := make(chan error)
	go func() {
		_, err := b.bell.await()
		woken <- err
	}()
	b.Close()
	if err := <-woken; !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v after Close", err)
	}
}
