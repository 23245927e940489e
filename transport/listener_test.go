package transport

import (
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// TestOneClientCannotTakeAllConnections fills the share of one address.
func TestOneClientCannotTakeAllConnections(t *testing.T) {
	inWorld(t, link.Config{Delay: time.Millisecond}, &Config{MaxConnections: 2 * minQuota}, func(t *testing.T, w *world) {
		for range minQuota {
			w.dial(nil)
			w.accept()
		}
		if _, err := w.tryDial(t.Context(), &Config{HandshakeTimeout: time.Second}); err == nil {
			t.Errorf("%d connections from one address", minQuota+1)
		}
		w.client = netip.MustParseAddrPort("192.0.2.3:0")
		w.dial(nil)
		if stats := w.listener.Stats(); stats.Connections != minQuota+1 || stats.Refused == 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// TestLeastCredit: a client counts on it before it knows what it was granted
// (docs/protocol.md §9.3).
func TestLeastCredit(t *testing.T) {
	for _, memory := range []int64{1, 200 << 10, 0} {
		cfg, err := (&Config{BulkMemory: memory}).checked()
		if err != nil {
			t.Fatal(err)
		}
		for _, free := range []int64{0, 1 << 20, 1 << 40} {
			core := cfg.coreConfig(nil, initialCredit(free, 1000), false)
			if core.BulkWindow < 128<<10 || core.MaxBulkWindow < core.BulkWindow {
				t.Errorf("BulkMemory %d, %d bytes free: a credit of %d, growing to %d", memory, free, core.BulkWindow, core.MaxBulkWindow)
			}
		}
	}
}

func TestHalvedRateIsReported(t *testing.T) {
	narrow := link.Config{Delay: 5 * time.Millisecond, Rate: 1e6, QueueBytes: 20_000}
	inWorld(t, narrow, nil, func(t *testing.T, w *world) {
		rates := make(chan int64, 100)
		c := w.dial(&Config{FixedRate: 40e6, OnRateHalved: func(rate int64) { rates <- rate }})
		w.accept()
		b, err := c.OpenBulk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = sendAll(b, make([]byte, 64<<20)) }()
		select {
		case rate := <-rates:
			if rate <= 0 || rate > 20e6 {
				t.Errorf("40 Mbit/s were halved to %d bit/s", rate)
			}
		case <-time.After(time.Minute):
			t.Error("the halved rate was not reported")
		}
	})
}

// TestBackgroundComesAndGoes: it is what a connection begins with if asked to, and
// a rate goes before it.
func TestBackgroundComesAndGoes(t *testing.T) {
	inWorld(t, link.Config{Delay: 5 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		c := w.dial(&Config{Background: true})
		w.accept()
		for _, step := range []struct {
			set  func()
			want string
		}{
			{func() {}, "background"},
			{func() { c.SetRate(1e6) }, "fixed"},
			{func() { c.SetRate(0) }, "background"},
			{func() { c.SetBackground(false) }, "bbr"},
			{func() { c.SetBackground(true) }, "background"},
		} {
			step.set()
			if got := c.Stats().Controller; got != step.want {
				t.Errorf("the controller is %q, want %q", got, step.want)
			}
		}
	})
}
